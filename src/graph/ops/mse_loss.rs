//! Mean squared error over the batch, with its metrics: one row per step.

use crate::error::Result;
use crate::graph::{Graph, Node, Op, Role, Shape, Tape, Value};
use crate::kernels::{Call, Scalar, mse_loss};
use crate::shape::ImageShape;
use crate::target::Target;

#[derive(Debug)]
struct MseLoss {
    rows: usize,
}

/// Records the loss of `prediction` (one value per sample) against the targets of a data set of
/// `count` samples, and the row of metrics it writes; a submission holds up to `rows` of them.
pub fn record(graph: &mut Graph, prediction: Value, count: usize, rows: usize) {
    let order = graph.resident(Role::Order, 0, count, Scalar::U32);
    let targets = graph.resident(Role::Targets, 0, count, Scalar::F32);
    let shape = Shape::Samples(ImageShape::vector(1));
    let gradient = graph.transient(shape, Scalar::F32);
    let len = rows * mse_loss::METRICS;
    let metrics = graph.resident(Role::Metrics, 0, len, Scalar::F32);
    let faults = graph.resident(Role::Faults, 0, rows, Scalar::U32);
    graph.record(
        "loss",
        MseLoss { rows },
        vec![prediction, order, targets],
        vec![gradient, metrics, faults],
    );
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
