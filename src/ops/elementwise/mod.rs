//! `activation(input + other)`, elementwise: where a shortcut meets the layers that it goes around; and dropout.

pub mod add_forward;
pub mod dropout;

use std::any::Any;
use std::sync::Arc;

use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::activation::{ActivationOp, before_activation};
use crate::shape::ImageShape;

/// The operation.
#[derive(Debug, Clone, Copy)]
struct Add {
    shape: ImageShape,
    activation: Activation,
}

/// Records the sum of two batches: [`torch.add`](https://docs.pytorch.org/docs/stable/generated/torch.add.html)
/// without broadcasting. Errors where their shapes differ, naming the layer.
pub fn record(graph: &mut Graph, layer: &str, inputs: [Value; 2]) -> Result<Value> {
    let [shape, other] = inputs.map(|it| graph.sample_shape(it));
    if shape != other {
        return Err(Error::shape(
            layer,
            format!("it adds {shape} and {other}"),
            "give the shortcut a 1x1 convolution with the channels and the stride of what it goes around",
        ));
    }
    let output = graph.transient(Shape::Samples(shape), Scalar::F32);
    let op = Add {
        shape,
        activation: Activation::Linear,
    };
    graph.record(layer, op, inputs.to_vec(), vec![output]);
    Ok(output)
}

impl Op for Add {
    fn call(&self, _target: &Target) -> Call {
        add_forward::call(self.shape, self.activation)
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn absorb(&self, next: &dyn Op, _target: &Target) -> Option<Arc<dyn Op>> {
        let next: &dyn Any = next;
        let next = next.downcast_ref::<ActivationOp>()?;
        (self.activation == Activation::Linear).then(|| {
            Arc::new(Self {
                activation: next.activation,
                ..*self
            }) as _
        })
    }

    /// One gradient for both: nothing is written in place, so that they can share it.
    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let gradient = before_activation(tape, node, self.activation)?;
        for &input in &node.inputs {
            if tape.graph.needs_gradient(input) {
                tape.set_gradient(node, input, gradient)?;
            }
        }
        Ok(())
    }
}
