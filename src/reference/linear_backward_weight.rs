//! Twin of `shaders/linear_backward_weight.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::linear_backward_weight::Params;

twin!(input: real, grad_output: real, partials: real_mut);

/// partials (splits of weight, zeros and bias): input^T * `grad_output` and the sums of
/// `grad_output`, each over its range of samples.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    partials: &mut [T],
) {
    let in_features = 4 * params.in_quads as usize;
    let out_features = 4 * params.out_quads as usize;
    let bias_at = 4 * params.bias_at as usize;
    let parts = partials.chunks_mut(bias_at + out_features);
    for (split, part) in (0..params.splits).zip(parts) {
        part.fill(T::zero());
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
                part[i * out_features + o] = T::of(rows().map(product).sum());
            }
        }
        for o in 0..out_features {
            let grad = |row: u32| grad_output[row as usize * out_features + o].wide();
            part[bias_at + o] = T::of(rows().map(grad).sum());
        }
    }
}
