//! `cross_entropy_loss`: host side, twin and cases of
//! `shaders/loss/cross_entropy_loss.wgsl`.

use super::cross_entropy::TOP;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{Random, zero_padding};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, params, reads, reads_words, twin, writes,
    writes_words,
};
use crate::ops::loss::ROW;
use crate::shape::padded;

/// Threads of the one workgroup: a power of two.
const WORKGROUP_SIZE: u32 = 128;

/// See the shader's head comment. The processor runs the twin.
pub static KERNEL: Kernel = Kernel {
    name: "cross_entropy_loss",
    source: include_str!("../../../shaders/loss/cross_entropy_loss.wgsl"),
    bindings: &[
        reads("prediction"),
        reads_words("order"),
        reads("targets"),
        reads("class_weights"),
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
        /// Classes.
        pub classes: u32,
        /// Floats of a sample: classes, padded to quads.
        pub width: u32,
        /// 1 where classes have weights.
        pub weighted: u32,
        /// Share of every target that is spread evenly over all classes.
        pub smoothing: f32,
        /// Sum of the weights of all classes.
        pub weight_sum: f32,
    }
}

/// The weighted mean of the cross-entropy of a batch of logits of so many `classes`: its gradient, and row
/// `Step::row` of `rows` rows of metrics. Without `weight_sum`, the sum of the weights of all classes, each
/// weight is 1.
pub fn call(rows: usize, classes: usize, smoothing: f32, weight_sum: Option<f32>) -> Call {
    let params = Params {
        rows: rows as u32,
        classes: classes as u32,
        width: padded(classes) as u32,
        weighted: u32::from(weight_sum.is_some()),
        smoothing,
        weight_sum: weight_sum.unwrap_or(classes as f32),
    };
    let grid = Grid::fixed(WORKGROUP_SIZE as usize, WORKGROUP_SIZE);
    // A vec4 of sums per thread.
    Call::new(&KERNEL, &[], &params, grid).with_workgroup_bytes(16 * WORKGROUP_SIZE)
}

// The twin.

twin!(
    prediction: real, order: word, targets: real, class_weights: real, grad_prediction: real_mut,
    metrics: real_mut, faults: word_mut
);

/// prediction and `grad_prediction`: (batch, classes padded to quads); order: (count); targets: (images),
/// classes counted from 0; `class_weights`: (classes); metrics: (rows, 4); faults: (rows). As
/// <https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html> with its mean.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    prediction: &[T],
    order: &[u32],
    targets: &[T],
    class_weights: &[T],
    grad_prediction: &mut [T],
    metrics: &mut [T],
    faults: &mut [u32],
) {
    let task = Task {
        params,
        order,
        targets,
        class_weights,
    };
    task.run(step, prediction, (grad_prediction, metrics, faults));
}

/// What the loss of a batch depends on beside the logits.
struct Task<'a, T> {
    params: &'a Params,
    order: &'a [u32],
    targets: &'a [T],
    class_weights: &'a [T],
}

