//! Twin of `shaders/conv2d_forward.wgsl`.

use super::activation_forward::activate;
use super::{Real, twin};
use crate::activation::Activation;
use crate::kernels::Step;
use crate::kernels::conv2d_forward::Params;
use crate::shape::padded;

twin!(input: real, weight: real, bias: real, output: real_mut);

/// output = activation(conv2d(input, weight) + bias), channels-last and padded as in the shader.
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html>.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    let out_channels = params.out_channels as usize;
    let out_stride = padded(out_channels);
    let activation = Activation::from_number(params.activation);
    let mut sums = vec![0.0; out_stride];
    let mut at = 0;
    for n in 0..step.batch {
        for y in 0..params.out_height {
            for x in 0..params.out_width {
                for (sum, bias) in sums.iter_mut().zip(bias) {
                    *sum = bias.wide();
                }
                add_window(params, [n, y, x], input, weight, &mut sums);
                for (o, &sum) in sums.iter().enumerate() {
                    output[at] = if o < out_channels {
                        activate(activation, T::of(sum))
                    } else {
                        T::zero()
                    };
                    at += 1;
                }
            }
        }
    }
}

/// Adds to the sums of all output channels the products of the window of output pixel `[n, y, x]`.
fn add_window<T: Real>(
    params: &Params,
    [n, y, x]: [u32; 3],
    input: &[T],
    weight: &[T],
    sums: &mut [f64],
) {
    let in_stride = 4 * params.in_quads as usize;
    let mut weights = weight.chunks(sums.len());
    for tap_y in 0..params.kernel_height {
        for tap_x in 0..params.kernel_width {
            let row = n * params.in_height + y * params.stride + tap_y;
            let pixel = row * params.in_width + x * params.stride + tap_x;
            let values = &input[pixel as usize * in_stride..][..in_stride];
            for (value, weights) in values.iter().zip(&mut weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += value.wide() * weight.wide();
                }
            }
        }
    }
}
