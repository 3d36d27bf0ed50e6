//! `batch_norm_merge`: host side, twin and cases of `shaders/norm/batch_norm_merge.wgsl`.

use std::ops::Range;

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{Numbers, Random};
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
        /// Share of the batch's statistics in the running ones.
        pub momentum: f32,
    }
}

/// Mean and variance of a batch of `shape` from the statistics of its parts, and a step of the running ones.
pub fn call(shape: ImageShape, splits: usize, momentum: f32) -> Call {
    let quads = shape.padded_channels() / QUAD;
    let params = Params {
        pixels: shape.pixels() as u32,
        quads: quads as u32,
        splits: splits as u32,
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

/// partials: (splits, 3, padded channels); all others (padded channels). A single row, for which PyTorch
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
    let rows = f64::from(step.batch * params.pixels);
    let momentum = f64::from(params.momentum);
    let splits = 0..params.splits as usize;
    for c in 0..channels {
        let part = |split: usize| {
            let row = |row: usize| partials[(split * ROWS + row) * channels + c].wide();
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

/// Statistics of `counts` rows each.
fn launch(shape: ImageShape, samples: usize, counts: &[usize]) -> Launch {
    assert_eq!(counts.iter().sum::<usize>(), samples * shape.pixels());
    let mut random = Random::new(20);
    let mut row = || Numbers::Floats.rows(&mut random, 1, shape.channels);
    let mut partials = Vec::new();
    for &count in counts {
        let (count, is_empty) = (count as f32, count == 0);
        partials.extend(row().into_iter().map(|it| if is_empty { 0.0 } else { it }));
        partials.extend(row().into_iter().map(|it| it.abs() * count));
        partials.extend(vec![count; shape.padded_channels()]);
    }
    let running_var = row().into_iter().map(f32::abs).collect();
    Launch {
        call: call(shape, counts.len(), 0.1),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(partials),
            Argument::Poisoned(shape.padded_channels()),
            Argument::Poisoned(shape.padded_channels()),
            Argument::Floats(row()),
            Argument::Floats(running_var),
        ],
    }
}

/// Parts as large as each other, parts without rows, and more parts than threads.
fn cases() -> Vec<Case> {
    let shape = |channels, pixels| ImageShape::new(channels, pixels, 1);
    let launches = [
        launch(shape(1, 1), 1, &[1]),
        launch(shape(7, 33), 3, &[50, 49]),
        launch(shape(33, 1), 3, &[0, 0, 1, 0, 0, 1, 0, 1]),
        launch(shape(16, 9), 8, &[9; 8]),
        launch(shape(257, 7), 5, &[5; 7]),
        launch(shape(5, 4), 33, &[1; 132]),
        launch(shape(4, 257), 2, &[2; 257]),
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
