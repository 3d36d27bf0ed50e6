//! Activations.

use super::{Layer, OnnxPlace, Reads};
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::nn::onnx::OnnxGraph;
use crate::ops;
use crate::shape::ImageShape;

/// An elementwise activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivationLayer(pub Activation);

impl Layer for ActivationLayer {
    fn torch(&self, _input: ImageShape) -> String {
        let name = match self.0 {
            Activation::Linear => "Identity",
            Activation::Relu => "ReLU",
            Activation::Sigmoid => "Sigmoid",
            Activation::Tanh => "Tanh",
        };
        format!("{name}()")
    }

    fn output(&self, _name: &str, input: ImageShape) -> Result<ImageShape> {
        Ok(input)
    }

    fn reads(&self) -> Reads {
        Reads::Anything
    }

    fn record(&self, graph: &mut Graph, name: &str, input: Value, _: &[Value]) -> Result<Value> {
        if self.0 == Activation::Linear {
            return Ok(input);
        }
        Ok(ops::activation::record(graph, name, input, self.0))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let op_type = match self.0 {
            Activation::Linear => return at.input.to_owned(),
            Activation::Relu => "Relu",
            Activation::Sigmoid => "Sigmoid",
            Activation::Tanh => "Tanh",
        };
        graph.node(at.node(op_type), op_type, &[at.input], &[])
    }
}
