//! Twin of `shaders/conv2d_max_pool2d_backward_weight.wgsl`.

use super::max_pool2d_backward::scatter;
use super::{Real, conv2d_backward_weight, twin};
use crate::kernels::Step;
use crate::kernels::conv2d_backward_weight::Params;
use crate::kernels::conv2d_max_pool2d_forward::WINDOW;
use crate::shape::QUAD;

twin!(input: real, grad_output: real, argmax: word, partials: real_mut);

/// The partials of [`conv2d_backward_weight`], the gradient of every window being that of the pixel it
/// picked.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    argmax: &[u32],
    partials: &mut [T],
) {
    let shape = [params.out_height, params.out_width, params.out_quads];
    let grads = unpooled(shape, step, grad_output, argmax);
    conv2d_backward_weight::run(params, step, input, &grads, partials);
}

/// The gradient of the convolution's output, of that height, width and quads.
pub(super) fn unpooled<T: Real>(
    [height, width, quads]: [u32; 3],
    step: &Step,
    grad_output: &[T],
    argmax: &[u32],
) -> Vec<T> {
    let [batch, height, width, quads] = [step.batch, height, width, quads].map(|it| it as usize);
    let windows = (height / WINDOW) * (width / WINDOW);
    let mut grads = vec![T::zero(); batch * height * width * quads * QUAD];
    let shape = [batch, windows, height * width, quads * QUAD];
    scatter(shape, grad_output, argmax, &mut grads);
    grads
}
