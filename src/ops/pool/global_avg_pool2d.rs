//! Mean over all pixels of every channel.

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::pool::{global_avg_pool2d_backward, global_avg_pool2d_forward};
use crate::shape::ImageShape;

#[derive(Debug)]
struct GlobalAvgPool2d(ImageShape);

/// Records the mean over all pixels of `input`, one pixel:
/// [`torch.nn.AdaptiveAvgPool2d(1)`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html).
pub fn record(graph: &mut Graph, layer: &str, input: Value) -> Value {
    let shape = graph.sample_shape(input);
    if shape.pixels() == 1 {
        return input;
    }
    let mean = Shape::Samples(ImageShape::vector(shape.channels));
    let output = graph.transient(mean, Scalar::F32);
    graph.record(layer, GlobalAvgPool2d(shape), vec![input], vec![output]);
    output
}

impl Op for GlobalAvgPool2d {
    fn call(&self, _target: &Target) -> Call {
        global_avg_pool2d_forward::call(self.0)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, output) = (node.inputs[0], node.outputs[0]);
        let gradient = tape.gradient(node, output)?;
        let activation = tape.fused_activation(input);
        // Without an activation the kernel does not read its input: what it reads anyway is bound.
        let activated = match activation {
            Activation::Linear => gradient,
            _ => input,
        };
        let call = global_avg_pool2d_backward::call(self.0, activation);
        let grad_input = tape.samples(node, call, vec![gradient, activated], input);
        tape.set_gradient_before_activation(node, input, grad_input)
    }
}
