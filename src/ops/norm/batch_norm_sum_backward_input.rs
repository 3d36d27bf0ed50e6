//! `batch_norm_sum_backward_input`: host side, twin and cases of
//! `shaders/norm/batch_norm_sum_backward_input.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::bias_at;
use crate::kernel::numbers::{Numbers, Random};
use crate::kernel::{Call, Kernel, Params as _, Real, Step, params, reads, twin, writes};
use crate::ops::norm::batch_norm_backward_input;
use crate::ops::norm::batch_norm_forward::row;
use crate::ops::norm::batch_norm_merge_forward::{SHAPES, pair, positive};
use crate::ops::norm::batch_norm_statistics::images;
use crate::ops::norm::rows::{Merging, WORKGROUP_SIZE};
use crate::ops::reduce::sum_partials;
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment. The processor and batches by shards run its two parts, between which shards meet.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_sum_backward_input",
    source: include_str!("../../../shaders/norm/batch_norm_sum_backward_input.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("input"),
        reads("statistics"),
        reads("weight"),
        reads("partials"),
        writes("grad_parameters"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: None,
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Pixels of one sample.
        pub pixels: u32,
        /// Quads of one pixel.
        pub quads: u32,
        /// Partial results.
        pub splits: u32,
        /// Quads of one workgroup.
        pub columns: u32,
        /// Lanes that sum partial results.
        pub walkers: u32,
        /// Rows that a workgroup takes.
        pub rows: u32,
        /// Quads from weight to bias, and from mean to variance.
        pub bias_at: u32,
        /// What is added to the variance.
        pub eps: f32,
    }
}

/// The sums of `splits` partial gradients by weight and bias, and the gradient by a batch of `shape` that was normalised by
/// its own statistics; for batches of up to `capacity` samples.
pub fn call(capacity: usize, shape: ImageShape, splits: usize, eps: f32) -> Call {
    let merging = Merging::new(capacity, shape, splits);
    let walkers = sum_partials::walkers(splits);
    assert!(
        walkers * merging.columns <= WORKGROUP_SIZE as usize,
        "{splits} parts are too many for {shape}"
    );
    let params = Params {
        pixels: shape.pixels() as u32,
        quads: (shape.padded_channels() / QUAD) as u32,
        splits: splits as u32,
        columns: merging.columns as u32,
        walkers: walkers as u32,
        rows: merging.rows as u32,
        bias_at: (bias_at(shape.padded_channels()) / QUAD) as u32,
        eps,
    };
    let call = Call::new(&KERNEL, &[], &params, merging.grid);
    call.with_workgroup_bytes(2 * 16 * WORKGROUP_SIZE)
}

// The twin.

twin!(
    grad_output: real, input: real, statistics: real, weight: real, partials: real,
    grad_parameters: real_mut, grad_input: real_mut
);

/// `grad_output`, input and `grad_input`: (batch, pixels, padded channels); statistics: (mean, a gap, variance); weight:
/// (padded channels); partials: (splits of weight, zeros and bias); `grad_parameters`: their sums.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    input: &[T],
    statistics: &[T],
    weight: &[T],
    partials: &[T],
    grad_parameters: &mut [T],
    grad_input: &mut [T],
) {
    let sum = sum_partials::Params {
        splits: params.splits,
        quads: params.bias_at + params.quads,
    };
    sum_partials::twin(&sum, step, partials, grad_parameters);
    let (mean, variance) = statistics.split_at(QUAD * params.bias_at as usize);
    let backward = batch_norm_backward_input::Params {
        pixels: params.pixels,
        quads: params.quads,
        bias_at: params.bias_at,
        eps: params.eps,
    };
    batch_norm_backward_input::twin(
        &backward,
        step,
        grad_output,
        input,
        mean,
        variance,
        weight,
        grad_parameters,
        grad_input,
    );
}

// The cases.

/// Partial sums that are exact, together up to half of what as many ones as there are rows would give.
fn launch((shape, samples, splits): (ImageShape, usize, usize), capacity: usize) -> Launch {
    let mut random = Random::new(27);
    let channels = shape.channels;
    let share = (samples * shape.pixels()) as f32 / (8 * splits) as f32;
    let unit = share.log2().floor().exp2();
    let mut partials = Vec::new();
    for _ in 0..splits {
        let mut row = || {
            let numbers = Numbers::Integers.rows(&mut random, 1, channels).into_iter();
            numbers.map(|it| it * unit).collect::<Vec<f32>>()
        };
        let (weight, bias) = (row(), row());
        let zeros = bias_at(weight.len()) - weight.len();
        partials.extend(weight);
        partials.extend(vec![0.0; zeros]);
        partials.extend(bias);
    }
    let sums = partials.len() / splits;
    Launch {
        call: call(capacity, shape, splits, 1e-5),
        step: batch(samples),
        arguments: vec![
            images(&mut random, shape, samples, 0.0),
            images(&mut random, shape, samples, 0.0),
            pair(channels, f32::NAN, |len| positive(&mut random, len)),
            row(&mut random, channels),
            Argument::Floats(partials),
            Argument::Poisoned(sums),
            Argument::Poisoned((samples + 1) * shape.padded_elements()),
        ],
    }
}

/// As many rows for a workgroup as the batch asks for, and as one of many samples does.
fn cases() -> Vec<Case> {
    let of = |of: (ImageShape, usize, usize)| {
        [of.1, 100_000].map(|capacity| launch(of, capacity).within(Tolerance::Elementwise))
    };
    SHAPES.into_iter().flat_map(of).collect()
}
