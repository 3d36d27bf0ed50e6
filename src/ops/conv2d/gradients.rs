//! The gradients of a convolution, which others that are one share.

use super::{
    conv2d_backward_input, conv2d_backward_input_direct, conv2d_backward_input_max_unpool2d,
    conv2d_backward_weight, conv2d_backward_weight_strips,
};
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Tape, Value};
use crate::kernel::Call;
use crate::kernel::choice::choose_call;
use crate::kernel::target::Target;
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
    let mut call = weight_gradient(capacity, shape, &target);
    if !has_bias {
        call = call.without_bias();
    }
    let splits = call.splits();
    tape.parameter_gradients(node, [weight, bias], call, vec![input, gradient], splits);
    if tape.graph.needs_gradient(input) {
        input_gradient(tape, node, shape, gradient)?;
    }
    Ok(())
}

/// The gradients by weight and bias, by strips or by tiles: what `gpu-train tune` measured, else whatever an
/// NVIDIA H200 did faster. Microseconds with the launch, tiles with as many splits as they have now, and
/// strips: the cnn's first convolution 17.0 and 13.2 (batch 1024: 87 and 68), its second 17.4 and 17.3 (81 and
/// 77), its third 10.6 and 11.7 (30 and 34); a kernel of 28 by 28, 63 and 32 (421 and 203).
fn weight_gradient(capacity: usize, shape: &ConvShape, target: &Target) -> Call {
    if target.is_cpu() {
        return conv2d_backward_weight::call(capacity, shape, target);
    }
    let tiles = conv2d_backward_weight::tiles(capacity, shape);
    let tiles = tiles
        .iter()
        .map(|it| conv2d_backward_weight::call_tiled(capacity, shape, it));
    let (strips, is_better) = conv2d_backward_weight_strips::choices(shape);
    let strips = strips
        .iter()
        .map(|it| conv2d_backward_weight_strips::call(capacity, shape, it));
    let (problem, sizes) = (conv2d_backward_weight::KERNEL.name, shape.sizes());
    choose_call(problem, &sizes, target, tiles, (strips, is_better))
}

/// Records the gradient of the input, given that of the sums; where an activation is fused into
/// what made the input, the slope is taken by the same kernel, and where a pooling is, it is undone.
pub(in crate::ops) fn input_gradient(
    tape: &mut Tape<'_>,
    node: &Node,
    shape: &ConvShape,
    gradient: Value,
) -> Result<()> {
    let [input, weight, _] = inputs(node);
    let (capacity, target) = (tape.graph.capacity, tape.graph.target.clone());
    // What is measured chooses tiles, and no operation: a step poses the same problems whatever was measured.
    let (_, is_direct) = conv2d_backward_input_direct::choices(capacity, shape);
    if let Some(pooling) = tape.fused_pooling(input)
        && !is_direct
        && !target.is_cpu()
        && tape.graph.sample_shape(input) == shape.input
    {
        let (before, read) = (pooling.activation, pooling.input);
        let call = conv2d_backward_input_max_unpool2d::call(shape, before, read, &target);
        let inputs = vec![gradient, weight, input, pooling.argmax];
        let grad_input = tape.samples_of(node, call, inputs, read);
        return tape.set_gradient_before_pooling(node, input, grad_input);
    }
    let activation = tape.fused_activation(input);
    let call = by_input(capacity, shape, activation, &target);
    // Without an activation the kernel does not read its input: what it reads anyway is bound.
    let activated = match activation {
        Activation::Linear => gradient,
        _ => input,
    };
    let inputs = vec![gradient, weight, activated];
    let grad_input = tape.samples(node, call, inputs, input);
    tape.set_gradient_before_activation(node, input, grad_input)
}

/// The gradient by the input, directly or by tiles: what `gpu-train tune` measured, else whatever an NVIDIA
/// H200 did faster. Microseconds with the launch, tiles and directly, of 15x15 pixels: 17.5 and 24 (batch 1024:
/// 104 and 80); of 6x6 15 and 22 (38 and 50).
fn by_input(capacity: usize, shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    if target.is_cpu() {
        return conv2d_backward_input::call(shape, activation, target);
    }
    let tiles = conv2d_backward_input::tiles(shape);
    let tiles = tiles
        .iter()
        .map(|it| conv2d_backward_input::call_tiled(shape, activation, it));
    let (direct, is_better) = conv2d_backward_input_direct::choices(capacity, shape);
    let direct = direct
        .iter()
        .map(|it| conv2d_backward_input_direct::call(shape, activation, it));
    let (problem, sizes) = (conv2d_backward_input::KERNEL.name, shape.sizes());
    choose_call(problem, &sizes, target, tiles, (direct, is_better))
}
