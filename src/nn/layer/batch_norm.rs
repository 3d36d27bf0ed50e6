//! Batch norm.

use super::{Layer, OnnxPlace, Reads};
use crate::error::Result;
use crate::graph::{Graph, Kind, Layout, Start, Tensor, Value};
use crate::nn::onnx::{OnnxGraph, float};
use crate::ops;
use crate::shape::ImageShape;

/// Normalises every channel over the batch, and scales it: by statistics of the batch in training, by
/// running ones in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchNorm2d;

/// The same of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchNorm1d;

impl Layer for BatchNorm1d {
    fn torch(&self, input: ImageShape) -> String {
        format!("BatchNorm1d({})", input.channels)
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        BatchNorm2d.output(name, input)
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        BatchNorm2d.tensors(input)
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
        BatchNorm2d.record(graph, name, input, tensors)
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        BatchNorm2d.onnx(graph, at)
    }
}

impl Layer for BatchNorm2d {
    fn torch(&self, input: ImageShape) -> String {
        format!("BatchNorm2d({})", input.channels)
    }

    fn output(&self, _name: &str, input: ImageShape) -> Result<ImageShape> {
        Ok(input)
    }

    fn tensors(&self, input: ImageShape) -> Vec<Tensor> {
        let out = input.channels;
        let tensor = |name: &str, start, kind| Tensor {
            name: name.to_owned(),
            torch_shape: vec![out],
            layout: Layout::Bias { out },
            start,
            kind,
            spare: 0,
        };
        vec![
            tensor("weight", Start::One, Kind::Trained),
            tensor("bias", Start::Zero, Kind::Trained),
            tensor("running_mean", Start::Zero, Kind::Statistic),
            tensor("running_var", Start::One, Kind::Statistic),
        ]
    }

    fn record(
        &self,
        graph: &mut Graph,
        name: &str,
        input: Value,
        tensors: &[Value],
    ) -> Result<Value> {
        let [weight, bias, mean, variance] = *tensors else {
            unreachable!("a batch norm has four tensors");
        };
        let training = graph.training;
        let (parameters, statistics) = ([weight, bias], [mean, variance]);
        Ok(ops::norm::record(
            graph, name, input, parameters, statistics, training,
        ))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let mut inputs = vec![at.input];
        inputs.extend(at.tensors.iter().map(String::as_str));
        let op_type = "BatchNormalization";
        let epsilon = [float("epsilon", ops::norm::EPS)];
        graph.node(at.node(op_type), op_type, &inputs, &epsilon)
    }
}
