//! Host side of `shaders/conv2d_backward_input.wgsl`.

use super::choice::choose;
use super::tile::{self, BATCH_TILES, Product, Tile};
use super::{Call, Kernel, Params as _, params, reads, writes};
use crate::activation::Activation;
use crate::shape::{ConvShape, QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_input",
    source: include_str!("../../shaders/conv2d_backward_input.wgsl"),
    loops: None,
    bindings: &[
        reads("grad_output"),
        reads("weight"),
        reads("input"),
        writes("grad_input"),
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
        /// Quads of one output pixel.
        pub out_quads: u32,
        /// Rows of the window.
        pub kernel_height: u32,
        /// Columns of the window.
        pub kernel_width: u32,
        /// Step of the window along both axes.
        pub stride: u32,
        /// [`Activation`] that made the input, as a number.
        pub activation: u32,
    }
}

/// `grad_input`, of shape `shape.input`, from `grad_output`, of shape `shape.output()`: the gradient
/// of the sums before the `activation` that made the input, where there is one. Without one
/// (`Linear`) `input` is not read, and anything may be bound for it.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    let taps = shape.kernel_height * shape.kernel_width;
    let product = Product {
        groups: shape.input.pixels(),
        rows: Product::BATCH,
        columns: shape.input.padded_channels() / QUAD,
        depth: taps * padded(shape.out_channels) / QUAD,
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
    let in_quads = shape.input.padded_channels() / QUAD;
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: in_quads as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_quads: (output.padded_channels() / QUAD) as u32,
        kernel_height: shape.kernel_height as u32,
        kernel_width: shape.kernel_width as u32,
        stride: shape.stride as u32,
        activation: activation as u32,
    };
    let grid = tile.input_grid(shape.input);
    Call::new(&KERNEL, tile.variant, &params, grid).with_flops(shape.flops())
}
