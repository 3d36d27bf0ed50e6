//! Twin of `shaders/conv2d_max_pool2d_backward_weight.wgsl`: the two twins that it fuses, one after
//! the other.

use super::{Real, conv2d_backward_weight, max_pool2d_backward, twin};
use crate::kernels::conv2d_max_pool2d_backward_weight::Params;
use crate::kernels::conv2d_max_pool2d_forward::WINDOW;
use crate::kernels::{Step, conv2d_backward_weight as conv, max_pool2d_backward as pool};
use crate::shape::QUAD;

twin!(input: real, grad_output: real, output: real, argmax: word, partials: real_mut);

/// partials (splits of weight, zeros and bias) of the gradients by both, given the gradient of the
/// pooled `output` and where its maxima were.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    output: &[T],
    argmax: &[u32],
    partials: &mut [T],
) {
    let convolved = conv::Params {
        in_height: params.in_height,
        in_width: params.in_width,
        in_quads: params.in_quads,
        out_height: params.in_height - params.kernel + 1,
        out_width: params.conv_width,
        out_quads: params.out_quads,
        kernel_height: params.kernel,
        kernel_width: params.kernel,
        stride: 1,
        splits: params.splits,
        samples_per_split: params.samples_per_split,
        bias_at: params.bias_at,
    };
    let pooled = pool::Params {
        in_height: convolved.out_height,
        in_width: convolved.out_width,
        out_height: params.out_height,
        out_width: params.out_width,
        quads: params.out_quads,
        window: WINDOW as u32,
        activation: params.activation,
    };
    let pixels = step.batch * convolved.out_height * convolved.out_width;
    let mut dense = vec![T::zero(); (pixels * params.out_quads) as usize * QUAD];
    max_pool2d_backward::run(&pooled, step, grad_output, output, argmax, &mut dense);
    conv2d_backward_weight::run(&convolved, step, input, &dense, partials);
}
