//! `activation(conv2d(input, weight) + bias)`.

pub mod conv2d_backward_input;
pub mod conv2d_backward_input_direct;
pub mod conv2d_backward_input_max_unpool2d;
pub mod conv2d_backward_weight;
pub mod conv2d_backward_weight_strips;
pub mod conv2d_forward;
pub mod conv2d_forward_direct;
pub(in crate::ops) mod conv2d_max_pool2d;
pub mod conv2d_max_pool2d_backward_input;
pub mod conv2d_max_pool2d_backward_weight;
pub mod conv2d_max_pool2d_forward;
pub mod conv2d_max_pool2d_forward_direct;
mod geometry;
pub(in crate::ops) mod gradients;
mod picks;
mod window;

use std::any::Any;
use std::sync::Arc;

use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::graph::{Graph, Node, Op, Shape, Tape, Value};
use crate::kernel::choice::choose_call;
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::activation::{ActivationOp, before_activation};
use crate::ops::conv2d::conv2d_max_pool2d::Conv2dMaxPool2d;
use crate::ops::linear;
use crate::shape::{ConvShape, ImageShape};

/// The operation.
#[derive(Debug, Clone, Copy)]
pub(in crate::ops) struct Conv2d {
    shape: ConvShape,
    activation: Activation,
    has_bias: bool,
}

/// Shape of the output; errors where the window does not fit, naming the layer.
pub fn output_shape(layer: &str, shape: &ConvShape) -> Result<ImageShape> {
    shape.output().ok_or_else(|| {
        Error::shape(
            layer,
            format!(
                "kernel {}x{} does not fit its {}x{} input",
                shape.kernel_height, shape.kernel_width, shape.input.height, shape.input.width
            ),
            "use a smaller `kernel_sizes` entry, smaller `strides` before it, or fewer layers",
        )
    })
}

/// Records a convolution of `input`; `shape.input` must be the input's shape. Without a bias, what is bound
/// for it must be zeros, and gets a gradient of zeros. Zeros around the image are recorded before it, by
/// [`crate::ops::pad::record`]; fusion brings them in.
///
/// A kernel that covers the whole image, or a single pixel at stride 1, is a matrix product and is
/// recorded as one: the weight lies the same way in memory.
///
/// # Panics
/// If `shape` has padding.
pub fn record(
    graph: &mut Graph,
    layer: &str,
    inputs: [Value; 3],
    shape: ConvShape,
    has_bias: bool,
) -> Result<Value> {
    let output = output_shape(layer, &shape)?;
    assert_eq!(shape.padding, 0, "zeros are recorded before");
    let image = shape.input;
    if (shape.kernel_height, shape.kernel_width) == (image.height, image.width) {
        return Ok(linear::record_whole_image(
            graph, layer, inputs, &shape, output, has_bias,
        ));
    }
    if shape.kernel_height == 1 && shape.kernel_width == 1 && shape.stride == 1 {
        return Ok(linear::record_pixels(
            graph, layer, inputs, &shape, output, has_bias,
        ));
    }
    let value = graph.transient(Shape::Samples(output), Scalar::F32);
    let op = Conv2d {
        shape,
        activation: Activation::Linear,
        has_bias,
    };
    graph.record(layer, op, inputs.to_vec(), vec![value]);
    Ok(value)
}

/// The output, directly or by tiles: what `gpu-train tune` measured, else whatever an NVIDIA H200 did faster.
/// Microseconds with the launch, tiles and directly: 16 channels to 32 of 13x13 pixels 14.7 and 11.9 (batch
/// 1024: 79 and 51), 3 to 16 of 30x30 11.8 and 7.4 (73 and 38), 32 to 45 of 4x4 7.5 and 31 (37 and 34).
fn forward(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    if target.is_cpu() {
        return conv2d_forward::call(shape, activation, target);
    }
    let tiles = conv2d_forward::tiles(shape);
    let tiles = tiles
        .iter()
        .map(|it| conv2d_forward::call_tiled(shape, activation, it));
    let (direct, is_better) = conv2d_forward_direct::choices(shape);
    let direct = direct
        .iter()
        .map(|it| conv2d_forward_direct::call(shape, activation, it));
    let (problem, sizes) = (conv2d_forward::KERNEL.name, shape.sizes());
    choose_call(problem, &sizes, target, tiles, (direct, is_better))
}

/// Lines and columns of a padded image that kernels can tell apart: both are in one word.
const MOST_PIXELS: usize = u16::MAX as usize;

impl Conv2d {
    /// The same convolution, of `input` with so many pixels of zeros on every side, which it reads without them.
    pub(in crate::ops) fn padded(self, input: ImageShape, padding: usize) -> Option<Self> {
        let ImageShape { height, width, .. } = self.shape.input;
        let shape = ConvShape {
            input,
            padding,
            ..self.shape
        };
        (height.max(width) <= MOST_PIXELS).then_some(Self { shape, ..self })
    }
}

impl Op for Conv2d {
    fn call(&self, target: &Target) -> Call {
        forward(&self.shape, self.activation, target)
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn absorb(&self, next: &dyn Op, _target: &Target) -> Option<Arc<dyn Op>> {
        let next: &dyn Any = next;
        if let Some(next) = next.downcast_ref::<ActivationOp>() {
            let fused = Self {
                activation: next.activation,
                ..*self
            };
            return (self.activation == Activation::Linear).then(|| Arc::new(fused) as _);
        }
        Conv2dMaxPool2d::of(
            self.shape,
            self.activation,
            self.has_bias,
            next.downcast_ref()?,
        )
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let gradient = before_activation(tape, node, self.activation)?;
        gradients::gradients(tape, node, &self.shape, gradient, self.has_bias)
    }
}
