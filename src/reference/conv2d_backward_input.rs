//! Twin of `shaders/conv2d_backward_input.wgsl`.

use super::activation_backward::slope;
use super::{Real, twin};
use crate::activation::Activation;
use crate::kernels::Step;
use crate::kernels::conv2d_backward_input::Params;

twin!(grad_output: real, weight: real, input: real, grad_input: real_mut);

/// `grad_input`, channels-last: every output pixel's gradient spread over its window, times the slope
/// of the activation whose output `input` is.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    weight: &[T],
    input: &[T],
    grad_input: &mut [T],
) {
    let in_stride = 4 * params.in_quads as usize;
    let out_stride = 4 * params.out_quads as usize;
    let pixels = step.batch * params.in_height * params.in_width;
    let mut sums = vec![0.0; pixels as usize * in_stride];
    let mut grads = grad_output.chunks(out_stride);
    for n in 0..step.batch {
        for y in 0..params.out_height {
            for x in 0..params.out_width {
                let grads = grads.next().expect("one row per output pixel");
                for tap in 0..params.kernel_height * params.kernel_width {
                    let (tap_y, tap_x) = (tap / params.kernel_width, tap % params.kernel_width);
                    let row = n * params.in_height + y * params.stride + tap_y;
                    let pixel = row * params.in_width + x * params.stride + tap_x;
                    for i in 0..in_stride {
                        let at = (tap as usize * in_stride + i) * out_stride;
                        let weights = &weight[at..][..out_stride];
                        let products = grads.iter().zip(weights).map(|(g, w)| g.wide() * w.wide());
                        sums[pixel as usize * in_stride + i] += products.sum::<f64>();
                    }
                }
            }
        }
    }
    let activation = Activation::from_number(params.activation);
    for (index, sum) in sums.into_iter().enumerate() {
        grad_input[index] = match activation {
            Activation::Linear => T::of(sum),
            _ => T::of(sum) * slope(activation, input[index]),
        };
    }
}
