//! Sums of partial sums.

pub mod sum_partials;
pub mod sum_shards;

use crate::graph::{Node, Phase, Role, Shape, Tape, Value};
use crate::kernel::limits::bias_at;
use crate::kernel::{Call, Scalar};

impl Tape<'_> {
    /// The gradients of `weight` and of the bias that follows it in memory, as one value: weight, zeros up to where a bias
    /// lies, bias.
    pub(in crate::ops) fn gradients_of(&mut self, [weight, bias]: [Value; 2]) -> Value {
        let [offset, bias_offset] = [weight, bias].map(|it| self.graph.parameter_offset(it));
        assert_eq!(
            bias_offset - offset,
            bias_at(self.graph.len(weight)),
            "a layer's bias follows its weight in the table of parameters"
        );
        let len = bias_offset - offset + self.graph.len(bias);
        self.graph
            .resident(Role::Gradients, offset, len, Scalar::F32)
    }

    /// Records the gradients of `weight` and of the bias that follows it in memory: `call` writes
    /// `splits` partial sums of both, which are then added up in order; one split is written in
    /// place. Where a batch is computed by shards, each writes splits of its own, and a call for the whole batch
    /// the sum.
    pub(in crate::ops) fn parameter_gradients(
        &mut self,
        node: &Node,
        parameters: [Value; 2],
        call: Call,
        inputs: Vec<Value>,
        splits: usize,
    ) {
        let phase = Phase::ReduceGradients;
        self.parameter_gradients_in(phase, node, parameters, call, inputs, splits);
    }

    /// The same, added up in `phase`: the backward pass, where that goes on to read the gradients, which are returned
    /// ([`Self::gradients_of`]).
    pub(in crate::ops) fn parameter_gradients_in(
        &mut self,
        phase: Phase,
        node: &Node,
        parameters: [Value; 2],
        call: Call,
        inputs: Vec<Value>,
        splits: usize,
    ) -> Value {
        let gradient = self.gradients_of(parameters);
        let len = self.graph.len(gradient);
        let layer = &node.layer;
        if call.whole_batch {
            self.graph
                .record_call(layer, phase, call, inputs, vec![gradient]);
            return gradient;
        }
        let by_shards = self.graph.target.has_shards();
        let (partials, sum) = if by_shards {
            let sum = sum_shards::call(splits, len, &self.graph.target);
            (Shape::Shards(splits * len), sum)
        } else {
            let sum = sum_partials::call(splits, len);
            (Shape::Flat(splits * len), sum)
        };
        if splits == 1 && !by_shards {
            self.graph
                .record_call(layer, Phase::Backward, call, inputs, vec![gradient]);
            return gradient;
        }
        let partials = self.graph.transient(partials, Scalar::F32);
        self.graph
            .record_call(layer, Phase::Backward, call, inputs, vec![partials]);
        self.graph
            .record_call(layer, phase, sum, vec![partials], vec![gradient]);
        gradient
    }
}
