//! Layers: everything that anybody knows of a kind of layer, in one place. A net is a list of them.

mod activation;
mod batch_norm;
mod conv2d;
mod dropout;
mod flatten;
mod linear;
mod pool;
mod residual;

pub use activation::ActivationLayer;
pub use batch_norm::{BatchNorm1d, BatchNorm2d};
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use linear::{Linear, LinearWithoutBias};
pub use pool::{AdaptiveMaxPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d};
pub use residual::BasicBlock;

use std::fmt::Debug;

use super::onnx::OnnxGraph;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, Layout, Start, Tensor, Value};
use crate::shape::ImageShape;

/// A kind of layer with its sizes.
pub trait Layer: Debug + Send + Sync {
    /// As PyTorch prints it on inputs of that shape: `Conv2d(16, 32, kernel_size=3, stride=1)`.
    fn torch(&self, input: ImageShape) -> String;

    /// Shape of its output for samples of shape `input`.
    ///
    /// Errors where it does not fit, naming the layer: `name`.
    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape>;

    /// Its tensors, in the order of PyTorch's `state_dict`. Samples lie in memory as `input`: what was
    /// flattened lies as before.
    fn tensors(&self, _input: ImageShape) -> Vec<Tensor> {
        Vec::new()
    }

    /// Whether its output lies in memory as its input does: a view, and no work.
    fn is_view(&self) -> bool {
        false
    }

    /// What it reads.
    fn reads(&self) -> Reads {
        Reads::Images
    }

    /// Records it on `input`; `tensors` are those of [`Layer::tensors`].
    fn record(
        &self,
        graph: &mut Graph,
        name: &str,
        input: Value,
        tensors: &[Value],
    ) -> Result<Value>;

    /// Appends it to an ONNX graph as the node, or nodes, `at` and further, which read `input`;
    /// `tensors` are the names of [`Layer::tensors`]. Returns the name of its output.
    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String;
}

/// What a layer reads. Images that were flattened still lie in memory as images: few layers can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Images, before they are flattened.
    Images,
    /// Vectors: what was flattened.
    Vectors,
    /// Both.
    Anything,
}

/// Where a layer stands in an ONNX graph.
#[derive(Debug, Clone, Copy)]
pub struct OnnxPlace<'a> {
    /// What the names of its nodes begin with.
    pub path: &'a str,
    /// Name of the value that it reads.
    pub input: &'a str,
    /// Shape of that.
    pub shape: ImageShape,
    /// Names of its tensors.
    pub tensors: &'a [String],
}

impl OnnxPlace<'_> {
    /// Name of its node of type `op_type`.
    pub fn node(&self, op_type: &str) -> String {
        format!("{}.{op_type}", self.path)
    }
}

/// Errors where a size of the layer `name` is 0.
fn check_size(name: &str, what: &str, size: usize) -> Result<()> {
    if size > 0 {
        return Ok(());
    }
    let what = format!("its {what} are 0");
    Err(Error::shape(name, what, "give it at least 1"))
}

/// The weight and the bias of a layer that sums over `channels` of `height` x `width` for each of its
/// `out` outputs.
fn weight_and_bias(torch_shape: Vec<usize>, layout: Layout, out: usize) -> Vec<Tensor> {
    let start = Start::FanIn(layout.elements() / out);
    let tensor = |name: &str, torch_shape, layout| Tensor {
        name: name.to_owned(),
        torch_shape,
        layout,
        start,
        kind: Kind::Trained,
        spare: 0,
    };
    vec![
        tensor("weight", torch_shape, layout),
        tensor("bias", vec![out], Layout::Bias { out }),
    ]
}
