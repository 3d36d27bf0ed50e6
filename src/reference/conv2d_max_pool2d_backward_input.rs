//! Twin of `shaders/conv2d_max_pool2d_backward_input.wgsl`.

use super::conv2d_max_pool2d_backward_weight::unpooled;
use super::{Real, conv2d_backward_input, twin};
use crate::kernels::Step;
use crate::kernels::conv2d_backward_input::Params;

twin!(grad_output: real, argmax: word, weight: real, input: real, grad_input: real_mut);

/// The gradient of [`conv2d_backward_input`], that of every window being the gradient of the pixel it
/// picked.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    argmax: &[u32],
    weight: &[T],
    input: &[T],
    grad_input: &mut [T],
) {
    let shape = [params.out_height, params.out_width, params.out_quads];
    let grads = unpooled(shape, step, grad_output, argmax);
    conv2d_backward_input::run(params, step, &grads, weight, input, grad_input);
}
