//! Mean squared error over the batch, with its metrics: one row per step.

pub mod mse_loss;

use crate::error::Result;
use crate::graph::{Graph, Node, Op, Phase, Role, Shape, Tape, Value};
use crate::kernel::shards::SHARDS;
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::reduce::sum_partials;
use crate::shape::ImageShape;

#[derive(Debug)]
struct MseLoss {
    rows: usize,
}

/// What a loss leaves behind that is yet to be added up.
#[derive(Debug)]
#[must_use = "on the processor, there are no metrics without"]
pub struct Loss {
    /// Metrics of every shard, and where their sum belongs.
    shards: Option<[Value; 2]>,
}

impl Loss {
    /// Records the sum of what the shards wrote, if they did: after the backward pass, since all
    /// shards have to meet for it.
    pub fn reduce(self, graph: &mut Graph) {
        if let Some([shards, metrics]) = self.shards {
            let call = sum_partials::call(SHARDS, mse_loss::METRICS);
            let (inputs, outputs) = (vec![shards], vec![metrics]);
            graph.record_call("loss", Phase::ReduceGradients, call, inputs, outputs);
        }
    }
}

/// Records the loss of `prediction` (one value per sample) against the targets of a data set of
/// `count` samples, and the row of metrics it writes; a submission holds up to `rows` of them. On the
/// processor every shard writes a row of its own.
pub fn record(graph: &mut Graph, prediction: Value, count: usize, rows: usize) -> Loss {
    let order = graph.resident(Role::Order, 0, count, Scalar::U32);
    let targets = graph.resident(Role::Targets, 0, count, Scalar::F32);
    let shape = Shape::Samples(ImageShape::vector(1));
    let gradient = graph.transient(shape, Scalar::F32);
    let inputs = vec![prediction, order, targets];
    if graph.target.is_cpu() {
        let metrics = graph.transient(Shape::Shards(mse_loss::METRICS), Scalar::F32);
        // The executor clears the count of faults before a step.
        let faults = graph.transient(Shape::Shards(1), Scalar::U32);
        let sum = graph.resident(Role::Metrics, 0, mse_loss::METRICS, Scalar::F32);
        let outputs = vec![gradient, metrics, faults];
        graph.record("loss", MseLoss { rows: 1 }, inputs, outputs);
        return Loss {
            shards: Some([metrics, sum]),
        };
    }
    let len = rows * mse_loss::METRICS;
    let metrics = graph.resident(Role::Metrics, 0, len, Scalar::F32);
    let faults = graph.resident(Role::Faults, 0, rows, Scalar::U32);
    let outputs = vec![gradient, metrics, faults];
    graph.record("loss", MseLoss { rows }, inputs, outputs);
    Loss { shards: None }
}

impl Op for MseLoss {
    fn call(&self, _target: &Target) -> Call {
        mse_loss::call(self.rows)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        // The kernel that computes the loss writes its gradient in the same pass.
        tape.set_gradient(node, node.inputs[0], node.outputs[0])
    }
}
