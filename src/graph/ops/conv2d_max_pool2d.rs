//! `max_pool2d(relu(conv2d(input, weight) + bias))` by one kernel: what fusion makes of the three.

use super::activation::before_activation;
use super::linear;
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
        let [input, weight, bias] = node.inputs[..] else {
            unreachable!("a convolution is recorded with three inputs");
        };
        let argmax = node.outputs[1];
        // Only the pixels that were picked have a gradient, so slopes and the bias need only them.
        let picked = before_activation(tape, node, self.activation)?;
        let pooled = tape.graph.sample_shape(node.outputs[0]);
        linear::bias_gradient(tape, node, bias, picked, pooled.pixels(), pooled.channels);
        let pool = PoolShape {
            input: self.between,
            window: conv2d_max_pool2d_forward::WINDOW,
        };
        let call = max_pool2d_backward::call(&pool);
        let gradient = tape.samples_of(node, call, vec![picked, argmax], self.between);
        super::conv2d::gradients(tape, node, &self.shape, [input, weight], gradient)
    }
}
