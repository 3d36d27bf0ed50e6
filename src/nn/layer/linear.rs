//! Linear layers.

use super::{Layer, OnnxPlace, Reads, Tensor, weight_and_bias};
use crate::error::Result;
use crate::graph::{Graph, Layout, Value};
use crate::nn::onnx::{OnnxGraph, int};
use crate::ops;
use crate::shape::ImageShape;

/// A linear layer of all of its input to that many features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear(pub usize);

impl Layer for Linear {
    fn torch(&self, input: ImageShape) -> String {
        format!("Linear({}, {})", input.elements(), self.0)
    }

    fn output(&self, name: &str, _input: ImageShape) -> Result<ImageShape> {
        super::check_size(name, "features", self.0)?;
        Ok(ImageShape::vector(self.0))
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        let layout = Layout::Weight {
            out: self.0,
            channels: input.channels,
            height: input.height,
            width: input.width,
        };
        weight_and_bias(vec![self.0, input.elements()], layout, self.0)
    }

    fn reads(&self) -> Reads {
        Reads::Vectors
    }

    fn record(
        &self,
        graph: &mut Graph,
        name: &str,
        input: Value,
        tensors: &[Value],
    ) -> Result<Value> {
        let [weight, bias] = tensors else {
            unreachable!("a linear layer has a weight and a bias");
        };
        Ok(ops::linear::record(
            graph, name, input, *weight, *bias, self.0,
        ))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let [weight, bias] = at.tensors else {
            unreachable!("a linear layer has a weight and a bias");
        };
        let inputs = [at.input, weight, bias];
        graph.node(at.node("Gemm"), "Gemm", &inputs, &[int("transB", 1)])
    }
}
