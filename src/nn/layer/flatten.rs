//! Flattening.

use super::{Layer, OnnxPlace, Reads};
use crate::error::Result;
use crate::graph::{Graph, Value};
use crate::nn::onnx::{OnnxGraph, int};
use crate::shape::ImageShape;

/// Flattens its input (channels, rows, columns) into a vector; no work of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flatten;

impl Layer for Flatten {
    fn torch(&self, _input: ImageShape) -> String {
        "Flatten()".to_owned()
    }

    fn output(&self, _name: &str, input: ImageShape) -> Result<ImageShape> {
        Ok(ImageShape::vector(input.elements()))
    }

    fn reads(&self) -> Reads {
        Reads::Anything
    }

    fn is_view(&self) -> bool {
        true
    }

    fn record(&self, _: &mut Graph, _name: &str, input: Value, _: &[Value]) -> Result<Value> {
        Ok(input)
    }

    fn onnx(&self, graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        graph.node(
            at.node("Flatten"),
            "Flatten",
            &[at.input],
            &[int("axis", 1)],
        )
    }
}
