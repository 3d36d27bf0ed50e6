//! Mean over windows whose stride is their size; rows and columns that fill no window are left.

use crate::error::Result;
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::pool::{AVERAGE, avg_pool2d_backward, avg_pool2d_forward, output_shape};
use crate::shape::PoolShape;

#[derive(Debug)]
struct AvgPool2d(PoolShape);

/// Records the means of `input` over windows of `window` x `window`:
/// [`torch.nn.AvgPool2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html). Errors where not a
/// single one fits, naming the layer.
pub fn record(graph: &mut Graph, layer: &str, input: Value, window: usize) -> Result<Value> {
    let shape = PoolShape {
        input: graph.sample_shape(input),
        window,
    };
    let pooled = Shape::Samples(output_shape(layer, AVERAGE, shape.input, window)?);
    let output = graph.transient(pooled, Scalar::F32);
    graph.record(layer, AvgPool2d(shape), vec![input], vec![output]);
    Ok(output)
}

impl Op for AvgPool2d {
    fn call(&self, _target: &Target) -> Call {
        avg_pool2d_forward::call(&self.0)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let (input, output) = (node.inputs[0], node.outputs[0]);
        let gradient = tape.gradient(node, output)?;
        let call = avg_pool2d_backward::call(&self.0);
        let grad_input = tape.samples(node, call, vec![gradient], input);
        tape.set_gradient(node, input, grad_input)
    }
}
