//! `batch_norm_merge`: host side, twin and cases of `shaders/norm/batch_norm_merge.wgsl`.

use std::ops::Range;

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{Numbers, Random};
use crate::kernel::shards::SHARDS;
use crate::kernel::target::{AdapterKind, Target};
use crate::kernel::{Call, Grid, Kernel, Params as _, Real, Step, params, reads, twin, writes};
use crate::ops::norm::batch_norm_statistics::ROWS;
use crate::ops::norm::rows::MAX_SPLITS;
use crate::shape::{ImageShape, QUAD};

/// Threads of a workgroup, one per part: a power of two.
const WORKGROUP_SIZE: u32 = MAX_SPLITS as u32;

/// See the shader's head comment. The processor runs the twin, whose order is fixed: there are only eight
/// parts of every channel.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_merge",
    source: include_str!("../../../shaders/norm/batch_norm_merge.wgsl"),
    bindings: &[
        reads("partials"),
        writes("mean"),
        writes("variance"),
        writes("running_mean"),
        writes("running_var"),
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
        /// Parts of the batch.
        pub splits: u32,
        /// Parts that lie one behind the other: those of a shard.
        pub splits_per_shard: u32,
        /// Quads from a shard to the next.
        pub stride: u32,
        /// Share of the batch's statistics in the running ones.
        pub momentum: f32,
    }
}

/// Parts of a batch, and how what each gives lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    shards: usize,
    /// Of a shard.
    splits: usize,
    /// Floats from a shard to the next.
    stride: usize,
}

impl Parts {
    /// `splits` of a batch that is computed as one, of as many `channels`, padding included.
    pub fn of_batch(splits: usize, channels: usize) -> Self {
        Self {
            shards: 1,
            splits,
            stride: splits * ROWS * channels,
        }
    }

    /// Of a shard, or of a batch that is computed as one.
    pub fn splits(&self) -> usize {
        self.splits
    }

    /// `splits` of each of its shards.
    pub fn of_shards(splits: usize, channels: usize, target: &Target) -> Self {
        Self {
            shards: SHARDS,
            splits,
            stride: target.shard_stride(splits * ROWS * channels),
        }
    }
}

/// Mean and variance of a batch of `shape` from the statistics of its `parts`, and a step of the running ones.
pub fn call(shape: ImageShape, parts: Parts, momentum: f32) -> Call {
    let quads = shape.padded_channels() / QUAD;
    let params = Params {
        pixels: shape.pixels() as u32,
        quads: quads as u32,
        splits: (parts.shards * parts.splits) as u32,
        splits_per_shard: parts.splits as u32,
        stride: (parts.stride / QUAD) as u32,
        momentum,
    };
    let grid = Grid::fixed(quads * WORKGROUP_SIZE as usize, WORKGROUP_SIZE);
    let call = Call::new(&KERNEL, &[], &params, grid);
    call.with_workgroup_bytes(16 * WORKGROUP_SIZE)
        .for_whole_batch()
}

// The twin.

twin!(
    partials: real, mean: real_mut, variance: real_mut, running_mean: real_mut,
    running_var: real_mut
);

/// partials: (splits, 3, padded channels), apart by shards; all others (padded channels). A single row, for which PyTorch
/// has no statistics, counts as one of variance 0.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    partials: &[T],
    mean: &mut [T],
    variance: &mut [T],
    running_mean: &mut [T],
    running_var: &mut [T],
) {
    let channels = QUAD * params.quads as usize;
    let stride = QUAD * params.stride as usize;
    let per_shard = params.splits_per_shard as usize;
    let rows = f64::from(step.batch * params.pixels);
    let momentum = f64::from(params.momentum);
    let splits = 0..params.splits as usize;
    for c in 0..channels {
        let part = |split: usize| {
            let [shard, split] = [split / per_shard, split % per_shard];
            let at = shard * stride + split * ROWS * channels + c;
            let row = |row: usize| partials[at + row * channels].wide();
            [0, 1, 2].map(row)
        };
        let total = sum_of_pairs(splits.clone(), &|split| {
            let [mean, _, count] = part(split);
            count * mean
        });
        let batch_mean = total / rows;
        let squares = sum_of_pairs(splits.clone(), &|split| {
            let [mean, squares, count] = part(split);
            squares + count * (mean - batch_mean) * (mean - batch_mean)
        });
        mean[c] = T::of(batch_mean);
        variance[c] = T::of(squares / rows);
        let moved = |running: T, to: f64| T::of((1.0 - momentum) * running.wide() + momentum * to);
        running_mean[c] = moved(running_mean[c], batch_mean);
        running_var[c] = moved(running_var[c], squares / (rows - 1.0).max(1.0));
    }
}

