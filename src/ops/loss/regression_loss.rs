//! `regression_loss`: host side, twin and cases of `shaders/loss/regression_loss.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{Random, zero_padding};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, params, reads, reads_words, twin, writes,
    writes_words,
};
use crate::ops::loss::{ROW, RegressionLoss, TargetScale};
use crate::shape::QUAD;

/// Threads of the one workgroup: a power of two.
const WORKGROUP_SIZE: u32 = 128;

/// See the shader's head comment. The processor runs the twin.
pub static KERNEL: Kernel = Kernel {
    name: "regression_loss",
    source: include_str!("../../../shaders/loss/regression_loss.wgsl"),
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
        /// Of loss: 0 squared, 1 absolute, 2 huber.
        pub kind: u32,
        /// Where huber's loss turns from squared to absolute.
        pub delta: f32,
        /// Of targets.
        pub mean: f32,
        /// Of targets.
        pub deviation: f32,
        /// 1 / deviation.
        pub inverse: f32,
        /// 1 to count predictions that round to their target, 0 to sum squared errors.
        pub rounds: u32,
    }
}

impl Params {
    /// Whether its gradient is that of `other`.
    pub(super) fn learns_as(&self, other: &Self) -> bool {
        let of = |it: &Self| (it.kind, it.delta, it.mean, it.inverse);
        of(self) == of(other)
    }
}

/// The loss of a batch of single outputs that learn targets by `scale`: its gradient, and row `Step::row` of
/// `rows` rows of metrics, whose third number counts predictions that round to their target where `rounds`,
/// and else sums squared errors.
pub fn call(rows: usize, loss: RegressionLoss, scale: TargetScale, rounds: bool) -> Call {
    let (kind, delta) = match loss {
        RegressionLoss::Mse => (0, 0.0),
        RegressionLoss::Mae => (1, 0.0),
        RegressionLoss::Huber { delta } => (2, delta),
    };
    let params = Params {
        rows: rows as u32,
        kind,
        delta,
        mean: scale.mean,
        deviation: scale.deviation,
        inverse: scale.deviation.recip(),
        rounds: u32::from(rounds),
    };
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

/// The loss of a sample whose prediction is off by `error`, and half of its derivative.
fn loss_of<T: Real>(params: &Params, error: T) -> (f64, T) {
    let wide = error.wide();
    let size = wide.abs();
    let delta = f64::from(params.delta);
    match params.kind {
        0 => (wide * wide, error),
        1 if size > 0.0 => (size, T::of(0.5 * wide.signum())),
        1 => (size, T::zero()),
        _ if size <= delta => (0.5 * wide * wide, T::of(0.5) * error),
        _ => (
            delta * (size - 0.5 * delta),
            T::of(0.5 * delta * wide.signum()),
        ),
    }
}

/// prediction and `grad_prediction`: (batch, 4), of which the first counts; order: (count);
/// targets: (images); metrics: (rows, 4); faults: (rows). The gradient is that of the mean over the whole
/// batch: <https://docs.pytorch.org/docs/stable/generated/torch.nn.MSELoss.html>,
/// <https://docs.pytorch.org/docs/stable/generated/torch.nn.L1Loss.html>,
/// <https://docs.pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html>.
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
    let [mean, deviation, inverse] =
        [params.mean, params.deviation, params.inverse].map(|it| T::of(f64::from(it)));
    let mut sums = [0.0; ROW];
    for sample in 0..step.batch as usize {
        let predicted = prediction[sample * QUAD];
        let number = order[step.batch_start as usize + sample];
        let wanted = targets[number as usize];
        let error = predicted - (wanted - mean) * inverse;
        let (loss, slope) = loss_of(params, error);
        let grad = &mut grad_prediction[sample * QUAD..][..QUAD];
        grad.fill(T::zero());
        grad[0] = scale * slope;
        let error = error.wide();
        let third = if params.rounds == 1 {
            let hit = round_half_even(predicted * deviation + mean) == wanted.wide();
            f64::from(u8::from(hit))
        } else {
            error * error
        };
        let terms = [loss, error.abs(), third, 1.0];
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

/// The mean squared error of `prediction`, four floats a sample, by `targets`; its metrics go to row `row` of
/// three.
pub fn launch(prediction: Vec<f32>, targets: Vec<f32>, row: u32) -> Launch {
    let capacity = targets.len();
    Launch {
        call: call(ROWS, RegressionLoss::Mse, TargetScale::default(), true),
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

/// The same for another loss, on targets that are learned by `scale`.
pub fn random_for(
    samples: usize,
    loss: RegressionLoss,
    scale: TargetScale,
    rounds: bool,
) -> Launch {
    Launch {
        call: call(ROWS, loss, scale, rounds),
        ..random(samples)
    }
}

fn digits(random: &mut Random, len: usize) -> Vec<f32> {
    (0..len).map(|_| (random.bits() % 10) as f32).collect()
}

/// Losses, and scales of targets, whose sums are exact on whole numbers.
pub const EXACT: [(RegressionLoss, TargetScale, bool); 6] = {
    let none = TargetScale::NONE;
    let scale = TargetScale {
        mean: 4.0,
        deviation: 2.0,
    };
    let (mse, mae) = (RegressionLoss::Mse, RegressionLoss::Mae);
    let huber = RegressionLoss::Huber { delta: 1.0 };
    [
        (mse, none, true),
        (mse, scale, false),
        (mae, none, false),
        (mae, scale, true),
        (huber, none, true),
        (huber, scale, false),
    ]
};

/// Whole numbers, of which all sums are exact, with full batches and halves; and floats.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let turns = EXACT.into_iter().cycle();
    let sizes = [1, 2, 3, 7, 33, 127, 128, 129, 255, 257, 1_000, 5_003];
    for (samples, (loss, scale, rounds)) in sizes.into_iter().zip(turns) {
        let mut random = Random::new(samples as u64);
        let targets = digits(&mut random, samples);
        let mut launch = launch(random.integers(samples * 4), targets, samples as u32 % 3);
        let mut add = |launch: &Launch| cases.push(launch.clone().exact());
        add(&launch);
        launch.call = call(ROWS, loss, scale, rounds);
        add(&launch);
        launch.step.batch = launch.step.batch.div_ceil(2);
        add(&launch);
    }
    for samples in [1, 7, 33, 255, 257, 5_003] {
        cases.push(random(samples).within(Tolerance::Elementwise));
    }
    let prices = TargetScale {
        mean: 4.7,
        deviation: 2.9,
    };
    for loss in [
        RegressionLoss::Mse,
        RegressionLoss::Mae,
        RegressionLoss::Huber { delta: 0.7 },
    ] {
        let launch = random_for(257, loss, prices, true);
        cases.push(launch.within(Tolerance::Elementwise));
    }
    cases
}
