//! Maximum over windows whose stride is their size; rows and columns that fill no window are left.

use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernels::{Call, Scalar, max_pool2d_backward, max_pool2d_forward};
use crate::shape::{ImageShape, window_count};
use crate::target::Target;

#[derive(Debug)]
struct MaxPool2d {
    input: ImageShape,
    window: usize,
}

/// Shape of the output; errors where not a single window fits, naming the layer.
pub fn output_shape(layer: &str, input: ImageShape, window: usize) -> Result<ImageShape> {
    let cells = |input| window_count(input, window, window);
    match (cells(input.height), cells(input.width)) {
        (Some(height), Some(width)) => Ok(ImageShape::new(input.channels, height, width)),
        _ => Err(Error::shape(
            layer,
            format!(
                "its {window}x{window} max-pooling does not fit the {}x{} output of the convolution",
                input.height, input.width
            ),
            "use smaller --kernel-sizes or --strides, or fewer layers",
        )),
    }
}

/// Records the pooling of `input` with windows of `window` x `window`.
pub fn record(graph: &mut Graph, layer: &str, input: Value, window: usize) -> Result<Value> {
    let shape = graph.sample_shape(input);
    let pooled = Shape::Samples(output_shape(layer, shape, window)?);
    let output = graph.transient(pooled, Scalar::F32);
    let argmax = graph.transient(pooled, Scalar::U32);
    let op = MaxPool2d {
        input: shape,
        window,
    };
    graph.record(layer, op, vec![input], vec![output, argmax]);
    Ok(output)
}

impl Op for MaxPool2d {
    fn call(&self, _target: &Target) -> Call {
        max_pool2d_forward::call(self.input, self.window)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, output, argmax) = (node.inputs[0], node.outputs[0], node.outputs[1]);
        let gradient = tape.gradient(node, output)?;
        let call = max_pool2d_backward::call(self.input, self.window);
        let grad_input = tape.samples(node, call, vec![gradient, argmax], input);
        tape.set_gradient(node, input, grad_input)
    }
}
