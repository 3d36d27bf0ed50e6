//! `activation((input - mean) / sqrt(variance + eps) * weight + bias)`, by channels:
//! [`torch.nn.BatchNorm2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html).
//!
//! In training three operations: statistics of parts of the batch, their merging (which also moves the
//! running statistics), and the normalisation. On the processor, the shards meet between the first two, and
//! once more in the backward pass, where the gradient of the input needs sums over the whole batch. On an adapter
//! the last two are fused, there and back ([`fuse`]).

pub mod batch_norm_backward_input;
pub mod batch_norm_backward_parameters;
pub mod batch_norm_forward;
pub mod batch_norm_merge;
pub mod batch_norm_merge_forward;
pub mod batch_norm_statistics;
pub mod batch_norm_sum_backward_input;
mod fused;
mod rows;

pub use fused::fuse;

use std::any::Any;
use std::sync::Arc;

use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Phase, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::activation::{ActivationOp, before_activation};
use crate::ops::norm::batch_norm_merge::Parts;
use crate::shape::ImageShape;

/// What is added to a variance before its root is taken: PyTorch's default.
pub const EPS: f32 = 1e-5;
/// Share of a batch's statistics in the running ones: PyTorch's default.
pub const MOMENTUM: f32 = 0.1;

/// Statistics of parts of the batch.
#[derive(Debug)]
struct Statistics {
    shape: ImageShape,
    splits: usize,
}

/// Those of the whole batch, and the step of the running ones.
#[derive(Debug)]
struct Merge {
    shape: ImageShape,
    parts: Parts,
}

/// The normalisation.
#[derive(Debug, Clone, Copy)]
struct BatchNorm {
    shape: ImageShape,
    activation: Activation,
    training: bool,
}

/// Records the batch norm of `input`; weight and bias have a float per channel, and so have the
/// `statistics`, `[running_mean, running_var]`. In training the batch's own mean and variance normalise, and the
/// running ones take a step towards them; in an evaluation the running ones do.
pub fn record(
    graph: &mut Graph,
    layer: &str,
    input: Value,
    [weight, bias]: [Value; 2],
    statistics: [Value; 2],
    training: bool,
) -> Value {
    let shape = graph.sample_shape(input);
    let [mean, variance] = if training {
        record_statistics(graph, layer, input, statistics)
    } else {
        statistics
    };
    let output = graph.transient(Shape::Samples(shape), Scalar::F32);
    let op = BatchNorm {
        shape,
        activation: Activation::Linear,
        training,
    };
    let inputs = vec![input, mean, variance, weight, bias];
    graph.record(layer, op, inputs, vec![output]);
    output
}

/// Mean and variance of the batch.
fn record_statistics(
    graph: &mut Graph,
    layer: &str,
    input: Value,
    [running_mean, running_var]: [Value; 2],
) -> [Value; 2] {
    let shape = graph.sample_shape(input);
    let channels = shape.padded_channels();
    let splits = rows::splits(graph.capacity, shape, &graph.target);
    let len = batch_norm_statistics::ROWS * channels;
    let (parts, partials) = if graph.target.has_shards() {
        (
            Parts::of_shards(splits, channels, &graph.target),
            Shape::Shards(splits * len),
        )
    } else {
        (Parts::of_batch(splits, channels), Shape::Flat(splits * len))
    };
    let partials = graph.transient(partials, Scalar::F32);
    let op = Statistics { shape, splits };
    graph.record(layer, op, vec![input], vec![partials]);
    let [mean, variance] = [(); 2].map(|()| graph.transient(Shape::Flat(channels), Scalar::F32));
    let op = Merge { shape, parts };
    let outputs = vec![mean, variance, running_mean, running_var];
    graph.record(layer, op, vec![partials], outputs);
    [mean, variance]
}

impl Op for Statistics {
    fn call(&self, _target: &Target) -> Call {
        batch_norm_statistics::call(self.shape, self.splits)
    }

    /// What the input gets through mean and variance is part of the gradient of [`BatchNorm`].
    fn backward(&self, _tape: &mut Tape<'_>, _node: &Node) -> Result<()> {
        Ok(())
    }
}

impl Op for Merge {
    fn call(&self, _target: &Target) -> Call {
        batch_norm_merge::call(self.shape, self.parts, MOMENTUM)
    }

    /// As that of [`Statistics`].
    fn backward(&self, _tape: &mut Tape<'_>, _node: &Node) -> Result<()> {
        Ok(())
    }
}

impl Op for BatchNorm {
    fn call(&self, _target: &Target) -> Call {
        batch_norm_forward::call(self.shape, self.activation, EPS)
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn absorb(&self, next: &dyn Op, _target: &Target) -> Option<Arc<dyn Op>> {
        let next: &dyn Any = next;
        let next = next.downcast_ref::<ActivationOp>()?;
        (self.activation == Activation::Linear).then(|| {
            Arc::new(Self {
                activation: next.activation,
                ..*self
            }) as _
        })
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let [input, mean, variance, weight, bias] = node.inputs[..] else {
            unreachable!("recorded with five inputs");
        };
        if !self.training {
            return Err(Error::shape(
                node.layer.clone(),
                "its running statistics are those of an evaluation, which has no gradients",
                "this is a bug in gpu-train's net; please report it",
            ));
        }
        let gradient = before_activation(tape, node, self.activation)?;
        let bound = [gradient, input, mean, variance];
        self.record_gradients(tape, node, bound, [weight, bias])
    }
}

impl BatchNorm {
    /// Records the gradients by weight and bias, and by the input, one after the other.
    fn record_gradients(
        &self,
        tape: &mut Tape<'_>,
        node: &Node,
        [gradient, input, mean, variance]: [Value; 4],
        parameters: [Value; 2],
    ) -> Result<()> {
        let splits = rows::splits(tape.graph.capacity, self.shape, &tape.graph.target);
        let call = batch_norm_backward_parameters::call(self.shape, splits, EPS);
        let bound = vec![gradient, input, mean, variance];
        // The gradient of the input needs the sums as well.
        let phase = Phase::Backward;
        let sums = tape.parameter_gradients_in(phase, node, parameters, call, bound, splits);
        if tape.graph.needs_gradient(input) {
            let call = batch_norm_backward_input::call(self.shape, EPS);
            let bound = vec![gradient, input, mean, variance, parameters[0], sums];
            let grad_input = tape.samples(node, call, bound, input);
            tape.set_gradient(node, input, grad_input)?;
        }
        Ok(())
    }
}
