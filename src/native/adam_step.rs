//! `adam_step`, over all threads.

use pulp::{Arch, Simd};
use rayon::prelude::*;

use super::Part;
use crate::kernels::adam_step::Params;
use crate::kernels::{Call, Step};
use crate::reference::Slice;
use crate::shape::QUAD;

/// Floats that a thread updates at a time.
const BLOCK: usize = 8192;

/// One step of `AdamW`, in the order of the twin; counts the gradients that are not finite.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [parameters, gradients, first, second, faults] = slices else {
        panic!("adam_step binds five buffers");
    };
    let params: &Params = call.params();
    let len = params.quads as usize * QUAD;
    let parameters = parameters.real_mut()[..len].par_chunks_mut(BLOCK);
    let gradients = gradients.real()[..len].par_chunks(BLOCK);
    let first = first.real_mut()[..len].par_chunks_mut(BLOCK);
    let second = second.real_mut()[..len].par_chunks_mut(BLOCK);
    let blocks = parameters.zip(gradients).zip(first.zip(second));
    let step = &part.step;
    let count: u32 = blocks
        .map(|((parameters, gradients), (first, second))| {
            update(params, step, parameters, gradients, first, second)
        })
        .sum();
    faults.word_mut()[step.row as usize] += count;
}

#[pulp::with_simd(update = Arch::new())]
#[inline(always)]
fn update_simd<'a, S: Simd>(
    _simd: S,
    params: &'a Params,
    step: &'a Step,
    parameters: &'a mut [f32],
    gradients: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
) -> u32 {
    let kept = 1.0 - step.decay;
    // Root and division share a unit, and all of this waits for it: one division, not two.
    let by_correction = 1.0 / step.second_correction;
    let moments = first.iter_mut().zip(second);
    let mut count = 0;
    for ((parameter, &gradient), (first, second)) in
        parameters.iter_mut().zip(gradients).zip(moments)
    {
        *first = normal(*first + params.one_minus_beta1 * (gradient - *first));
        *second = normal(*second * params.beta2 + (params.one_minus_beta2 * gradient) * gradient);
        let denominator = second.sqrt() * by_correction + params.epsilon;
        *parameter = *parameter * kept - (step.step_size * *first) / denominator;
        count += u32::from(!gradient.is_finite());
    }
    count
}

/// Zero for what is too small to be a normal float: processors compute with denormal numbers a
/// hundred times slower, and the moments of a parameter without a gradient decay to them.
#[inline(always)]
fn normal(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}
