//! Host side of `shaders/max_pool2d_backward.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, reads_words, writes};
use crate::activation::Activation;
use crate::shape::{PoolShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "max_pool2d_backward",
    source: include_str!("../../shaders/max_pool2d_backward.wgsl"),
    loops: None,
    bindings: &[
        reads("grad_output"),
        reads("output"),
        reads_words("argmax"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of the input.
        pub in_height: u32,
        /// Columns of the input.
        pub in_width: u32,
        /// Rows of the output.
        pub out_height: u32,
        /// Columns of the output.
        pub out_width: u32,
        /// Quads of one pixel.
        pub quads: u32,
        /// Side of the window, and its step.
        pub window: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// The gradient by the input of the pooling `shape`, or by what went into the `activation` before it.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &PoolShape, activation: Activation) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let quads = shape.input.padded_channels() / QUAD;
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        quads: quads as u32,
        window: shape.window as u32,
        activation: activation as u32,
    };
    let blocks =
        shape.input.height.div_ceil(shape.window) * shape.input.width.div_ceil(shape.window);
    let grid = Grid::per_sample(blocks * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}
