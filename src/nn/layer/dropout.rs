//! Dropout.

use super::{Layer, OnnxPlace, Reads};
use crate::error::{Error, Result};
use crate::graph::{Graph, Value};
use crate::nn::onnx::OnnxGraph;
use crate::ops;
use crate::shape::ImageShape;

/// Leaves elements out with this probability, from 0 to below 1, in training only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout(pub f64);

impl Layer for Dropout {
    fn torch(&self, _input: ImageShape) -> String {
        format!("Dropout(p={})", self.0)
    }

    fn output(&self, name: &str, input: ImageShape) -> Result<ImageShape> {
        if (0.0..1.0).contains(&self.0) {
            return Ok(input);
        }
        let what = format!("its dropout {:?} is not from 0 to below 1", self.0);
        Err(Error::shape(name, what, "0.5 is usual"))
    }

    fn reads(&self) -> Reads {
        Reads::Anything
    }

    fn record(&self, graph: &mut Graph, name: &str, input: Value, _: &[Value]) -> Result<Value> {
        Ok(ops::elementwise::dropout::record(
            graph, name, input, self.0,
        ))
    }

    fn onnx(&self, _graph: &mut OnnxGraph, at: OnnxPlace<'_>) -> String {
        at.input.to_owned()
    }
}