impl<T: Real> Task<'_, T> {
    /// The class at a position of the epoch.
    fn target(&self, position: u32) -> usize {
        let target = self.targets[self.order[position as usize] as usize].wide() as usize;
        target.min(self.params.classes as usize - 1)
    }

    fn weight(&self, class: usize) -> f64 {
        match self.params.weighted {
            1 => self.class_weights[class].wide(),
            _ => 1.0,
        }
    }

    /// 1 / the weights of the targets of the whole batch; 0 where they are all 0.
    fn scale(&self, step: &Step) -> f64 {
        let batch = step.whole_start..step.whole_start + step.whole_batch;
        let weights: f64 = batch.map(|it| self.weight(self.target(it))).sum();
        if weights > 0.0 { weights.recip() } else { 0.0 }
    }

    /// Gradient and metrics of the samples of `step`, whose logits `prediction` holds; the mean is over the
    /// whole batch.
    fn run(
        &self,
        step: &Step,
        prediction: &[T],
        (gradient, metrics, faults): (&mut [T], &mut [T], &mut [u32]),
    ) {
        let width = self.params.width as usize;
        let scale = self.scale(step);
        let mut sums = [0.0; ROW];
        let samples = prediction.chunks_exact(width);
        let samples = samples.zip(gradient.chunks_exact_mut(width));
        let samples = samples.take(step.batch as usize);
        for (position, (logits, gradient)) in (step.batch_start..).zip(samples) {
            let target = self.target(position);
            let [loss, hit, near] = self.sample(target, scale, logits, gradient);
            let terms = [f64::from(step.whole_batch) * loss, hit, near, 1.0];
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += term;
            }
        }
        if step.row < self.params.rows {
            let row = step.row as usize;
            metrics[row * ROW..][..ROW].copy_from_slice(&sums.map(T::of));
            faults[row] = 0;
        }
    }

    /// Writes the gradient of one sample of that target; its loss times `scale`, and whether the target is
    /// the first, and among the first five.
    fn sample(&self, wanted: usize, scale: f64, logits: &[T], gradient: &mut [T]) -> [f64; 3] {
        let classes = self.params.classes as usize;
        let logits = &logits[..classes];
        let logit = logits[wanted];
        let largest = logits.iter().fold(T::neg_infinity(), |a, b| a.max(*b));
        let below = |class: usize| (logits[class] - largest).wide();
        let total: f64 = (0..classes).map(|class| below(class).exp()).sum();
        let spread: f64 = (0..classes).map(|it| self.weight(it) * -below(it)).sum();
        let is_behind =
            |&(class, other): &(usize, &T)| logit > *other || (logit == *other && class >= wanted);
        let rank = classes - logits.iter().enumerate().filter(is_behind).count();
        let smoothing = f64::from(self.params.smoothing);
        let share = smoothing / classes as f64;
        let sharp = (1.0 - smoothing) * self.weight(wanted);
        let mass = sharp + share * f64::from(self.params.weight_sum);
        gradient.fill(T::zero());
        for (class, gradient) in gradient[..classes].iter_mut().enumerate() {
            let probability = below(class).exp() / total;
            let sharp = if class == wanted { sharp } else { 0.0 };
            let hoped = share * self.weight(class) + sharp;
            *gradient = T::of(scale * (probability * mass - hoped));
        }
        let loss = sharp * -below(wanted) + share * spread + mass * total.ln();
        let is_within = |count: usize| f64::from(u8::from(rank < count.min(classes)));
        [scale * loss, is_within(1), is_within(TOP)]
    }
}

// The cases.

/// Rows of metrics and faults.
const ROWS: usize = 3;

/// The loss of logits of so many `classes`, padded to quads, by `targets`; its metrics go to row `row` of
/// three.
pub fn launch(
    prediction: Vec<f32>,
    targets: Vec<f32>,
    classes: usize,
    smoothing: f32,
    weights: Option<Vec<f32>>,
    row: u32,
) -> Launch {
    let capacity = targets.len();
    let weight_sum = weights.as_ref().map(|it| it.iter().sum());
    Launch {
        call: call(ROWS, classes, smoothing, weight_sum),
        step: Step {
            row,
            ..batch(capacity)
        },
        arguments: vec![
            Argument::Floats(zero_padding(prediction, classes, padded(classes))),
            // Samples lie back to front in the data set.
            Argument::Words((0..capacity as u32).rev().collect()),
            Argument::Floats(targets.into_iter().rev().collect()),
            Argument::Floats(weights.unwrap_or_else(|| vec![f32::NAN; classes])),
            Argument::Poisoned(capacity * padded(classes)),
            Argument::Poisoned(ROWS * ROW),
            Argument::Poisoned(ROWS),
        ],
    }
}

/// Logits from -9 to 9 for `samples` of so many classes.
fn random(samples: usize, classes: usize, smoothing: f32, weighted: bool) -> Launch {
    let mut random = Random::new((samples * classes) as u64);
    let targets = (0..samples).map(|_| (random.bits() as usize % classes) as f32);
    let targets = targets.collect();
    let logits = random.floats(samples * padded(classes)).into_iter();
    let logits = logits.map(|x| 9.0 * x).collect();
    let weights = weighted.then(|| random.floats(classes).iter().map(|x| 1.5 + x).collect());
    launch(
        logits,
        targets,
        classes,
        smoothing,
        weights,
        samples as u32 % 3,
    )
}

/// With and without smoothing and weights, full batches and halves.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (samples, classes) in [(1, 2), (3, 3), (33, 10), (127, 4), (129, 101), (1_000, 10)] {
        for (smoothing, weighted) in [(0.0, false), (0.1, false), (0.0, true), (0.3, true)] {
            let mut launch = random(samples, classes, smoothing, weighted);
            cases.push(launch.clone().within(Tolerance::Elementwise));
            launch.step.batch = launch.step.batch.div_ceil(2);
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
