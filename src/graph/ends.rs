//! Activations and poolings that end operations, fused into them, which the kernel of an only reader may undo.

use std::collections::HashMap;

use super::graph::{Node, Value};
use crate::activation::Activation;
use crate::shape::ImageShape;

/// A max-pooling that is fused into the operation that made a value.
#[derive(Debug, Clone, Copy)]
pub struct Pooling {
    /// Shape of a sample of what it reads.
    pub input: ImageShape,
    /// The activation before it.
    pub activation: Activation,
    /// The pixels of its input that it picked.
    pub argmax: Value,
}

/// The outputs of `nodes` that end in a fused activation and that one operation alone reads, once.
pub(super) fn fused_activations(nodes: &[Node]) -> HashMap<Value, Activation> {
    let ends = nodes.iter().filter_map(|node| {
        let (activation, output) = (node.op.activation(), *node.outputs.first()?);
        let is_fused = activation != Activation::Linear;
        (is_fused && is_read_once(nodes, output)).then_some((output, activation))
    });
    ends.collect()
}

/// The outputs of `nodes` that end in a fused pooling and that one operation alone reads, once.
pub(super) fn fused_poolings(nodes: &[Node]) -> HashMap<Value, Pooling> {
    let ends = nodes.iter().filter_map(|node| {
        let (input, activation) = node.op.pooling()?;
        let [output, argmax] = node.outputs[..] else {
            return None;
        };
        let pooling = Pooling {
            input,
            activation,
            argmax,
        };
        is_read_once(nodes, output).then_some((output, pooling))
    });
    ends.collect()
}

fn is_read_once(nodes: &[Node], value: Value) -> bool {
    let readers = nodes.iter().flat_map(|it| &it.inputs);
    readers.filter(|it| **it == value).count() == 1
}
