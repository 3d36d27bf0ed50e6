//! The gradients of a convolution, which others that are one share.

use super::{conv2d_backward_input, conv2d_backward_weight};
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Tape, Value};
use crate::shape::ConvShape;

/// The node's input, weight and bias.
pub(in crate::ops) fn inputs(node: &Node) -> [Value; 3] {
    let [input, weight, bias] = node.inputs[..] else {
        unreachable!("a convolution is recorded with three inputs");
    };
    [input, weight, bias]
}

/// Records the gradients of weight, bias and input, given that of the sums.
pub(in crate::ops) fn gradients(
    tape: &mut Tape<'_>,
    node: &Node,
    shape: &ConvShape,
    gradient: Value,
    has_bias: bool,
) -> Result<()> {
    let [input, weight, bias] = inputs(node);
    let (capacity, target) = (tape.graph.capacity, tape.graph.target.clone());
    let splits = conv2d_backward_weight::splits(capacity, shape, &target);
    let mut call = conv2d_backward_weight::call(capacity, shape, &target);
    if !has_bias {
        call = call.without_bias();
    }
    tape.parameter_gradients(node, [weight, bias], call, vec![input, gradient], splits);
    if tape.graph.needs_gradient(input) {
        input_gradient(tape, node, shape, gradient)?;
    }
    Ok(())
}

/// Records the gradient of the input, given that of the sums; where an activation is fused into
/// what made the input, the slope is taken by the same kernel.
pub(in crate::ops) fn input_gradient(
    tape: &mut Tape<'_>,
    node: &Node,
    shape: &ConvShape,
    gradient: Value,
) -> Result<()> {
    let [input, weight, _] = inputs(node);
    let activation = tape.fused_activation(input);
    // Without an activation the kernel does not read its input: what it reads anyway is bound.
    let activated = match activation {
        Activation::Linear => gradient,
        _ => input,
    };
    let call = conv2d_backward_input::call(shape, activation, &tape.graph.target);
    let inputs = vec![gradient, weight, activated];
    let grad_input = tape.samples(node, call, inputs, input);
    tape.set_gradient_before_activation(node, input, grad_input)
}
