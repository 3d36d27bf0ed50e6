//! Twin of `shaders/adam_step.wgsl`.

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::adam_step::Params;
use crate::shape::QUAD;

twin!(
    parameters: real_mut, gradients: real, first_moment: real_mut, second_moment: real_mut,
    faults: word_mut
);

/// Zero for what is too small to be a normal f32.
fn normal<T: Real>(x: T) -> T {
    if x.wide().abs() < f64::from(f32::MIN_POSITIVE) {
        T::zero()
    } else {
        x
    }
}

/// One step of `AdamW` over flat buffers, in the order of
/// <https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html> (`foreach=False`);
/// counts the gradients that are not finite in `faults[step.row]`.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    parameters: &mut [T],
    gradients: &[T],
    first_moment: &mut [T],
    second_moment: &mut [T],
    faults: &mut [u32],
) {
    let of = |factor: f32| T::of(f64::from(factor));
    for index in 0..params.quads as usize * QUAD {
        let gradient = gradients[index];
        let first = &mut first_moment[index];
        let second = &mut second_moment[index];
        *first = normal(*first + of(params.one_minus_beta1) * (gradient - *first));
        *second =
            normal(*second * of(params.beta2) + (of(params.one_minus_beta2) * gradient) * gradient);
        let denominator = second.sqrt() / of(step.second_correction) + of(params.epsilon);
        let kept = parameters[index] * (T::one() - of(step.decay));
        parameters[index] = kept - (of(step.step_size) * *first) / denominator;
        if !gradient.is_finite() {
            faults[step.row as usize] += 1;
        }
    }
}
