//! Host side of `shaders/conv2d_max_pool2d_backward_weight.wgsl`.

use super::conv2d_max_pool2d_forward::WINDOW;
use super::{Call, Grid, Kernel, Params as _, Variant, params, reads, reads_words, writes};
use crate::activation::Activation;
use crate::kernel_limits::bias_at;
use crate::shape::{ConvShape, ImageShape, PoolShape, QUAD};
use crate::target::Target;

/// Threads that share their loads.
const LANES: usize = 8;

/// Output channels of a lane.
const CHANNELS: usize = 2;

/// Groups of lanes that keep every core busy to the end: of equal length, several for each.
const BUSY: usize = 64;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_backward_weight",
    source: include_str!("../../shaders/conv2d_max_pool2d_backward_weight.wgsl"),
    bindings: &[
        reads("input"),
        reads("grad_output"),
        reads("output"),
        reads_words("argmax"),
        writes("partials"),
    ],
    params: Params::FIELDS,
    variants: &VARIANTS,
};

/// Sides of the window, from 1 on.
const VARIANTS: [Variant; 5] = [
    &[("KERNEL", 1)],
    &[("KERNEL", 2)],
    &[("KERNEL", 3)],
    &[("KERNEL", 4)],
    &[("KERNEL", 5)],
];

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of input pixels.
        pub in_height: u32,
        /// Input pixels in a row.
        pub in_width: u32,
        /// Quads of one input pixel.
        pub in_quads: u32,
        /// Pixels in a row of the convolution's output.
        pub conv_width: u32,
        /// Rows of pooled pixels.
        pub out_height: u32,
        /// Pooled pixels in a row.
        pub out_width: u32,
        /// Quads of one pooled pixel.
        pub out_quads: u32,
        /// Rows and columns of the window.
        pub kernel: u32,
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
        /// Quads from a split's weight to its bias.
        pub bias_at: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// The expansion for windows of `kernel` by `kernel`.
fn variant(kernel: usize) -> Option<Variant> {
    VARIANTS.get(kernel.checked_sub(1)?).copied()
}

/// Whether the kernel serves: where eight threads share their loads, for convolutions of stride 1
/// with square windows of the sizes that there are expansions for.
pub fn serves(shape: &ConvShape, target: &Target) -> bool {
    target.lanes as usize == LANES
        && shape.stride == 1
        && shape.kernel_height == shape.kernel_width
        && variant(shape.kernel_width).is_some()
}

/// Partial sums that [`call`] makes of batches of up to `capacity` samples.
pub fn splits(capacity: usize, shape: &ConvShape) -> usize {
    split(capacity, groups(shape)).1
}

/// Samples that one split covers, and the number of splits.
fn split(capacity: usize, groups: usize) -> (usize, usize) {
    let samples = capacity.div_ceil(BUSY.div_ceil(groups)).max(1);
    (samples, capacity.div_ceil(samples))
}

/// Groups of lanes that one split takes.
fn groups(shape: &ConvShape) -> usize {
    let in_quads = shape.input.padded_channels() / QUAD;
    in_quads * shape.out_channels.div_ceil(LANES * CHANNELS)
}

/// partials (splits, weight and bias) of the gradients by both, by ranges of samples, of
/// `max_pool2d(activation(conv2d(input, weight) + bias))` with windows of [`WINDOW`].
///
/// # Panics
/// If the kernel does not serve ([`serves`]) or a window does not fit: shapes are checked when a
/// graph is recorded.
pub fn call(capacity: usize, shape: &ConvShape, activation: Activation) -> Call {
    let variant = variant(shape.kernel_width).expect("only called where the kernel serves");
    let conv = shape.output().expect("the window fits into the input");
    let pool = PoolShape {
        input: conv,
        window: WINDOW,
    };
    let output = pool.output().expect("the pooling fits into the input");
    let groups = groups(shape);
    let (samples_per_split, splits) = split(capacity, groups);
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: (shape.input.padded_channels() / QUAD) as u32,
        conv_width: conv.width as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_quads: (output.padded_channels() / QUAD) as u32,
        kernel: shape.kernel_width as u32,
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
        bias_at: (bias_at(shape.weight_len()) / QUAD) as u32,
        activation: activation as u32,
    };
    let grid = Grid::fixed(splits * groups * LANES, LANES as u32);
    Call::new(&KERNEL, variant, &params, grid).with_flops(flops(shape, output))
}

/// A product and a sum per weight and pooled pixel: only those gradients are not zero.
fn flops(shape: &ConvShape, output: ImageShape) -> usize {
    2 * output.elements() * shape.kernel_height * shape.kernel_width * shape.input.channels
}
