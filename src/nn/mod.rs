//! Floor 4: the nets. What a configuration means in layers, how it is initialised, and the
//! programs that train and evaluate it.

mod builder;
mod config;
mod init;
pub mod layer;
mod network;
pub mod onnx;
mod programs;
mod resnet;
mod sequential;

pub use crate::activation::Activation;
pub use crate::ops::loss::{
    CrossEntropy, Metric, Objective, Regression, RegressionLoss, TargetScale, balanced_weights,
};
pub use crate::ops::optimizer::{Adam, Optimizer, Sgd};
pub use builder::Net;
pub use config::{Head, NetworkConfiguration, NetworkType, Pool};
pub use init::initial_parameters;
pub use layer::Layer;
pub use network::{Entry, Network};
#[cfg(test)]
pub(crate) use programs::default_training_graph;
pub use programs::{ProgramOptions, Update, evaluation_program, training_program};
