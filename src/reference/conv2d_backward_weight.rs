//! Twin of `shaders/conv2d_backward_weight.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::conv2d_backward_weight::Params;

twin!(input: real, grad_output: real, partials: real_mut);

/// partials (splits of weight, zeros and bias): for every tap, the input pixels under it times the
/// gradients of their output pixels, and the sums of those gradients, each split over its range of
/// samples.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    partials: &mut [T],
) {
    let len = 4 * (params.bias_at + params.out_quads) as usize;
    for (split, partial) in (0..params.splits).zip(partials.chunks_mut(len)) {
        let first = split * params.samples_per_split;
        let end = (first + params.samples_per_split).min(step.batch);
        let mut sums = vec![0.0; len];
        for n in first..end {
            for y in 0..params.out_height {
                for x in 0..params.out_width {
                    add_pixel(params, [n, y, x], input, grad_output, &mut sums);
                }
            }
        }
        for (partial, sum) in partial.iter_mut().zip(sums) {
            *partial = T::of(sum);
        }
    }
}

/// Adds what output pixel `[n, y, x]` contributes to the gradients of all taps.
fn add_pixel<T: Real>(
    params: &Params,
    [n, y, x]: [u32; 3],
    input: &[T],
    grad_output: &[T],
    sums: &mut [f64],
) {
    let in_stride = 4 * params.in_quads as usize;
    let out_stride = 4 * params.out_quads as usize;
    let pixel = (n * params.out_height + y) * params.out_width + x;
    let grads = &grad_output[pixel as usize * out_stride..][..out_stride];
    let (weight, bias) = sums.split_at_mut(4 * params.bias_at as usize);
    for (sum, grad) in bias.iter_mut().zip(grads) {
        *sum += grad.wide();
    }
    let mut sums = weight.chunks_mut(out_stride);
    for tap_y in 0..params.kernel_height {
        for tap_x in 0..params.kernel_width {
            let row = n * params.in_height + y * params.stride + tap_y;
            let pixel = row * params.in_width + x * params.stride + tap_x;
            let values = &input[pixel as usize * in_stride..][..in_stride];
            for (value, sums) in values.iter().zip(&mut sums) {
                for (sum, grad) in sums.iter_mut().zip(grads) {
                    *sum += value.wide() * grad.wide();
                }
            }
        }
    }
}
