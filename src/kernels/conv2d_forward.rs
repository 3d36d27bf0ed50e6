//! Host side of `shaders/conv2d_forward.wgsl`.

use super::choice::choose;
use super::tile::{self, BATCH_TILES, Product, Tile};
use super::{Call, Kernel, Params as _, params, reads, writes};
use crate::activation::Activation;
use crate::shape::{ConvShape, ImageShape, QUAD};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_forward",
    source: include_str!("../../shaders/conv2d_forward.wgsl"),
    loops: None,
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
    ],
    params: Params::FIELDS,
    variants: &tile::variants(&BATCH_TILES),
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
        /// Rows of output pixels.
        pub out_height: u32,
        /// Output pixels in a row.
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

/// `output`, of shape `shape.output()`, = activation(conv2d(input, weight) + bias).
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let product = Product {
        groups: 1,
        rows: Product::BATCH * output.pixels(),
        columns: quads(output),
        depth: shape.padded_fan_in() / QUAD,
    };
    let tiles = tile::batch_tiles(&product);
    let (tile, choice) = choose(KERNEL.name, &shape.sizes(), target, &tiles);
    call_tiled(shape, activation, &tile).with_choice(choice)
}

/// [`call`] by a tile of [`BATCH_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(shape: &ConvShape, activation: Activation, tile: &Tile) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: quads(shape.input) as u32,
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

const fn quads(image: ImageShape) -> usize {
    image.padded_channels() / QUAD
}
