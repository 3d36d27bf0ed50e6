//! Linear layers.

use super::{Layer, OnnxPlace, Reads, Tensor, weight_and_bias};
use crate::error::Result;
use crate::graph::{Graph, Layout, Value};
use crate::nn::onnx::{OnnxGraph, int};
use crate::ops;
use crate::shape::{ImageShape, padded};

/// A linear layer of all of its input to that many features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear(pub usize);

/// The same without a bias: what a batch norm behind it would take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearWithoutBias(pub usize);

fn tensors(input: ImageShape, features: usize) -> Vec<Tensor> {
    let layout = Layout::Weight {
        out: features,
        channels: input.channels,
        height: input.height,
        width: input.width,
    };
    weight_and_bias(vec![features, input.elements()], layout, features)
}

impl Layer for Linear {
    fn torch(&self, input: ImageShape) -> String {
        format!("Linear({}, {})", input.elements(), self.0)
    }

    fn output(&self, name: &str, _input: ImageShape) -> Result<ImageShape> {
        super::check_size(name, "features", self.0)?;
        Ok(ImageShape::vector(self.0))
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        tensors(input, self.0)
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
        let [weight, bias] = *tensors else {
            unreachable!("a linear layer has a weight and a bias");
        };
        let inputs = [input, weight, bias];
        Ok(ops::linear::record(graph, name, inputs, self.0, true))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        gemm(graph, at)
    }
}

impl Layer for LinearWithoutBias {
    fn torch(&self, input: ImageShape) -> String {
        format!("Linear({}, {}, bias=False)", input.elements(), self.0)
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        Linear(self.0).output(name, input)
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        let mut tensors = tensors(input, self.0);
        tensors.truncate(1);
        tensors[0].spare = padded(self.0);
        tensors
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
        // Kernels read zeros where a bias would lie, and give it no gradient.
        let bias = graph.behind(tensors[0], padded(self.0));
        let inputs = [input, tensors[0], bias];
        Ok(ops::linear::record(graph, name, inputs, self.0, false))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        gemm(graph, at)
    }
}

fn gemm(graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
    let mut inputs = vec![at.input];
    inputs.extend(at.tensors.iter().map(String::as_str));
    graph.node(at.node("Gemm"), "Gemm", &inputs, &[int("transB", 1)])
}
