//! Twin of `shaders/bias_backward.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::bias_backward::Params;

twin!(grad_output: real, partials: real_mut);

/// partials (splits, `out`) = sums of the rows of `grad_output`, each over its range of samples.
pub fn run<T: Real>(params: &Params, step: &Step, grad_output: &[T], partials: &mut [T]) {
    let stride = 4 * params.out_quads as usize;
    for split in 0..params.splits {
        let first = split * params.samples_per_split;
        let end = (first + params.samples_per_split).min(step.batch);
        let rows = || first * params.rows_per_sample..end * params.rows_per_sample;
        for o in 0..stride {
            let terms = rows().map(|row| grad_output[row as usize * stride + o].wide());
            partials[split as usize * stride + o] = T::of(terms.sum());
        }
    }
}
