//! Residual blocks.

use std::sync::Arc;

use super::{ActivationLayer, BatchNorm2d, Conv2d, Layer, OnnxPlace};
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Tensor, Value};
use crate::nn::onnx::OnnxGraph;
use crate::ops;
use crate::shape::ImageShape;

/// The basic block of a residual net, by the names of torchvision's: two convolutions 3x3 with batch
/// norm, and a shortcut around them, which is a convolution 1x1 with batch norm where shapes differ.
///
/// Source: He et al., "Deep Residual Learning for Image Recognition", 2016.
#[derive(Debug)]
pub struct BasicBlock {
    channels: usize,
    stride: usize,
    activation: Activation,
}

/// Layers one after the other, by their names within a block.
type Chain = Vec<(&'static str, Arc<dyn Layer>)>;

impl BasicBlock {
    /// A block with so many channels whose first convolution has that stride.
    pub fn new(channels: usize, stride: usize, activation: Activation) -> Self {
        Self {
            channels,
            stride,
            activation,
        }
    }

    fn convolution(&self, kernel: usize, stride: usize) -> Arc<dyn Layer> {
        Arc::new(Conv2d {
            channels: self.channels,
            kernel,
            stride,
            padding: kernel / 2,
            bias: false,
        })
    }

    fn body(&self) -> Chain {
        vec![
            ("conv1", self.convolution(3, self.stride)),
            ("bn1", Arc::new(BatchNorm2d)),
            ("relu", Arc::new(ActivationLayer(self.activation))),
            ("conv2", self.convolution(3, 1)),
            ("bn2", Arc::new(BatchNorm2d)),
        ]
    }

    /// Nothing where the input goes around as it is.
    fn shortcut(&self, input: ImageShape) -> Chain {
        if self.stride == 1 && input.channels == self.channels {
            return Vec::new();
        }
        vec![
            ("downsample.0", self.convolution(1, self.stride)),
            ("downsample.1", Arc::new(BatchNorm2d)),
        ]
    }
}

impl Layer for BasicBlock {
    fn torch(&self, input: ImageShape) -> String {
        let Self {
            channels, stride, ..
        } = self;
        format!(
            "BasicBlock({}, {channels}, stride={stride})",
            input.channels
        )
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        let mut shape = input;
        for (_, layer) in self.body() {
            shape = layer.output(name, shape)?;
        }
        Ok(shape)
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        for chain in [self.body(), self.shortcut(input)] {
            let mut shape = input;
            for (name, layer) in chain {
                let named = layer.tensors(shape).into_iter().map(|tensor| Tensor {
                    name: format!("{name}.{}", tensor.name),
                    ..tensor
                });
                tensors.extend(named);
                shape = layer.output(name, shape).unwrap_or(shape);
            }
        }
        tensors
    }

    fn record(
        &self,
        graph: &mut Graph,
        name: &str,
        input: Value,
        mut tensors: &[Value],
    ) -> Result<Value> {
        let shape = graph.sample_shape(input);
        let mut ends = [input; 2];
        for (end, chain) in ends.iter_mut().zip([self.body(), self.shortcut(shape)]) {
            for (_, layer) in chain {
                let count = layer.tensors(graph.sample_shape(*end)).len();
                let (own, rest) = tensors.split_at(count);
                tensors = rest;
                *end = layer.record(graph, name, *end, own)?;
            }
        }
        let sum = ops::elementwise::record(graph, name, ends)?;
        ActivationLayer(self.activation).record(graph, name, sum, &[])
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let mut tensors = at.tensors;
        let chains = [self.body(), self.shortcut(at.shape)];
        let ends = chains.map(|chain| {
            let (mut value, mut shape) = (at.input.to_owned(), at.shape);
            for (name, layer) in chain {
                let (own, rest) = tensors.split_at(layer.tensors(shape).len());
                tensors = rest;
                let place = OnnxPlace {
                    path: &format!("{}.{name}", at.path),
                    input: &value,
                    shape,
                    tensors: own,
                };
                value = layer.onnx(graph, place);
                shape = layer.output(name, shape).unwrap_or(shape);
            }
            value
        });
        let sum = graph.node(at.node("Add"), "Add", &[&ends[0], &ends[1]], &[]);
        let place = OnnxPlace { input: &sum, ..at };
        ActivationLayer(self.activation).onnx(graph, place)
    }
}
