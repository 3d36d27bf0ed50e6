//! `max_pool2d(relu(conv2d(input, weight) + bias))` by one kernel: what fusion makes of the three.

use std::sync::Arc;

use super::conv2d;
use super::max_pool2d::MaxPool2d;
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Op, Tape, Value};
use crate::kernels::conv2d_max_pool2d_backward_weight as backward_weight;
use crate::kernels::{Call, conv2d_max_pool2d_forward, max_pool2d_backward};
use crate::shape::{ConvShape, ImageShape, PoolShape};
use crate::target::Target;

/// The operation.
#[derive(Debug)]
pub(super) struct Conv2dMaxPool2d {
    shape: ConvShape,
    /// Shape of the convolution's output.
    between: ImageShape,
    activation: Activation,
}

impl Op for Conv2dMaxPool2d {
    fn call(&self, target: &Target) -> Call {
        conv2d_max_pool2d_forward::call(&self.shape, self.activation, target)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let [output, argmax] = node.outputs[..] else {
            unreachable!("the pooling was recorded with two outputs");
        };
        let pooled = [tape.gradient(node, output)?, output, argmax];
        if !backward_weight::serves(&self.shape, &tape.graph.target) {
            let gradient = self.dense_gradient(tape, node, pooled);
            return conv2d::gradients(tape, node, &self.shape, gradient);
        }
        self.parameter_gradients(tape, node, pooled);
        let [input, ..] = conv2d::inputs(node);
        if tape.graph.needs_gradient(input) {
            let gradient = self.dense_gradient(tape, node, pooled);
            conv2d::input_gradient(tape, node, &self.shape, gradient)?;
        }
        Ok(())
    }
}

impl Conv2dMaxPool2d {
    /// The convolution, its activation and the pooling as one operation, where a kernel does that.
    pub(super) fn of(
        shape: ConvShape,
        activation: Activation,
        MaxPool2d(pool): &MaxPool2d,
    ) -> Option<Arc<dyn Op>> {
        let fused = Self {
            shape,
            between: pool.input,
            activation,
        };
        conv2d_max_pool2d_forward::serves(activation, pool.window).then(|| Arc::new(fused) as _)
    }
}

/// Each takes the pooled gradient, the pooled output and where the maxima were.
impl Conv2dMaxPool2d {
    /// Records the gradient of the convolution's sums, most of which is zero.
    fn dense_gradient(&self, tape: &mut Tape<'_>, node: &Node, pooled: [Value; 3]) -> Value {
        let pool = PoolShape {
            input: self.between,
            window: conv2d_max_pool2d_forward::WINDOW,
        };
        let call = max_pool2d_backward::call(&pool, self.activation);
        tape.samples_of(node, call, pooled.to_vec(), self.between)
    }

    /// Records the gradients of weight and bias, without making the dense gradient.
    fn parameter_gradients(&self, tape: &mut Tape<'_>, node: &Node, pooled: [Value; 3]) {
        let [input, weight, bias] = conv2d::inputs(node);
        let capacity = tape.graph.capacity;
        let splits = backward_weight::splits(capacity, &self.shape);
        let call = backward_weight::call(capacity, &self.shape, self.activation);
        let inputs = [&[input][..], &pooled].concat();
        tape.parameter_gradients(node, [weight, bias], call, inputs, splits);
    }
}
