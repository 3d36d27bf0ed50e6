//! Twin of `shaders/adaptive_max_pool2d_backward.wgsl`.

use super::max_pool2d_backward::scatter;
use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::adaptive_max_pool2d_backward::Params;
use crate::shape::QUAD;

twin!(grad_output: real, argmax: word, grad_input: real_mut);

/// `grad_output` and `argmax`: (batch, cells, cells, padded channels); `grad_input`: (batch,
/// height, width, padded channels).
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    argmax: &[u32],
    grad_input: &mut [T],
) {
    let windows = params.cells * params.cells;
    let pixels = params.in_height * params.in_width;
    let shape = [step.batch, windows, pixels, params.quads * QUAD as u32].map(|x| x as usize);
    scatter(shape, grad_output, argmax, grad_input);
}
