//! Host side of `shaders/conv2d_max_pool2d_forward.wgsl`.

use super::choice::choose;
use super::tile::{self, POOL_TILES, Product, Tile};
use super::{Call, Kernel, Params as _, params, reads, writes, writes_words};
use crate::activation::Activation;
use crate::shape::{ConvShape, ImageShape, PoolShape, QUAD};
use crate::target::Target;

/// Side of the squares that are pooled.
pub const WINDOW: usize = 2;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_forward",
    source: include_str!("../../shaders/conv2d_max_pool2d_forward.wgsl"),
    loops: None,
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
        writes_words("argmax"),
    ],
    params: Params::FIELDS,
    variants: &tile::variants(&POOL_TILES),
};

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
        /// Channels of the output, unpadded.
        pub out_channels: u32,
        /// Rows of the window.
        pub kernel_height: u32,
        /// Columns of the window.
        pub kernel_width: u32,
        /// Step of the window along both axes.
        pub stride: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// Whether the kernel serves: rectified (or plain) sums have their maximum where the sums have it,
/// to the bit; what other activations round to the same value they would not tell apart.
pub fn serves(activation: Activation, window: usize) -> bool {
    window == WINDOW && matches!(activation, Activation::Linear | Activation::Relu)
}

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
///
/// # Panics
/// If a window does not fit: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    let (_, output) = outputs(shape);
    let product = Product {
        groups: 1,
        rows: Product::BATCH * output.pixels() * WINDOW * WINDOW,
        columns: output.padded_channels() / QUAD,
        depth: shape.padded_fan_in() / QUAD,
    };
    let tiles = tile::pool_tiles(&product);
    let (tile, choice) = choose(KERNEL.name, &shape.sizes(), target, &tiles);
    call_tiled(shape, activation, &tile).with_choice(choice)
}

/// [`call`] by a tile of [`POOL_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(shape: &ConvShape, activation: Activation, tile: &Tile) -> Call {
    let (conv, output) = outputs(shape);
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: (shape.input.padded_channels() / QUAD) as u32,
        conv_width: conv.width as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_channels: output.channels as u32,
        kernel_height: shape.kernel_height as u32,
        kernel_width: shape.kernel_width as u32,
        stride: shape.stride as u32,
        activation: activation as u32,
    };
    let grid = tile.output_grid(output);
    Call::new(&KERNEL, tile.variant, &params, grid)
        .with_flops(shape.flops())
        .with_in_channels(shape.input.channels)
}

/// Shapes of the convolution's output and of the pooled one.
fn outputs(shape: &ConvShape) -> (ImageShape, ImageShape) {
    let conv = shape.output().expect("the window fits into the input");
    let pooled = PoolShape {
        input: conv,
        window: WINDOW,
    };
    let output = pooled.output().expect("the pooling fits into the input");
    (conv, output)
}
