//! Gather and the linear layer that reads its images as vectors, in one: what fusion makes of the two.

use std::any::Any;
use std::sync::Arc;

use super::activation::{ActivationOp, before_activation};
use super::linear::Linear;
use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Op, Tape};
use crate::kernels::gather::{PARTS, ResidentLayout};
use crate::kernels::{Call, gather_linear_backward_weight, gather_linear_forward};
use crate::target::Target;

/// The operation. Its inputs are the parts of the images, the order, weight and bias.
#[derive(Debug, Clone, Copy)]
pub(super) struct GatherLinear {
    layout: ResidentLayout,
    in_features: usize,
    out_features: usize,
    activation: Activation,
}

impl GatherLinear {
    /// `linear` of images of `elements` elements that lie as `layout`, where there is a kernel.
    pub(super) fn of(
        layout: ResidentLayout,
        elements: usize,
        linear: &Linear,
        target: &Target,
    ) -> Option<Arc<dyn Op>> {
        let fused = Self {
            layout,
            in_features: elements,
            out_features: linear.out_features,
            activation: Activation::Linear,
        };
        let serves = gather_linear_forward::serves(&layout, elements, target);
        serves.then(|| Arc::new(fused) as _)
    }
}

impl Op for GatherLinear {
    fn call(&self, _target: &Target) -> Call {
        gather_linear_forward::call(
            &self.layout,
            self.in_features,
            self.out_features,
            self.activation,
        )
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn absorb(&self, next: &dyn Op, _target: &Target) -> Option<Arc<dyn Op>> {
        let next = (next as &dyn Any).downcast_ref::<ActivationOp>()?;
        (self.activation == Activation::Linear).then(|| {
            Arc::new(Self {
                activation: next.activation,
                ..*self
            }) as _
        })
    }

    /// Images need no gradient.
    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let gradient = before_activation(tape, node, self.activation)?;
        let (images, parameters) = node.inputs.split_at(PARTS + 1);
        let [weight, bias] = parameters[..] else {
            unreachable!("a linear layer has a weight and a bias");
        };
        let (ins, outs) = (self.in_features, self.out_features);
        let capacity = tape.graph.capacity;
        let splits = gather_linear_backward_weight::splits(capacity, &self.layout, ins, outs);
        let call = gather_linear_backward_weight::call(capacity, &self.layout, ins, outs);
        let inputs = [images, &[gradient]].concat();
        tape.parameter_gradients(node, [weight, bias], call, inputs, splits);
        Ok(())
    }
}
