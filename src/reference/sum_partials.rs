//! Twin of `shaders/sum_partials.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::sum_partials::Params;

twin!(partials: real, output: real_mut);

/// output (`len`) = the sum of partials (splits, `len`).
pub fn run<T: Real>(params: &Params, _step: &Step, partials: &[T], output: &mut [T]) {
    let len = 4 * params.quads as usize;
    for index in 0..len {
        let terms = partials[index..].iter().step_by(len);
        let sum = terms.take(params.splits as usize).map(|term| term.wide());
        output[index] = T::of(sum.sum());
    }
}
