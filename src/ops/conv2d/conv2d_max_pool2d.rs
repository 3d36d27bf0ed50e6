//! `max_pool2d(relu(conv2d(input, weight) + bias))` by one kernel: what fusion makes of the three.

use std::sync::Arc;

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Node, Op, Tape, Value};
use crate::kernel::Call;
use crate::kernel::choice::choose_call;
use crate::kernel::target::Target;
use crate::ops::activation::activation_backward;
use crate::ops::conv2d::gradients;
use crate::ops::conv2d::{
    conv2d_backward_weight, conv2d_max_pool2d_backward_input, conv2d_max_pool2d_backward_weight,
    conv2d_max_pool2d_forward, conv2d_max_pool2d_forward_direct,
};
use crate::ops::pool::MaxPool2d;
use crate::ops::pool::max_pool2d_backward;
use crate::shape::{ConvShape, ImageShape, PoolShape};

/// The operation.
#[derive(Debug)]
pub(in crate::ops) struct Conv2dMaxPool2d {
    shape: ConvShape,
    /// Shape of the convolution's output.
    between: ImageShape,
    activation: Activation,
    has_bias: bool,
}

impl Op for Conv2dMaxPool2d {
    fn call(&self, target: &Target) -> Call {
        forward(&self.shape, self.activation, target)
    }

    fn pooling(&self) -> Option<(ImageShape, Activation)> {
        Some((self.between, self.activation))
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let [output, argmax] = node.outputs[..] else {
            unreachable!("the pooling was recorded with two outputs");
        };
        if let Some(gradient) = tape.gradient_before_activation(node, output)? {
            return gradients::gradients(tape, node, &self.shape, gradient, self.has_bias);
        }
        let gradient = tape.gradient(node, output)?;
        if tape.graph.target.is_cpu() {
            return self.picked_gradients(tape, node, gradient);
        }
        let pooled = vec![gradient, output, argmax];
        // The gradient of the convolution's sums, most of which is zero.
        let pool = PoolShape {
            input: self.between,
            window: conv2d_max_pool2d_forward::WINDOW,
        };
        let call = max_pool2d_backward::call(&pool, self.activation);
        let gradient = tape.samples_of(node, call, pooled, self.between);
        gradients::gradients(tape, node, &self.shape, gradient, self.has_bias)
    }
}

/// The pooled output, directly or by tiles: what `gpu-train tune` measured, else whatever an NVIDIA H200 did
/// faster. Microseconds with the launch, tiles and directly: the cnn's first convolution 12.4 and 7.0 (batch
/// 1024: 73 and 33), its second 13.7 and 11.3 (72 and 41).
fn forward(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    if target.is_cpu() {
        return conv2d_max_pool2d_forward::call(shape, activation, target);
    }
    let tiles = conv2d_max_pool2d_forward::tiles(shape);
    let tiles = tiles
        .iter()
        .map(|it| conv2d_max_pool2d_forward::call_tiled(shape, activation, it));
    let (direct, is_better) = conv2d_max_pool2d_forward_direct::choices(shape);
    let direct = direct
        .iter()
        .map(|it| conv2d_max_pool2d_forward_direct::call(shape, activation, it));
    let (problem, sizes) = (conv2d_max_pool2d_forward::KERNEL.name, shape.sizes());
    choose_call(problem, &sizes, target, tiles, (direct, is_better))
}

impl Conv2dMaxPool2d {
    /// Records the gradients of weight, bias and input from `gradient`, that of the pooled output, without
    /// making the convolution's own, three quarters of which are zero.
    fn picked_gradients(&self, tape: &mut Tape<'_>, node: &Node, gradient: Value) -> Result<()> {
        let [output, argmax] = node.outputs[..] else {
            unreachable!("the pooling was recorded with two outputs");
        };
        let [input, weight, bias] = gradients::inputs(node);
        let gradient = match self.activation {
            Activation::Linear => gradient,
            activation => {
                let call = activation_backward::call(tape.graph.sample_shape(output), activation);
                tape.samples(node, call, vec![output, gradient], output)
            }
        };
        let (capacity, target) = (tape.graph.capacity, tape.graph.target.clone());
        let mut call = conv2d_max_pool2d_backward_weight::call(capacity, &self.shape, &target);
        if !self.has_bias {
            call = call.without_bias();
        }
        let splits = call.params::<conv2d_backward_weight::Params>().splits as usize;
        let inputs = vec![input, gradient, argmax];
        tape.parameter_gradients(node, [weight, bias], call, inputs, splits);
        if !tape.graph.needs_gradient(input) {
            return Ok(());
        }
        let activation = tape.fused_activation(input);
        // As `gradients::input_gradient` binds it.
        let activated = match activation {
            Activation::Linear => gradient,
            _ => input,
        };
        let call = conv2d_max_pool2d_backward_input::call(&self.shape, activation);
        let inputs = vec![gradient, argmax, weight, activated];
        let grad_input = tape.samples(node, call, inputs, input);
        tape.set_gradient_before_activation(node, input, grad_input)
    }

    /// The convolution, its activation and the pooling as one operation, where a kernel does that.
    pub(in crate::ops) fn of(
        shape: ConvShape,
        activation: Activation,
        has_bias: bool,
        MaxPool2d(pool): &MaxPool2d,
    ) -> Option<Arc<dyn Op>> {
        let fused = Self {
            shape,
            between: pool.input,
            activation,
            has_bias,
        };
        conv2d_max_pool2d_forward::serves(activation, pool.window).then(|| Arc::new(fused) as _)
    }
}
