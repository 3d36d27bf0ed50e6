//! `activation(input * weight + bias)`: a linear layer, and every convolution that is one.

mod large_weight;
pub mod linear_backward_weight;
pub mod linear_forward;

use std::any::Any;
use std::sync::Arc;

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::activation::{ActivationOp, before_activation};
use crate::ops::conv2d::conv2d_max_pool2d::Conv2dMaxPool2d;
use crate::ops::conv2d::gradients;
use crate::ops::pool::MaxPool2d;
use crate::shape::{ConvShape, ImageShape};

/// The operation: `rows` rows per sample, each of `in_features` to `out_features`.
#[derive(Debug, Clone, Copy)]
struct Linear {
    rows: usize,
    in_features: usize,
    out_features: usize,
    activation: Activation,
    /// Whether it is the first layer: what it reads has no gradient.
    is_first: bool,
    /// The 1x1 convolution that it is, if it is one.
    conv: Option<ConvShape>,
    has_bias: bool,
}

/// Records a linear layer from all of `input` (flattened, padding included) to `out_features`. Without a bias,
/// what is bound in its place is zero and stays so.
pub fn record(
    graph: &mut Graph,
    layer: &str,
    [input, weight, bias]: [Value; 3],
    out_features: usize,
    has_bias: bool,
) -> Value {
    let in_features = graph.sample_shape(input).padded_elements();
    let shape = ImageShape::vector(out_features);
    let op = Linear {
        has_bias,
        ..Linear::new(1, in_features, out_features)
    };
    op.record(graph, layer, [input, weight, bias], shape)
}

/// Records a convolution whose window is its whole input.
pub(in crate::ops) fn record_whole_image(
    graph: &mut Graph,
    layer: &str,
    inputs: [Value; 3],
    shape: &ConvShape,
    output: ImageShape,
    has_bias: bool,
) -> Value {
    let op = Linear {
        has_bias,
        ..Linear::new(1, shape.input.padded_elements(), output.channels)
    };
    op.record(graph, layer, inputs, output)
}

/// Records a convolution whose window is one pixel, at stride 1: every pixel is a row.
pub(in crate::ops) fn record_pixels(
    graph: &mut Graph,
    layer: &str,
    inputs: [Value; 3],
    shape: &ConvShape,
    output: ImageShape,
    has_bias: bool,
) -> Value {
    let (rows, features) = (shape.input.pixels(), shape.input.padded_channels());
    let op = Linear {
        conv: Some(*shape),
        has_bias,
        ..Linear::new(rows, features, output.channels)
    };
    op.record(graph, layer, inputs, output)
}

/// What a dense layer is.
pub(in crate::ops) struct Dense {
    /// Of a sample of its input, padding included, and of its output.
    pub features: [usize; 2],
    pub activation: Activation,
    /// Whether what it reads has no gradient.
    pub is_first: bool,
}

/// The dense layer that `node` is, if it is one with a bias.
pub(in crate::ops) fn dense(node: &Node) -> Option<Dense> {
    let op: &dyn Any = &*node.op;
    let it: &Linear = op.downcast_ref()?;
    let is_dense = it.rows == 1 && it.has_bias;
    is_dense.then_some(Dense {
        features: [it.in_features, it.out_features],
        activation: it.activation,
        is_first: it.is_first,
    })
}

/// Records the gradients of the dense layer `node`, given that of its sums.
pub(in crate::ops) fn record_gradients(
    tape: &mut Tape<'_>,
    node: &Node,
    gradient: Value,
) -> Result<()> {
    let op: &dyn Any = &*node.op;
    let it: &Linear = op.downcast_ref().expect("`dense` knew it");
    it.gradients(tape, node, gradient)
}

impl Linear {
    const fn new(rows: usize, in_features: usize, out_features: usize) -> Self {
        Self {
            rows,
            in_features,
            out_features,
            activation: Activation::Linear,
            is_first: false,
            conv: None,
            has_bias: true,
        }
    }

    fn record(
        self,
        graph: &mut Graph,
        layer: &str,
        inputs: [Value; 3],
        output: ImageShape,
    ) -> Value {
        let value = graph.transient(Shape::Samples(output), Scalar::F32);
        let op = Self {
            is_first: !graph.needs_gradient(inputs[0]),
            ..self
        };
        graph.record(layer, op, inputs.to_vec(), vec![value]);
        value
    }
}

impl Op for Linear {
    fn call(&self, target: &Target) -> Call {
        let (rows, ins, outs) = (self.rows, self.in_features, self.out_features);
        let call = linear_forward::call(rows, ins, outs, self.activation, target);
        // The processor reads a large weight for many samples at once. Behind other layers their values
        // would have to be kept for the whole batch, which costs more.
        let is_large = rows == 1 && ins * outs > linear_forward::LARGE;
        if target.is_cpu() && self.is_first && is_large {
            return call.for_whole_batch();
        }
        call
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn absorb(&self, next: &dyn Op, _target: &Target) -> Option<Arc<dyn Op>> {
        let next: &dyn Any = next;
        if let (Some(pool), Some(shape)) = (next.downcast_ref::<MaxPool2d>(), self.conv) {
            return Conv2dMaxPool2d::of(shape, self.activation, self.has_bias, pool);
        }
        let next = next.downcast_ref::<ActivationOp>()?;
        (self.activation == Activation::Linear).then(|| {
            Arc::new(Self {
                activation: next.activation,
                ..*self
            }) as _
        })
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let gradient = before_activation(tape, node, self.activation)?;
        self.gradients(tape, node, gradient)
    }
}

impl Linear {
    /// Records the gradients of parameters and input, given that of the sums.
    fn gradients(&self, tape: &mut Tape<'_>, node: &Node, gradient: Value) -> Result<()> {
        let [input, weight, bias] = node.inputs[..] else {
            unreachable!("recorded with three inputs");
        };
        let (rows, ins, outs) = (self.rows, self.in_features, self.out_features);
        let (capacity, target) = (tape.graph.capacity, tape.graph.target.clone());
        let splits = linear_backward_weight::splits(capacity, rows, ins, outs, &target);
        let mut call = linear_backward_weight::call(capacity, rows, ins, outs, &target);
        if !self.has_bias {
            call = call.without_bias();
        }
        tape.parameter_gradients(node, [weight, bias], call, vec![input, gradient], splits);

        if tape.graph.needs_gradient(input) {
            // Row by row, so a convolution of 1x1: one kernel less to compile.
            let shape = self.conv.unwrap_or(ConvShape {
                input: ImageShape::vector(ins),
                out_channels: outs,
                kernel_height: 1,
                kernel_width: 1,
                stride: 1,
                padding: 0,
            });
            gradients::input_gradient(tape, node, &shape, gradient)?;
        }
        Ok(())
    }
}
