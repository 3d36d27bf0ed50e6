//! `batch_norm_merge_forward`: host side, twin and cases of `shaders/norm/batch_norm_merge_forward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::bias_at;
use crate::kernel::numbers::{ACTIVATIONS, Numbers, Random};
use crate::kernel::{Call, Kernel, Params as _, Real, Step, params, reads, twin, writes};
use crate::ops::norm::batch_norm_statistics::images;
use crate::ops::norm::rows::{Merging, WORKGROUP_SIZE, of_split};
use crate::ops::norm::{batch_norm_forward, batch_norm_merge};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment. The processor and batches by shards run its two parts, between which shards meet.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_merge_forward",
    source: include_str!("../../../shaders/norm/batch_norm_merge_forward.wgsl"),
    bindings: &[
        reads("input"),
        reads("partials"),
        reads("parameters"),
        writes("output"),
        writes("statistics"),
        writes("running"),
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
        /// Channels, unpadded.
        pub channels: u32,
        /// Parts of the batch.
        pub splits: u32,
        /// Quads of one workgroup.
        pub columns: u32,
        /// Parts that a thread merges.
        pub parts: u32,
        /// Rows that a workgroup normalises.
        pub rows: u32,
        /// Quads from weight to bias, and from mean to variance.
        pub bias_at: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
        /// What is added to the variance.
        pub eps: f32,
        /// Share of the batch's statistics in the running ones.
        pub momentum: f32,
    }
}

/// `activation` of a batch of `shape`, normalised by what its `splits` parts have together, and a step of the running
/// statistics; for batches of up to `capacity` samples.
pub fn call(
    capacity: usize,
    shape: ImageShape,
    splits: usize,
    activation: Activation,
    [eps, momentum]: [f32; 2],
) -> Call {
    let merging = Merging::new(capacity, shape, splits);
    let params = Params {
        pixels: shape.pixels() as u32,
        channels: shape.channels as u32,
        splits: splits as u32,
        columns: merging.columns as u32,
        parts: merging.parts as u32,
        rows: merging.rows as u32,
        bias_at: (bias_at(shape.padded_channels()) / QUAD) as u32,
        activation: activation as u32,
        eps,
        momentum,
    };
    let call = Call::new(&KERNEL, &[], &params, merging.grid);
    call.with_workgroup_bytes(16 * WORKGROUP_SIZE)
}

// The twin.

twin!(
    input: real, partials: real, parameters: real, output: real_mut, statistics: real_mut,
    running: real_mut
);

/// input and output: (batch, pixels, padded channels); partials: (splits, 3, padded channels); parameters, statistics
/// and running: (padded channels, a gap, padded channels).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    partials: &[T],
    parameters: &[T],
    output: &mut [T],
    statistics: &mut [T],
    running: &mut [T],
) {
    let at = QUAD * params.bias_at as usize;
    let (mean, variance) = statistics.split_at_mut(at);
    let (running_mean, running_var) = running.split_at_mut(at);
    let (weight, bias) = parameters.split_at(at);
    let merge = batch_norm_merge::Params {
        pixels: params.pixels,
        quads: params.channels.div_ceil(QUAD as u32),
        splits: params.splits,
        splits_per_shard: params.splits,
        stride: 0,
        momentum: params.momentum,
    };
    batch_norm_merge::twin(
        &merge,
        step,
        partials,
        mean,
        variance,
        running_mean,
        running_var,
    );
    let forward = batch_norm_forward::Params {
        pixels: params.pixels,
        channels: params.channels,
        activation: params.activation,
        eps: params.eps,
    };
    batch_norm_forward::twin(&forward, step, input, mean, variance, weight, bias, output);
}

// The cases.

/// Images, batches of them, and parts: one row, parts without rows, channels that leave columns without work, two and
/// four parts for a thread, and several workgroups side by side and below each other.
pub(super) const SHAPES: [(ImageShape, usize, usize); 10] = [
    (ImageShape::new(1, 1, 1), 1, 1),
    (ImageShape::new(1, 1, 1), 3, 7),
    (ImageShape::new(7, 3, 11), 3, 2),
    (ImageShape::new(33, 4, 4), 5, 20),
    (ImageShape::new(67, 9, 9), 3, 33),
    (ImageShape::new(64, 1, 1), 5, 64),
    (ImageShape::new(32, 7, 5), 33, 128),
    (ImageShape::new(257, 2, 2), 9, 16),
    (ImageShape::new(5, 1, 257), 7, 128),
    (ImageShape::new(3, 2, 1), 257, 17),
];

/// Two rows of a number per channel, apart as weight and bias are; `gap` lies between.
pub(super) fn pair(channels: usize, gap: f32, mut row: impl FnMut(usize) -> Vec<f32>) -> Argument {
    let mut pair = row(channels);
    pair.resize(bias_at(pair.len()), gap);
    pair.extend(row(channels));
    Argument::Floats(pair)
}

/// A row of numbers from 1/2 to 3/2; 0 where it is padded.
pub(super) fn positive(random: &mut Random, channels: usize) -> Vec<f32> {
    let mut row = Numbers::Floats.rows(random, 1, channels);
    for number in &mut row[..channels] {
        *number = 1.0 + *number / 2.0;
    }
    row
}

fn launch(
    (shape, samples, splits): (ImageShape, usize, usize),
    capacity: usize,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(26);
    let (channels, padded) = (shape.channels, shape.padded_channels());
    let input = images(&mut random, shape, samples, 0.0);
    let mut partials = Vec::new();
    for split in 0..splits {
        let count = of_split(samples * shape.pixels(), splits, split).len() as f32;
        let mut row = |numbers: Vec<f32>, times: f32| {
            partials.extend(numbers.into_iter().map(|it| it * times));
        };
        let is_there = count.min(1.0);
        row(Numbers::Floats.rows(&mut random, 1, channels), is_there);
        row(positive(&mut random, channels), count);
        row(vec![1.0; padded], count);
    }
    let mut row = |len| Numbers::Floats.rows(&mut random, 1, len);
    let parameters = pair(channels, f32::NAN, &mut row);
    let running = pair(channels, 7.0, |len| {
        row(len).into_iter().map(f32::abs).collect()
    });
    Launch {
        call: call(capacity, shape, splits, activation, [1e-5, 0.1]),
        step: batch(samples),
        arguments: vec![
            input,
            Argument::Floats(partials),
            parameters,
            Argument::Poisoned((samples + 1) * shape.padded_elements()),
            Argument::Poisoned(bias_at(padded) + padded),
            running,
        ],
    }
}

/// As many rows for a workgroup as the batch asks for, and as one of many samples does.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, of) in SHAPES.into_iter().enumerate() {
        for capacity in [of.1, 100_000] {
            let activation = ACTIVATIONS[at % ACTIVATIONS.len()];
            let launch = launch(of, capacity, activation);
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
