//! `activation(input)`, elementwise.

pub mod activation_backward;
pub mod activation_forward;
pub mod add_activation_backward;
pub(in crate::ops) mod vectors;

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::shape::ImageShape;

/// The operation.
#[derive(Debug)]
pub(in crate::ops) struct ActivationOp {
    pub(in crate::ops) shape: ImageShape,
    pub(in crate::ops) activation: Activation,
}

/// Records `activation` of every element of `input`.
pub fn record(graph: &mut Graph, layer: &str, input: Value, activation: Activation) -> Value {
    let shape = graph.sample_shape(input);
    let output = graph.transient(Shape::Samples(shape), Scalar::F32);
    let op = ActivationOp { shape, activation };
    graph.record(layer, op, vec![input], vec![output]);
    output
}

impl Op for ActivationOp {
    fn call(&self, _target: &Target) -> Call {
        activation_forward::call(self.shape, self.activation)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let gradient = before_activation(tape, node, self.activation)?;
        tape.set_gradient(node, node.inputs[0], gradient)
    }
}

/// Gradient of what went into the activation that ends `node`, from the node's first output:
/// recorded here unless the kernel that made the output's gradient took the slope as well. Where two gradients of the
/// output are still to be added, one kernel does both.
pub(in crate::ops) fn before_activation(
    tape: &mut Tape<'_>,
    node: &Node,
    activation: Activation,
) -> Result<Value> {
    let output = node.outputs[0];
    if let Some(gradient) = tape.gradient_before_activation(node, output)? {
        return Ok(gradient);
    }
    let shape = tape.graph.sample_shape(output);
    if activation != Activation::Linear
        && let Some([gradient, other]) = tape.gradients_to_add(output)
    {
        let call = add_activation_backward::call(shape, activation);
        return Ok(tape.samples(node, call, vec![output, gradient, other], output));
    }
    let gradient = tape.gradient(node, output)?;
    if activation == Activation::Linear {
        return Ok(gradient);
    }
    let call = activation_backward::call(shape, activation);
    Ok(tape.samples(node, call, vec![output, gradient], output))
}
