//! Maximum over windows whose stride is their size; rows and columns that fill no window are left.

pub mod adaptive_max_pool2d;
pub mod adaptive_max_pool2d_backward;
pub mod adaptive_max_pool2d_forward;
pub mod avg_pool2d;
pub mod avg_pool2d_backward;
pub mod avg_pool2d_forward;
pub mod global_avg_pool2d;
pub mod global_avg_pool2d_backward;
pub mod global_avg_pool2d_forward;
pub mod max_pool2d_backward;
pub mod max_pool2d_forward;

use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::shape::{ImageShape, PoolShape};

/// What errors call a pooling.
pub const MAX: &str = "max-pooling";
/// What errors call the other one.
pub const AVERAGE: &str = "average-pooling";

#[derive(Debug)]
pub(in crate::ops) struct MaxPool2d(pub(in crate::ops) PoolShape);

/// Shape of the output of a `pooling`, such as max-pooling; errors where not a single window fits, naming the layer.
pub fn output_shape(
    layer: &str,
    pooling: &str,
    input: ImageShape,
    window: usize,
) -> Result<ImageShape> {
    pool_shape(input, window).output().ok_or_else(|| {
        Error::shape(
            layer,
            format!(
                "its {window}x{window} {pooling} does not fit the {}x{} output of the convolution",
                input.height, input.width
            ),
            "use smaller `kernel_sizes` or `strides`, or fewer layers",
        )
    })
}

fn pool_shape(input: ImageShape, window: usize) -> PoolShape {
    PoolShape { input, window }
}

/// Records the pooling of `input` with windows of `window` x `window`.
pub fn record(graph: &mut Graph, layer: &str, input: Value, window: usize) -> Result<Value> {
    let shape = pool_shape(graph.sample_shape(input), window);
    let pooled = Shape::Samples(output_shape(layer, MAX, shape.input, window)?);
    let output = graph.transient(pooled, Scalar::F32);
    let argmax = graph.transient(pooled, Scalar::U32);
    graph.record(layer, MaxPool2d(shape), vec![input], vec![output, argmax]);
    Ok(output)
}

impl Op for MaxPool2d {
    fn call(&self, _target: &Target) -> Call {
        max_pool2d_forward::call(&self.0)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, output, argmax) = (node.inputs[0], node.outputs[0], node.outputs[1]);
        let gradient = tape.gradient(node, output)?;
        let call = max_pool2d_backward::call(&self.0, tape.fused_activation(input));
        let grad_input = tape.samples(node, call, vec![gradient, output, argmax], input);
        tape.set_gradient_before_activation(node, input, grad_input)
    }
}
