//! A net: its layers with their shapes, and its parameters.

use super::config::{NetworkConfiguration, NetworkType};
use super::sequential;
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, ParameterTable, Role, Value};
use crate::kernel::Scalar;
use crate::ops;
use crate::shape::{ConvShape, ImageShape};

/// What a layer does. Parameters are named by their index in the net's [`ParameterTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Flattens its input (channels, rows, columns) into a vector; no work of its own.
    Flatten,
    /// A convolution without padding.
    Conv2d {
        /// Its shapes.
        shape: ConvShape,
        /// Index of the weight; the bias follows it.
        weight: usize,
    },
    /// A linear layer.
    Linear {
        /// Index of the weight; the bias follows it.
        weight: usize,
    },
    /// An elementwise activation.
    Activation(Activation),
    /// Max-pooling with windows of that size.
    MaxPool2d(usize),
    /// Max-pooling to that many cells along each axis.
    AdaptiveMaxPool2d(usize),
}

/// One entry of the `torch.nn.Sequential` that the net is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// As people count: "conv layer 2". Errors and profiles use it.
    pub name: String,
    /// As PyTorch prints it: `Conv2d(16, 32, kernel_size=3, stride=1)`.
    pub torch: String,
    /// What it does.
    pub kind: LayerKind,
    /// Shape of its output, per sample.
    pub output: ImageShape,
}

/// A net for images of one shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Shape of the images as the net reads them: an mlp sees a vector.
    pub input: ImageShape,
    /// The layers, in order; their positions are their names in the `state_dict`.
    pub layers: Vec<Layer>,
    /// The parameters.
    pub parameters: ParameterTable,
}

impl Network {
    /// The net that `configuration` describes, for images of shape `image`, with one output.
    ///
    /// Errors name the layer that does not fit and its shapes.
    pub fn new(
        network: NetworkType,
        configuration: &NetworkConfiguration,
        activation: Activation,
        image: ImageShape,
    ) -> Result<Self> {
        configuration.validate(network)?;
        sequential::build(network, configuration, activation, image)
    }

    /// Records the net on `input`; returns its prediction, one value per sample.
    pub(super) fn record(&self, graph: &mut Graph, input: Value) -> Result<Value> {
        let mut value = input;
        for layer in &self.layers {
            let name = &layer.name;
            value = match layer.kind {
                LayerKind::Flatten => value,
                LayerKind::Conv2d { shape, weight } => {
                    let [weight, bias] = self.weight_and_bias(graph, weight);
                    ops::conv2d::record(graph, name, [value, weight, bias], shape)?
                }
                LayerKind::Linear { weight } => {
                    let [weight, bias] = self.weight_and_bias(graph, weight);
                    let features = layer.output.channels;
                    ops::linear::record(graph, name, value, weight, bias, features)
                }
                LayerKind::Activation(activation) => {
                    ops::activation::record(graph, name, value, activation)
                }
                LayerKind::MaxPool2d(window) => ops::pool::record(graph, name, value, window)?,
                LayerKind::AdaptiveMaxPool2d(cells) => {
                    ops::pool::adaptive_max_pool2d::record(graph, name, value, cells)
                }
            };
        }
        Ok(value)
    }

    fn weight_and_bias(&self, graph: &mut Graph, weight: usize) -> [Value; 2] {
        [weight, weight + 1].map(|index| {
            let parameter = self.parameters.get(index);
            let len = parameter.layout.padded_len();
            graph.resident(Role::Parameters, parameter.offset, len, Scalar::F32)
        })
    }
}