/// The sum of `term`, neighbours first: of eight `((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))`.
fn sum_of_pairs(range: Range<usize>, term: &impl Fn(usize) -> f64) -> f64 {
    match range.len() {
        0 => 0.0,
        1 => term(range.start),
        len => {
            let middle = range.start + len.next_power_of_two() / 2;
            sum_of_pairs(range.start..middle, term) + sum_of_pairs(middle..range.end, term)
        }
    }
}

// The cases.

/// Statistics of `counts` rows each, of a batch as a whole or `by_shards`, between which there is NaN.
fn launch(shape: ImageShape, samples: usize, counts: &[usize], by_shards: bool) -> Launch {
    let channels = shape.padded_channels();
    let parts = if by_shards {
        let target = Target::portable(AdapterKind::Gpu);
        Parts::of_shards(counts.len() / SHARDS, channels, &target)
    } else {
        Parts::of_batch(counts.len(), channels)
    };
    assert_eq!(counts.iter().sum::<usize>(), samples * shape.pixels());
    let mut random = Random::new(20);
    let mut row = || Numbers::Floats.rows(&mut random, 1, shape.channels);
    let mut partials = Vec::new();
    for (at, &count) in counts.iter().enumerate() {
        if at.is_multiple_of(parts.splits) {
            partials.resize(at / parts.splits * parts.stride, f32::NAN);
        }
        let (count, is_empty) = (count as f32, count == 0);
        partials.extend(row().into_iter().map(|it| if is_empty { 0.0 } else { it }));
        partials.extend(row().into_iter().map(|it| it.abs() * count));
        partials.extend(vec![count; channels]);
    }
    let running_var = row().into_iter().map(f32::abs).collect();
    Launch {
        call: call(shape, parts, 0.1),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(partials),
            Argument::Poisoned(channels),
            Argument::Poisoned(channels),
            Argument::Floats(row()),
            Argument::Floats(running_var),
        ],
    }
}

/// Parts as large as each other, parts without rows, parts of shards, and more parts than threads.
fn cases() -> Vec<Case> {
    let shape = |channels, pixels| ImageShape::new(channels, pixels, 1);
    let launches = [
        launch(shape(1, 1), 1, &[1], false),
        launch(shape(7, 33), 3, &[50, 49], false),
        launch(shape(33, 1), 3, &[0, 0, 1, 0, 0, 1, 0, 1], false),
        launch(shape(33, 1), 3, &[0, 0, 1, 0, 0, 1, 0, 1], true),
        launch(shape(16, 9), 8, &[9; 8], true),
        launch(shape(16, 9), 24, &[9; 24], true),
        launch(shape(257, 7), 5, &[5; 7], false),
        launch(shape(5, 4), 33, &[1; 132], false),
        launch(shape(4, 257), 2, &[2; 257], false),
    ];
    let within = |it: Launch| it.within(Tolerance::Elementwise);
    launches.into_iter().map(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_summed_first() {
        let terms: Vec<f64> = (0..8).map(|it| 1.1_f64.powi(it * 31)).collect();
        let t = |it: usize| terms[it];
        let wanted = ((t(0) + t(1)) + (t(2) + t(3))) + ((t(4) + t(5)) + (t(6) + t(7)));
        assert_eq!(sum_of_pairs(0..8, &t), wanted);
        assert_eq!(sum_of_pairs(0..3, &t), (t(0) + t(1)) + t(2));
    }
}
