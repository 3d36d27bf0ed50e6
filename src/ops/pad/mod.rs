//! Zeros around an image, as many pixels of them on every side.

pub mod pad2d_backward;
pub mod pad2d_forward;

use std::any::Any;
use std::sync::Arc;

use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::conv2d::Conv2d;
use crate::shape::ImageShape;

/// The operation.
#[derive(Debug)]
struct Pad2d {
    input: ImageShape,
    padding: usize,
}

/// Shape of the output.
pub const fn output_shape(input: ImageShape, padding: usize) -> ImageShape {
    let (height, width) = (input.height + 2 * padding, input.width + 2 * padding);
    ImageShape::new(input.channels, height, width)
}

/// Records `padding` pixels of zeros on every side of `input`:
/// [`torch.nn.ZeroPad2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html).
pub fn record(graph: &mut Graph, layer: &str, input: Value, padding: usize) -> Value {
    if padding == 0 {
        return input;
    }
    let op = Pad2d {
        input: graph.sample_shape(input),
        padding,
    };
    let shape = Shape::Samples(output_shape(op.input, padding));
    let output = graph.transient(shape, Scalar::F32);
    graph.record(layer, op, vec![input], vec![output]);
    output
}

impl Op for Pad2d {
    fn call(&self, _target: &Target) -> Call {
        pad2d_forward::call(self.input, self.padding)
    }

    /// A convolution of an adapter reads the image, and knows of the zeros.
    fn absorb(&self, next: &dyn Op, target: &Target) -> Option<Arc<dyn Op>> {
        let next: &dyn Any = next;
        let next = next.downcast_ref::<Conv2d>()?;
        let padded = next.padded(self.input, self.padding)?;
        (!target.is_cpu()).then(|| Arc::new(padded) as _)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, output) = (node.inputs[0], node.outputs[0]);
        let gradient = tape.gradient(node, output)?;
        let call = pad2d_backward::call(self.input, self.padding);
        let grad_input = tape.samples(node, call, vec![gradient], input);
        tape.set_gradient(node, input, grad_input)
    }
}
