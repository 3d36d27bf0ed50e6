//! Maximum over windows that divide the image into a fixed number of cells; they overlap or repeat
//! where the image's size is no multiple of it.

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::pool::{adaptive_max_pool2d_backward, adaptive_max_pool2d_forward};
use crate::shape::ImageShape;

#[derive(Debug)]
struct AdaptiveMaxPool2d {
    input: ImageShape,
    cells: usize,
}

/// Records the pooling of `input` to `cells` x `cells`.
pub fn record(graph: &mut Graph, layer: &str, input: Value, cells: usize) -> Value {
    let shape = graph.sample_shape(input);
    if (shape.height, shape.width) == (cells, cells) {
        // Every cell covers one pixel: the output is the input.
        return input;
    }
    let pooled = Shape::Samples(ImageShape::new(shape.channels, cells, cells));
    let output = graph.transient(pooled, Scalar::F32);
    let argmax = graph.transient(pooled, Scalar::U32);
    let op = AdaptiveMaxPool2d {
        input: shape,
        cells,
    };
    graph.record(layer, op, vec![input], vec![output, argmax]);
    output
}

impl Op for AdaptiveMaxPool2d {
    fn call(&self, _target: &Target) -> Call {
        adaptive_max_pool2d_forward::call(self.input, self.cells)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, output, argmax) = (node.inputs[0], node.outputs[0], node.outputs[1]);
        let gradient = tape.gradient(node, output)?;
        let activation = tape.fused_activation(input);
        // Without an activation the kernel does not read its input: what it reads anyway is bound.
        let activated = match activation {
            Activation::Linear => gradient,
            _ => input,
        };
        let call = adaptive_max_pool2d_backward::call(self.input, self.cells, activation);
        let grad_input = tape.samples(node, call, vec![gradient, argmax, activated], input);
        tape.set_gradient_before_activation(node, input, grad_input)
    }
}
