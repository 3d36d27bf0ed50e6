//! `adam_step`: host side, twin, native kernel and cases of `shaders/optimizer/adam_step.wgsl`.

use pulp::{Arch, Simd};
use rayon::prelude::*;

use super::{Optimizer, adam_step_of_partials, normal};
use crate::error::{Error, Result};
use crate::kernel::case::run_twin;
use crate::kernel::case::{Argument, Case, Launch, Output, Tolerance};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, Variant, params, reads, twin, writes,
    writes_words,
};
use crate::shape::QUAD;

/// Quads per thread.
const ITEMS: u32 = 4;
const VARIANT: Variant = &[("ITEMS", ITEMS)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "adam_step",
    source: include_str!("../../../shaders/optimizer/adam_step.wgsl"),
    bindings: &[
        writes("parameters"),
        reads("gradients"),
        writes("first_moment"),
        writes("second_moment"),
        writes_words("faults"),
    ],
    params: Params::FIELDS,
    variants: &[VARIANT],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of each of the four flat buffers.
        pub quads: u32,
        /// `1 - beta1`, subtracted in f64.
        pub one_minus_beta1: f32,
        /// Decay of the second moment.
        pub beta2: f32,
        /// `1 - beta2`, subtracted in f64.
        pub one_minus_beta2: f32,
        /// Added to the denominator.
        pub epsilon: f32,
    }
}

/// Adam, or `AdamW` where weights decay; the defaults are `PyTorch`'s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adam {
    /// Decay of the first moment, at least 0.5: below, `PyTorch`'s `lerp` rounds otherwise.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator, after the corrected square root.
    pub epsilon: f64,
    /// Share of every parameter that decays per unit of learning rate: 0 is Adam, more is `AdamW`.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["first_moments", "second_moments"]
    }

    fn update(&self, len: usize) -> Call {
        call(len, self)
    }

    fn update_of_partials(&self, splits: usize, len: usize) -> Option<Call> {
        Some(adam_step_of_partials::call(splits, len, self))
    }

    /// `lr / (1 - beta1^t)`, `sqrt(1 - beta2^t)` and `lr * weight_decay`, computed in f64: WGSL's `pow`
    /// is too coarse for them.
    ///
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html>.
    fn factors(&self, lr: f64, t: u64) -> [f32; 4] {
        let correction = |beta: f64| 1.0 - beta.powf(t as f64);
        let step_size = lr / correction(self.beta1);
        let second_correction = correction(self.beta2).sqrt();
        let decay = lr * self.weight_decay;
        [
            step_size as f32,
            second_correction as f32,
            decay as f32,
            0.0,
        ]
    }

    fn validate(&self, lr: f64) -> Result<()> {
        let decay = self.weight_decay;
        if decay >= 0.0 && decay * lr < 1.0 {
            return Ok(());
        }
        Err(Error::usage(
            format!("`weight_decay` {decay} times `lr` is not from 0 to below 1"),
            "try `weight_decay` 0.01",
        ))
    }
}

/// The constants of `config`, for a step over `quads`.
pub(super) fn params(quads: usize, config: &Adam) -> Params {
    Params {
        quads: quads as u32,
        one_minus_beta1: (1.0 - config.beta1) as f32,
        beta2: config.beta2 as f32,
        one_minus_beta2: (1.0 - config.beta2) as f32,
        epsilon: config.epsilon as f32,
    }
}

/// One step over flat buffers of `len` floats, a multiple of four.
pub fn call(len: usize, config: &Adam) -> Call {
    let quads = len / QUAD;
    let params = params(quads, config);
    let threads = quads.div_ceil(ITEMS as usize);
    Call::new(&KERNEL, VARIANT, &params, Grid::fixed(threads, 64)).for_whole_batch()
}

// The twin.

twin!(
    parameters: real_mut, gradients: real, first_moment: real_mut, second_moment: real_mut,
    faults: word_mut
);

