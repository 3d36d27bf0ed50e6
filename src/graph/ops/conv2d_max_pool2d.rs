//! `max_pool2d(relu(conv2d(input, weight) + bias))` by one kernel: what fusion makes of the three.

use super::conv2d;
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Op, Tape};
use crate::kernels::{Call, conv2d_max_pool2d_forward, max_pool2d_backward};
use crate::shape::{ConvShape, ImageShape, PoolShape};
use crate::target::Target;

/// The operation.
#[derive(Debug)]
pub(super) struct Conv2dMaxPool2d {
    pub(super) shape: ConvShape,
    /// Shape of the convolution's output.
    pub(super) between: ImageShape,
    pub(super) activation: Activation,
}

impl Op for Conv2dMaxPool2d {
    fn call(&self, target: &Target) -> Call {
        conv2d_max_pool2d_forward::call(&self.shape, self.activation, target)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let [output, argmax] = node.outputs[..] else {
            unreachable!("the pooling was recorded with two outputs");
        };
        let picked = tape.gradient(node, output)?;
        let pool = PoolShape {
            input: self.between,
            window: conv2d_max_pool2d_forward::WINDOW,
        };
        let call = max_pool2d_backward::call(&pool, self.activation);
        let gradient = tape.samples_of(node, call, vec![picked, output, argmax], self.between);
        conv2d::gradients(tape, node, &self.shape, gradient)
    }
}
