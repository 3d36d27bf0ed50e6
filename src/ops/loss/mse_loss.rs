//! `mse_loss`: host side, twin and cases of `shaders/loss/mse_loss.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{Random, zero_padding};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, params, reads, reads_words, twin, writes,
    writes_words,
};
use crate::ops::loss::{Metric, Objective, ROW};
use crate::shape::QUAD;

/// Threads of the one workgroup: a power of two.
const WORKGROUP_SIZE: u32 = 128;

/// See the shader's head comment. The processor runs the twin.
pub static KERNEL: Kernel = Kernel {
    name: "mse_loss",
    source: include_str!("../../../shaders/loss/mse_loss.wgsl"),
    bindings: &[
        reads("prediction"),
        reads_words("order"),
        reads("targets"),
        writes("grad_prediction"),
        writes("metrics"),
        writes_words("faults"),
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
        /// Rows of metrics and faults.
        pub rows: u32,
    }
}

/// Regression of one real target: the mean squared error, the mean absolute error, and the share of
/// predictions that, rounded half to even, equal the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mse;

const METRICS: [Metric; 3] = [
    Metric {
        name: "loss",
        head: "loss",
        short: "MSE",
        title: "loss (mean squared error)",
        file: "mse",
        unit: "units of the target, squared",
        is_share: false,
        of_whole_targets: false,
        is_of_test: false,
    },
    Metric {
        name: "mae",
        head: "MAE",
        short: "MAE",
        title: "mean absolute error",
        file: "mae",
        unit: "units of the target",
        is_share: false,
        of_whole_targets: false,
        is_of_test: false,
    },
    Metric {
        name: "accuracy",
        head: "accuracy",
        short: "rounded accuracy",
        title: "rounded accuracy",
        file: "accuracy",
        unit: "share",
        is_share: true,
        of_whole_targets: true,
        is_of_test: false,
    },
];

impl Objective for Mse {
    fn name(&self) -> &'static str {
        "mse"
    }

    fn outputs(&self) -> usize {
        1
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn call(&self, rows: usize, _training: bool) -> Call {
        call(rows)
    }
}

/// The mean squared error of a batch of single outputs: its gradient, and row `Step::row` of
/// `rows` rows of metrics.
pub fn call(rows: usize) -> Call {
    let params = Params { rows: rows as u32 };
    let grid = Grid::fixed(WORKGROUP_SIZE as usize, WORKGROUP_SIZE);
    // A vec4 of sums per thread.
    Call::new(&KERNEL, &[], &params, grid).with_workgroup_bytes(16 * WORKGROUP_SIZE)
}

// The twin.

twin!(
    prediction: real, order: word, targets: real, grad_prediction: real_mut,
    metrics: real_mut, faults: word_mut
);

/// Rounds half to even, as `torch.round`.
fn round_half_even<T: Real>(x: T) -> f64 {
    x.wide().round_ties_even()
}

/// prediction and `grad_prediction`: (batch, 4), of which the first counts; order: (count);
/// targets: (images); metrics: (rows, 4); faults: (rows). The gradient is that of the mean over the whole
/// batch:
/// <https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html>.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    prediction: &[T],
    order: &[u32],
    targets: &[T],
    grad_prediction: &mut [T],
    metrics: &mut [T],
    faults: &mut [u32],
) {
    let scale = T::of(2.0 / f64::from(step.whole_batch));
    let mut sums = [0.0; ROW];
    for sample in 0..step.batch as usize {
        let predicted = prediction[sample * QUAD];
        let number = order[step.batch_start as usize + sample];
        let wanted = targets[number as usize];
        let error = predicted - wanted;
        let grad = &mut grad_prediction[sample * QUAD..][..QUAD];
        grad.fill(T::zero());
        grad[0] = scale * error;
        let hit = round_half_even(predicted) == wanted.wide();
        let error = error.wide();
        let terms = [error * error, error.abs(), f64::from(u8::from(hit)), 1.0];
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    if step.row < params.rows {
        let row = step.row as usize;
        metrics[row * ROW..][..ROW].copy_from_slice(&sums.map(T::of));
        faults[row] = 0;
    }
}

// The cases.

/// Rows of metrics and faults.
const ROWS: usize = 3;

/// The loss of `prediction`, four floats a sample, by `targets`; its metrics go to row `row` of three.
pub fn launch(prediction: Vec<f32>, targets: Vec<f32>, row: u32) -> Launch {
    let capacity = targets.len();
    Launch {
        call: call(ROWS),
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
            Argument::Poisoned(ROWS * ROW),
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
fn cases() -> Vec<Case> {
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