/// One step of `AdamW` over flat buffers, in the order of
/// <https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html> (`foreach=False`);
/// counts the gradients that are not finite in `faults[step.row]`.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    parameters: &mut [T],
    gradients: &[T],
    first_moment: &mut [T],
    second_moment: &mut [T],
    faults: &mut [u32],
) {
    let of = |factor: f32| T::of(f64::from(factor));
    let [step_size, second_correction, decay, _] = step.factors;
    for index in 0..params.quads as usize * QUAD {
        let gradient = gradients[index];
        let first = &mut first_moment[index];
        let second = &mut second_moment[index];
        *first = normal(*first + of(params.one_minus_beta1) * (gradient - *first));
        *second =
            normal(*second * of(params.beta2) + (of(params.one_minus_beta2) * gradient) * gradient);
        let denominator = second.sqrt() / of(second_correction) + of(params.epsilon);
        let kept = parameters[index] * (T::one() - of(decay));
        parameters[index] = kept - (of(step_size) * *first) / denominator;
        if !gradient.is_finite() {
            faults[step.row as usize] += 1;
        }
    }
}

// The native kernel.

/// Floats that a thread updates at a time.
const BLOCK: usize = 8192;

/// One step of `AdamW`, in the order of the twin; counts the gradients that are not finite.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
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
    let [step_size, second_correction, decay, _] = step.factors;
    let kept = 1.0 - decay;
    // Root and division share a unit, and all of this waits for it: one division, not two.
    let by_correction = 1.0 / second_correction;
    let moments = first.iter_mut().zip(second);
    let mut count = 0;
    for ((parameter, &gradient), (first, second)) in
        parameters.iter_mut().zip(gradients).zip(moments)
    {
        *first = normal(*first + params.one_minus_beta1 * (gradient - *first));
        *second = normal(*second * params.beta2 + (params.one_minus_beta2 * gradient) * gradient);
        let denominator = second.sqrt() * by_correction + params.epsilon;
        *parameter = *parameter * kept - (step_size * *first) / denominator;
        count += u32::from(!gradient.is_finite());
    }
    count
}

// The cases.

/// Rows of faults, of which a launch counts into the second.
const ROWS: usize = 3;

/// Step `t`, counted from 1, with the state that `[parameters, first_moment, second_moment]` are in.
pub fn launch(t: u64, state: &[Vec<f32>; 3], gradients: Vec<f32>) -> Launch {
    let adam = Adam::default();
    let [parameters, first, second] = state.clone().map(Argument::Floats);
    Launch {
        call: adam.update(gradients.len()),
        step: adam.step(
            Step {
                row: 1,
                ..Step::default()
            },
            1e-3,
            t,
        ),
        arguments: vec![
            parameters,
            Argument::Floats(gradients),
            first,
            second,
            Argument::Words(vec![5; ROWS]),
        ],
    }
}

/// The state after a step.
///
/// # Panics
/// If these are no outputs of a [`launch`]: a bug of the caller.
pub fn state_after(outputs: &[Output]) -> [Vec<f32>; 3] {
    [0, 1, 2].map(|index| match &outputs[index] {
        Output::Floats(floats) => floats.iter().map(|&x| x as f32).collect(),
        Output::Words(_) => panic!("the state is floats"),
    })
}

/// Four steps each, with parameters that get no gradient, and tiny and huge gradients. Each starts
/// from where the twin's last one ended, so that errors do not add up.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 28, 132, 1_020, 1_028, 70_004] {
        let mut random = Random::new(len as u64);
        let mut state = [random.floats(len), vec![0.0; len], vec![0.0; len]];
        for t in 1..=4 {
            let mut gradients = random.floats(len);
            gradients[0] = 0.0;
            gradients[1] *= 1e-12;
            gradients[2] *= 1e6;
            let mut launch = launch(t, &state, gradients);
            // Nothing decays in the first steps, much in the last.
            launch.step.factors[2] = if t < 3 { 0.0 } else { 0.125 };
            state = state_after(&run_twin::<f32>(&launch));
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
