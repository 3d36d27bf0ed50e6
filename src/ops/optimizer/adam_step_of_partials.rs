//! `adam_step_of_partials`: host side, twin and cases of `shaders/optimizer/adam_step_of_partials.wgsl`.

use super::Optimizer as _;
use super::adam_step::{self, Adam};
use crate::kernel::case::{Argument, Case, Launch, Tolerance};
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Kernel, Params as _, Real, Step, params, reads, twin, writes, writes_words,
};
use crate::ops::reduce::sum_partials;
use crate::shape::QUAD;

/// See the shader's head comment. The processor, on which every shard makes one sum, has no use for it.
pub static KERNEL: Kernel = Kernel {
    name: "adam_step_of_partials",
    source: include_str!("../../../shaders/optimizer/adam_step_of_partials.wgsl"),
    bindings: &[
        reads("partials"),
        writes("parameters"),
        writes("gradients"),
        writes("first_moment"),
        writes("second_moment"),
        writes_words("faults"),
    ],
    params: Params::FIELDS,
    variants: &sum_partials::VARIANTS,
    twin: TWIN,
    native: None,
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Partial results.
        pub splits: u32,
        /// Quads of each, and of the parameters.
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

/// One step of `config` over `len` floats, a multiple of four, whose gradients are the sums of `splits` partial results.
pub fn call(splits: usize, len: usize, config: &Adam) -> Call {
    assert!(len.is_multiple_of(QUAD), "{len} is not padded");
    let adam_step::Params {
        quads,
        one_minus_beta1,
        beta2,
        one_minus_beta2,
        epsilon,
    } = adam_step::params(len / QUAD, config);
    let params = Params {
        splits: splits as u32,
        quads,
        one_minus_beta1,
        beta2,
        one_minus_beta2,
        epsilon,
    };
    let (variant, grid) = sum_partials::workgroups(splits, len / QUAD);
    Call::new(&KERNEL, variant, &params, grid)
        .with_workgroup_bytes(16 * sum_partials::THREADS)
        .for_whole_batch()
}

// The twin.

twin!(
    partials: real, parameters: real_mut, gradients: real_mut, first_moment: real_mut,
    second_moment: real_mut, faults: word_mut
);

/// The two kernels' twins, one after the other.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    partials: &[T],
    parameters: &mut [T],
    gradients: &mut [T],
    first_moment: &mut [T],
    second_moment: &mut [T],
    faults: &mut [u32],
) {
    let Params {
        splits,
        quads,
        one_minus_beta1,
        beta2,
        one_minus_beta2,
        epsilon,
    } = *params;
    let sum = sum_partials::Params { splits, quads };
    sum_partials::twin(&sum, step, partials, gradients);
    let update = adam_step::Params {
        quads,
        one_minus_beta1,
        beta2,
        one_minus_beta2,
        epsilon,
    };
    adam_step::twin(
        &update,
        step,
        parameters,
        gradients,
        first_moment,
        second_moment,
        faults,
    );
}

// The cases.

/// All variants, with gradients that sum up to nothing; sums are exact, since the update divides by what is as small as
/// their errors.
fn cases() -> Vec<Case> {
    let adam = Adam::default();
    let shapes = [(1, 4), (2, 36), (7, 256), (33, 260), (129, 1028)];
    let case = |(splits, len): (usize, usize)| {
        let mut random = Random::new(len as u64);
        let mut partials = random.integers(splits * len);
        for partials in partials.chunks_exact_mut(len) {
            partials[0] = 0.0;
        }
        let positive = |floats: Vec<f32>| floats.into_iter().map(f32::abs).collect();
        let step = Step {
            row: 1,
            ..Step::default()
        };
        let launch = Launch {
            call: call(splits, len, &adam),
            step: adam.step(step, 1e-3, 3),
            arguments: vec![
                Argument::Floats(partials),
                Argument::Floats(random.floats(len)),
                Argument::Poisoned(len),
                Argument::Floats(random.floats(len)),
                Argument::Floats(positive(random.floats(len))),
                Argument::Words(vec![5; 3]),
            ],
        };
        launch.within(Tolerance::Elementwise)
    };
    shapes.map(case).into()
}
