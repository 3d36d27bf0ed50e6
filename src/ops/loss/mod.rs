//! Objectives: what a net is trained for, and what is measured of it. A new one is a file beside
//! `regression` with its [`Objective`], and one with its kernel.

mod cross_entropy;
pub mod cross_entropy_loss;
mod regression;
pub mod regression_loss;

use std::any::Any;
use std::fmt::Debug;
use std::ops::RangeInclusive;

use crate::data::{Constant, TargetStatistics};
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Phase, Role, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::reduce::sum_shards;
use crate::shape::ImageShape;

pub use cross_entropy::{CrossEntropy, balanced_weights};
pub use regression::{Regression, RegressionLoss, TargetScale};

/// Floats in a row of metrics: a sum over the samples of a batch for each [`Metric`], and behind them the
/// number of samples.
pub const ROW: usize = 4;

/// What a net is trained for.
pub trait Objective: Debug + Send + Sync {
    /// Its name: `mse`.
    fn name(&self) -> &'static str;

    /// Numbers that a net predicts for a sample.
    fn outputs(&self) -> usize;

    /// What is measured: first the loss, second what runs are compared by.
    fn metrics(&self) -> &'static [Metric];

    /// The metrics by name, of the `sums` of rows over so many `samples`; `targets` are those of the data
    /// set, where they are known. A metric that means nothing for them is left out. Unless an objective says
    /// otherwise each of its metrics is a mean, in the order of the rows.
    fn measured(
        &self,
        sums: [f64; ROW - 1],
        samples: f64,
        _targets: Option<&TargetStatistics>,
    ) -> Vec<(&'static str, f64)> {
        let sums = self.metrics().iter().zip(sums);
        sums.map(|(metric, sum)| (metric.name, sum / samples))
            .collect()
    }

    /// How its outputs stand for targets.
    fn target_scale(&self) -> TargetScale {
        TargetScale::NONE
    }

    /// Numbers that its kernel reads beside predictions and targets, if it does.
    fn constants(&self) -> Vec<f32> {
        Vec::new()
    }

    /// Errors where it cannot be, or not be trained for, on data whose targets lie in `targets`, and
    /// are whole numbers or not.
    fn check(&self, _targets: RangeInclusive<f32>, _are_whole: bool) -> Result<()> {
        Ok(())
    }

    /// The kernel call of one batch, in `training` or in an evaluation: its gradient, and row `Step::row` of
    /// `rows` rows of metrics. It binds the predictions (each padded to quads), the order of the epoch, the
    /// targets of the data set, its [`constants`](Self::constants) if it has any, the gradient of the
    /// predictions, the rows of metrics, and a word per row that it sets to zero. It may see a shard of the
    /// batch alone: the gradient is that of the mean over `Step::whole_batch` samples.
    fn call(&self, rows: usize, training: bool) -> Call;
}

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says something else of a metric"
)]
pub struct Metric {
    /// What the names of columns end in: `mae`.
    pub name: &'static str,
    /// What it is called in the head of a table: `MAE`.
    pub head: &'static str,
    /// What it is called by itself: `MSE`.
    pub short: &'static str,
    /// What it is called in full: `mean absolute error`.
    pub title: &'static str,
    /// What files of its figure are called: `mse`.
    pub file: &'static str,
    /// What it is counted in: `units of the target`.
    pub unit: &'static str,
    /// Whether it is a share of the samples, to be shown in percent, and of which more is better.
    pub is_share: bool,
    /// Whether there are targets for which it means nothing.
    pub is_optional: bool,
    /// Whether another metric says the same in other units: tables have it, figures do not.
    pub is_derived: bool,
    /// Whether it is logged for the test set alone, behind all else.
    pub is_of_test: bool,
    /// Which prediction that looks at no image is the one to beat by it.
    pub baseline: Option<Constant>,
}

#[derive(Debug)]
struct LossOp {
    call: Call,
}

/// What a loss leaves behind that is yet to be added up.
#[derive(Debug)]
#[must_use = "by shards, there are no metrics without"]
pub struct Loss {
    /// Metrics of every shard, and where their sum belongs.
    shards: Option<[Value; 2]>,
}

impl Loss {
    /// Records the sum of what the shards wrote, if they did: after the backward pass, since all
    /// shards have to meet for it.
    pub fn reduce(self, graph: &mut Graph) {
        if let Some([shards, metrics]) = self.shards {
            let call = sum_shards::call(1, ROW, &graph.target);
            let (inputs, outputs) = (vec![shards], vec![metrics]);
            graph.record_call("loss", Phase::ReduceGradients, call, inputs, outputs);
        }
    }
}

/// Records the loss of `prediction` against the targets of a data set of `count` samples, and the row of
/// metrics it writes; a submission holds up to `most_rows` of them. Where a batch is computed by shards, each
/// writes a row of its own, and their sum is the only row.
pub fn record(
    graph: &mut Graph,
    objective: &dyn Objective,
    prediction: Value,
    count: usize,
    most_rows: usize,
) -> Loss {
    let order = graph.resident(Role::Order, 0, count, Scalar::U32);
    let targets = graph.resident(Role::Targets, 0, count, Scalar::F32);
    let shape = Shape::Samples(ImageShape::vector(objective.outputs()));
    let gradient = graph.transient(shape, Scalar::F32);
    let mut inputs = vec![prediction, order, targets];
    let constants = objective.constants().len();
    if constants > 0 {
        inputs.push(graph.resident(Role::Constants, 0, constants, Scalar::F32));
    }
    let (rows, metrics, faults, loss);
    if graph.target.has_shards() {
        rows = 1;
        metrics = graph.transient(Shape::Shards(ROW), Scalar::F32);
        // The executor clears the count of faults before a step.
        faults = graph.transient(Shape::Shards(1), Scalar::U32);
        let sum = graph.resident(Role::Metrics, 0, ROW, Scalar::F32);
        loss = Loss {
            shards: Some([metrics, sum]),
        };
    } else {
        rows = most_rows;
        metrics = graph.resident(Role::Metrics, 0, rows * ROW, Scalar::F32);
        faults = graph.resident(Role::Faults, 0, rows, Scalar::U32);
        loss = Loss { shards: None };
    }
    let op = LossOp {
        call: objective.call(rows, graph.training),
    };
    graph.record("loss", op, inputs, vec![gradient, metrics, faults]);
    loss
}

/// Whether `node` is the mean squared error of targets as they are.
pub(in crate::ops) fn is_mse(node: &Node) -> bool {
    let op: &dyn Any = &*node.op;
    let plain = regression_loss::call(1, RegressionLoss::Mse, TargetScale::NONE, true);
    let plain: &regression_loss::Params = plain.params();
    op.downcast_ref().is_some_and(|it: &LossOp| {
        let is_regression = *it.call.kernel == regression_loss::KERNEL;
        is_regression && it.call.params::<regression_loss::Params>().learns_as(plain)
    })
}

impl Op for LossOp {
    fn call(&self, _target: &Target) -> Call {
        self.call.clone()
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        // The kernel that computes the loss writes its gradient in the same pass.
        tape.set_gradient(node, node.inputs[0], node.outputs[0])
    }
}
