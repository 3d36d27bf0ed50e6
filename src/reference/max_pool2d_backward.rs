//! Twin of `shaders/max_pool2d_backward.wgsl`.

use super::activation_backward::slope;
use super::{Real, twin};
use crate::activation::Activation;
use crate::kernels::Step;
use crate::kernels::max_pool2d_backward::Params;
use crate::shape::QUAD;

twin!(grad_output: real, output: real, argmax: word, grad_input: real_mut);

/// Adds the gradient of every window to the element it picked, windows in row-major order; the
/// sum in f64. `grad_output` and `argmax`: (batch, `windows`, padded channels); `grad_input`:
/// (batch, `pixels`, padded channels).
pub(super) fn scatter<T: Real>(
    [batch, windows, pixels, stride]: [usize; 4],
    grad_output: &[T],
    argmax: &[u32],
    grad_input: &mut [T],
) {
    for sample in 0..batch {
        let mut sums = vec![0.0; pixels * stride];
        for window in 0..windows {
            for c in 0..stride {
                let at = (sample * windows + window) * stride + c;
                sums[argmax[at] as usize * stride + c] += grad_output[at].wide();
            }
        }
        let grad_sample = &mut grad_input[sample * pixels * stride..][..pixels * stride];
        for (grad, sum) in grad_sample.iter_mut().zip(sums) {
            *grad = T::of(sum);
        }
    }
}

/// `grad_output`, `output` and `argmax`: (batch, output height, output width, padded channels);
/// `grad_input`: (batch, height, width, padded channels).
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    output: &[T],
    argmax: &[u32],
    grad_input: &mut [T],
) {
    let activation = Activation::from_number(params.activation);
    let len = (step.batch * params.out_height * params.out_width * params.quads * 4) as usize;
    let pairs = grad_output.iter().zip(output).take(len);
    let grads: Vec<T> = pairs
        .map(|(&grad, &y)| grad * slope(activation, y))
        .collect();
    let windows = params.out_height * params.out_width;
    let pixels = params.in_height * params.in_width;
    let shape = [step.batch, windows, pixels, params.quads * QUAD as u32].map(|x| x as usize);
    scatter(shape, &grads, argmax, grad_input);
}
