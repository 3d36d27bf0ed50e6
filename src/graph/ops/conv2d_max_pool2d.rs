//! `max_pool2d(relu(conv2d(input, weight) + bias))` by one kernel: what fusion makes of the three.

use std::sync::Arc;

use super::conv2d;
use super::max_pool2d::MaxPool2d;
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Op, Tape};
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
        let pooled = vec![tape.gradient(node, output)?, output, argmax];
        // The gradient of the convolution's sums, most of which is zero.
        let pool = PoolShape {
            input: self.between,
            window: conv2d_max_pool2d_forward::WINDOW,
        };
        let call = max_pool2d_backward::call(&pool, self.activation);
        let gradient = tape.samples_of(node, call, pooled, self.between);
        conv2d::gradients(tape, node, &self.shape, gradient)
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
