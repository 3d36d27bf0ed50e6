//! Launches of `mse_loss`.

use super::Case;
use crate::kernels::{Step, mse_loss};
use crate::verify::numbers::{Random, zero_padding};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// Rows of metrics and faults.
const ROWS: usize = 3;

/// The loss of `prediction`, four floats a sample, by `targets`; its metrics go to row `row` of three.
pub fn launch(prediction: Vec<f32>, targets: Vec<f32>, row: u32) -> Launch {
    let capacity = targets.len();
    Launch {
        call: mse_loss::call(ROWS),
        step: Step {
            row,
            ..batch(capacity)
        },
        arguments: vec![
            Argument::Floats(zero_padding(prediction, 1, 4)),
            // Samples lie back to front in the data set.
            Argument::Words((0..capacity as u32).rev().collect()),
            Argument::Floats(targets.into_iter().rev().collect()),
            Argument::Poisoned(capacity * 4),
            Argument::Poisoned(ROWS * mse_loss::METRICS),
            Argument::Poisoned(ROWS),
        ],
    }
}

/// Predictions from -9 to 9 for `samples` digits.
pub fn random(samples: usize) -> Launch {
    let mut random = Random::new(12);
    let targets = digits(&mut random, samples);
    let prediction = random.floats(samples * 4).into_iter().map(|x| 9.0 * x);
    launch(prediction.collect(), targets, 1)
}

fn digits(random: &mut Random, len: usize) -> Vec<f32> {
    (0..len).map(|_| (random.bits() % 10) as f32).collect()
}

/// Whole numbers, of which all sums are exact, with full batches and halves; and floats.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for samples in [1, 2, 3, 7, 33, 127, 128, 129, 255, 257, 1_000, 5_003] {
        let mut random = Random::new(samples as u64);
        let targets = digits(&mut random, samples);
        let mut launch = launch(random.integers(samples * 4), targets, samples as u32 % 3);
        cases.push(launch.clone().exact());
        launch.step.batch = launch.step.batch.div_ceil(2);
        cases.push(launch.exact());
    }
    for samples in [1, 7, 33, 255, 257, 5_003] {
        cases.push(random(samples).within(Tolerance::Elementwise));
    }
    cases
}
