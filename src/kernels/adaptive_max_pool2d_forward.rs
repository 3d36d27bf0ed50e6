//! Host side of `shaders/adaptive_max_pool2d_forward.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, writes, writes_words};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "adaptive_max_pool2d_forward",
    source: include_str!("../../shaders/adaptive_max_pool2d_forward.wgsl"),
    loops: None,
    bindings: &[reads("input"), writes("output"), writes_words("argmax")],
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

/// `output`, of `cells` x `cells` pixels, = adaptive max-pool of a batch of `input`; `argmax` alike.
pub fn call(input: ImageShape, cells: usize) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        in_height: input.height as u32,
        in_width: input.width as u32,
        cells: cells as u32,
        quads: quads as u32,
    };
    let grid = Grid::per_sample(cells * cells * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}
