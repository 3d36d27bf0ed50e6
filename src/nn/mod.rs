//! Floor 5: the nets. What a configuration means in layers, how it is initialised, and the
//! programs that train and evaluate it.

mod config;
mod init;
mod network;
mod programs;
mod sequential;

pub use crate::activation::Activation;
pub use crate::ops::optimizer::{Adam, Optimizer, Sgd};
pub use config::{NetworkConfiguration, NetworkType};
pub use init::initial_parameters;
pub use network::{Layer, LayerKind, Network};
#[cfg(test)]
pub(crate) use programs::default_training_graph;
pub use programs::{ProgramOptions, Update, evaluation_program, training_program};
