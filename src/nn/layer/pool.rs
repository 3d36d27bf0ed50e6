//! Poolings.

use super::{Layer, OnnxPlace};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::nn::onnx::{OnnxGraph, ints};
use crate::ops;
use crate::shape::ImageShape;

/// Max-pooling with windows of that size, which is their step too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d(pub usize);

impl Layer for MaxPool2d {
    fn torch(&self, _input: ImageShape) -> String {
        format!("MaxPool2d({})", self.0)
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        ops::pool::output_shape(name, ops::pool::MAX, input, self.0)
    }

    fn record(&self, graph: &mut Graph, name: &str, input: Value, _: &[Value]) -> Result<Value> {
        ops::pool::record(graph, name, input, self.0)
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        graph.max_pool(at.node("MaxPool"), at.input, [self.0; 2], [self.0; 2])
    }
}

/// The mean over windows of that size, which is their step too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvgPool2d(pub usize);

impl Layer for AvgPool2d {
    fn torch(&self, _input: ImageShape) -> String {
        format!("AvgPool2d({})", self.0)
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        ops::pool::output_shape(name, ops::pool::AVERAGE, input, self.0)
    }

    fn record(&self, graph: &mut Graph, name: &str, input: Value, _: &[Value]) -> Result<Value> {
        ops::pool::avg_pool2d::record(graph, name, input, self.0)
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let op_type = "AveragePool";
        let sizes = [self.0; 2];
        let attributes = [ints("kernel_shape", &sizes), ints("strides", &sizes)];
        graph.node(at.node(op_type), op_type, &[at.input], &attributes)
    }
}

/// Max-pooling to that many cells along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdaptiveMaxPool2d(pub usize);

impl Layer for AdaptiveMaxPool2d {
    fn torch(&self, _input: ImageShape) -> String {
        format!("AdaptiveMaxPool2d(({0}, {0}))", self.0)
    }

    fn output(&self, _name: &str, input: ImageShape) -> Result<ImageShape> {
        Ok(ImageShape::new(input.channels, self.0, self.0))
    }

    fn record(&self, graph: &mut Graph, name: &str, input: Value, _: &[Value]) -> Result<Value> {
        Ok(ops::pool::adaptive_max_pool2d::record(
            graph, name, input, self.0,
        ))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        graph.adaptive_max_pool(at.path, at.input, at.shape, self.0)
    }
}

/// The mean over all pixels of every channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalAvgPool2d;

impl Layer for GlobalAvgPool2d {
    fn torch(&self, _input: ImageShape) -> String {
        "AdaptiveAvgPool2d((1, 1))".to_owned()
    }

    fn output(&self, _name: &str, input: ImageShape) -> Result<ImageShape> {
        Ok(ImageShape::vector(input.channels))
    }

    fn record(&self, graph: &mut Graph, name: &str, input: Value, _: &[Value]) -> Result<Value> {
        Ok(ops::pool::global_avg_pool2d::record(graph, name, input))
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        let op_type = "GlobalAveragePool";
        graph.node(at.node(op_type), op_type, &[at.input], &[])
    }
}
