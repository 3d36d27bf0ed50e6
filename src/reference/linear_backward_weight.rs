//! Twin of `shaders/linear_backward_weight.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::linear_backward_weight::Params;

twin!(input: real, grad_output: real, partials: real_mut);

/// partials (splits, `in`, `out`) = input^T * `grad_output`, each over its range of samples.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    partials: &mut [T],
) {
    let in_features = 4 * params.in_quads as usize;
    let out_features = 4 * params.out_quads as usize;
    for split in 0..params.splits {
        let first = split * params.samples_per_split;
        let end = (first + params.samples_per_split).min(step.batch);
        let rows = || first * params.rows_per_sample..end * params.rows_per_sample;
        for i in 0..in_features {
            for o in 0..out_features {
                let product = |row: u32| {
                    let (input_at, grad_at) =
                        (row as usize * in_features, row as usize * out_features);
                    input[input_at + i].wide() * grad_output[grad_at + o].wide()
                };
                let at = (split as usize * in_features + i) * out_features + o;
                partials[at] = T::of(rows().map(product).sum());
            }
        }
    }
}
