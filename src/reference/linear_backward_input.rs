//! Twin of `shaders/linear_backward_input.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::linear_backward_input::Params;

twin!(grad_output: real, weight: real, grad_input: real_mut);

/// `grad_input` = `grad_output` * weight^T: (rows, `out`) by (`in`, `out`), all padded.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    weight: &[T],
    grad_input: &mut [T],
) {
    let in_features = 4 * params.in_quads as usize;
    let out_features = 4 * params.out_quads as usize;
    for row in 0..(step.batch * params.rows_per_sample) as usize {
        let grads = &grad_output[row * out_features..][..out_features];
        for i in 0..in_features {
            let weights = &weight[i * out_features..][..out_features];
            let products = grads.iter().zip(weights).map(|(g, w)| g.wide() * w.wide());
            grad_input[row * in_features + i] = T::of(products.sum());
        }
    }
}
