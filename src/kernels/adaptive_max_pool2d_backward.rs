//! Host side of `shaders/adaptive_max_pool2d_backward.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, reads_words, writes};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "adaptive_max_pool2d_backward",
    source: include_str!("../../shaders/adaptive_max_pool2d_backward.wgsl"),
    loops: None,
    bindings: &[
        reads("grad_output"),
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
        /// Cells along each axis.
        pub cells: u32,
        /// Quads of one pixel.
        pub quads: u32,
    }
}

/// The gradient by the input of an adaptive pooling of `input` to `cells` x `cells` pixels.
pub fn call(input: ImageShape, cells: usize) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        in_height: input.height as u32,
        in_width: input.width as u32,
        cells: cells as u32,
        quads: quads as u32,
    };
    let grid = Grid::per_sample(input.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}
