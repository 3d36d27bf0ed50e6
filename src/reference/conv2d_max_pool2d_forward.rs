//! Twin of `shaders/conv2d_max_pool2d_forward.wgsl`: the two twins that it fuses, one after the
//! other.

use super::{Real, conv2d_forward, max_pool2d_forward, twin};
use crate::kernels::conv2d_max_pool2d_forward::{Params, WINDOW};
use crate::kernels::{Step, conv2d_forward as conv, max_pool2d_forward as pool};
use crate::shape::padded;

twin!(input: real, weight: real, bias: real, output: real_mut, argmax: word_mut);

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
    argmax: &mut [u32],
) {
    let convolved = conv::Params {
        in_height: params.in_height,
        in_width: params.in_width,
        in_quads: params.in_quads,
        out_height: (params.in_height - params.kernel_height) / params.stride + 1,
        out_width: params.conv_width,
        out_channels: params.out_channels,
        kernel_height: params.kernel_height,
        kernel_width: params.kernel_width,
        stride: params.stride,
        activation: params.activation,
    };
    let channels = padded(params.out_channels as usize);
    let pixels = step.batch * convolved.out_height * convolved.out_width;
    let mut between = vec![T::zero(); pixels as usize * channels];
    conv2d_forward::run(&convolved, step, input, weight, bias, &mut between);
    let pooled = pool::Params {
        in_height: convolved.out_height,
        in_width: convolved.out_width,
        out_height: params.out_height,
        out_width: params.out_width,
        quads: (channels / 4) as u32,
        window: WINDOW as u32,
    };
    max_pool2d_forward::run(&pooled, step, &between, output, argmax);
}
