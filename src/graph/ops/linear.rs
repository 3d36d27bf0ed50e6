//! `activation(input * weight + bias)`: a linear layer, and every convolution that is one.

use std::any::Any;
use std::sync::Arc;

use super::activation::{ActivationOp, before_activation};
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernels::{Call, Scalar, conv2d_backward_input, linear_backward_weight, linear_forward};
use crate::shape::{ConvShape, ImageShape};
use crate::target::Target;

/// The operation: `rows` rows per sample, each of `in_features` to `out_features`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear {
    rows: usize,
    in_features: usize,
    out_features: usize,
    activation: Activation,
}

/// Records a linear layer from all of `input` (flattened, padding included) to `out_features`.
pub fn record(
    graph: &mut Graph,
    layer: &str,
    input: Value,
    weight: Value,
    bias: Value,
    out_features: usize,
) -> Value {
    let in_features = graph.sample_shape(input).padded_elements();
    let shape = ImageShape::vector(out_features);
    record_rows(graph, layer, [input, weight, bias], 1, in_features, shape)
}

/// Records a linear layer that acts on `rows` rows of `in_features` per sample.
pub(super) fn record_rows(
    graph: &mut Graph,
    layer: &str,
    inputs: [Value; 3],
    rows: usize,
    in_features: usize,
    output: ImageShape,
) -> Value {
    let value = graph.transient(Shape::Samples(output), Scalar::F32);
    let op = Linear {
        rows,
        in_features,
        out_features: output.channels,
        activation: Activation::Linear,
    };
    graph.record(layer, op, inputs.to_vec(), vec![value]);
    value
}

impl Op for Linear {
    fn call(&self, target: &Target) -> Call {
        linear_forward::call(
            self.rows,
            self.in_features,
            self.out_features,
            self.activation,
            target,
        )
    }

    fn absorb(&self, next: &dyn Op) -> Option<Arc<dyn Op>> {
        let next = (next as &dyn Any).downcast_ref::<ActivationOp>()?;
        (self.activation == Activation::Linear).then(|| {
            Arc::new(Self {
                activation: next.activation,
                ..*self
            }) as _
        })
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let [input, weight, bias] = node.inputs[..] else {
            unreachable!("recorded with three inputs");
        };
        let (rows, ins, outs) = (self.rows, self.in_features, self.out_features);
        let (capacity, target) = (tape.graph.capacity, tape.graph.target.clone());
        let gradient = before_activation(tape, node, self.activation)?;

        let splits = linear_backward_weight::splits(capacity, rows, ins, outs, &target);
        let call = linear_backward_weight::call(capacity, rows, ins, outs, &target);
        tape.parameter_gradients(node, [weight, bias], call, vec![input, gradient], splits);

        if tape.graph.needs_gradient(input) {
            // Row by row, so a convolution of 1x1: one kernel less to compile.
            let shape = ConvShape {
                input: ImageShape::new(ins, rows, 1),
                out_channels: outs,
                kernel_height: 1,
                kernel_width: 1,
                stride: 1,
            };
            let call = conv2d_backward_input::call(&shape, &target);
            let grad_input = tape.samples(node, call, vec![gradient, weight], input);
            tape.set_gradient(node, input, grad_input)?;
        }
        Ok(())
    }
}
