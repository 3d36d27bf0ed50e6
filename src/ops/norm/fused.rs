//! Training's batch norm on an adapter in four launches instead of six: who reads what the parts of a batch gave merges
//! it. A workgroup then reads all of that for its columns ([`Merging`](super::rows::Merging)), which is less than
//! a launch takes to start.

use std::any::Any;

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Phase, Shape, Tape, Value};
use crate::kernel::limits::bias_at;
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::activation::before_activation;
use crate::ops::norm::{
    BatchNorm, EPS, MOMENTUM, Merge, batch_norm_backward_parameters, batch_norm_merge_forward,
    batch_norm_sum_backward_input,
};

/// The merging of statistics and the normalisation.
#[derive(Debug)]
struct MergedBatchNorm {
    norm: BatchNorm,
    splits: usize,
    capacity: usize,
    /// Weight and bias.
    parameters: [Value; 2],
    /// Mean and variance of the batch.
    statistics: [Value; 2],
}

/// Makes one operation of every merging of statistics in `graph` and the normalisation by them, where a batch is computed as
/// one: shards meet between the two.
pub fn fuse(graph: &mut Graph) {
    if graph.target.has_shards() {
        return;
    }
    let nodes = graph.take_from(0);
    let mut nodes = nodes.into_iter().peekable();
    while let Some(node) = nodes.next() {
        match nodes.peek().and_then(|next| fused(graph, &node, next)) {
            Some(fused) => {
                nodes.next();
                let (op, inputs, outputs) = fused;
                graph.record(&node.layer, op, inputs, outputs);
            }
            None => graph.put_back(node),
        }
    }
}

/// The operation that does `merge` and `norm`, if they are such, with its inputs and outputs.
fn fused(
    graph: &mut Graph,
    merge: &Node,
    norm: &Node,
) -> Option<(MergedBatchNorm, Vec<Value>, Vec<Value>)> {
    let merging = downcast::<Merge>(merge)?;
    let [partials] = merge.inputs[..] else {
        return None;
    };
    let [mean, variance, running_mean, running_var] = merge.outputs[..] else {
        return None;
    };
    let [input, own_mean, own_variance, weight, bias] = norm.inputs[..] else {
        return None;
    };
    if [own_mean, own_variance] != [mean, variance] {
        return None;
    }
    let parameters = [weight, bias];
    let bound = graph.pair(parameters)?;
    let running = graph.pair([running_mean, running_var])?;
    let channels = merging.shape.padded_channels();
    let at = bias_at(channels);
    let whole = graph.transient(Shape::Flat(at + channels), Scalar::F32);
    let op = MergedBatchNorm {
        norm: *downcast::<BatchNorm>(norm)?,
        splits: merging.parts.splits(),
        capacity: graph.capacity,
        parameters,
        statistics: [0, at].map(|at| graph.part(whole, at, Shape::Flat(channels))),
    };
    let outputs = vec![norm.outputs[0], whole, running];
    Some((op, vec![input, partials, bound], outputs))
}

fn downcast<T: Op>(node: &Node) -> Option<&T> {
    let op: &dyn Any = &*node.op;
    op.downcast_ref()
}

impl Op for MergedBatchNorm {
    fn call(&self, _target: &Target) -> Call {
        let BatchNorm {
            shape, activation, ..
        } = self.norm;
        let factors = [EPS, MOMENTUM];
        batch_norm_merge_forward::call(self.capacity, shape, self.splits, activation, factors)
    }

    fn activation(&self) -> Activation {
        self.norm.activation
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, statistics) = (node.inputs[0], node.outputs[1]);
        let Self {
            norm,
            splits,
            parameters,
            ..
        } = *self;
        let [mean, variance] = self.statistics;
        let gradient = before_activation(tape, node, norm.activation)?;
        let bound = [gradient, input, mean, variance];
        // A single partial sum is the sum, and where nobody goes on to read them, nobody merges them either.
        if splits == 1 || !tape.graph.needs_gradient(input) {
            return norm.record_gradients(tape, node, bound, parameters);
        }
        let sums = tape.gradients_of(parameters);
        let len = splits * tape.graph.len(sums);
        let partials = tape.graph.transient(Shape::Flat(len), Scalar::F32);
        let grad_input = Shape::Samples(norm.shape);
        let grad_input = tape.graph.transient(grad_input, Scalar::F32);
        let mut record = |call, inputs, outputs| {
            let graph = &mut *tape.graph;
            graph.record_call(&node.layer, Phase::Backward, call, inputs, outputs);
        };
        let call = batch_norm_backward_parameters::call(norm.shape, splits, EPS);
        record(call, bound.to_vec(), vec![partials]);
        let call = batch_norm_sum_backward_input::call(self.capacity, norm.shape, splits, EPS);
        let inputs = vec![gradient, input, statistics, parameters[0], partials];
        record(call, inputs, vec![sums, grad_input]);
        tape.set_gradient(node, input, grad_input)
    }
}
