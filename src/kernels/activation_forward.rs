//! Host side of `shaders/activation_forward.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, writes};
use crate::activation::Activation;
use crate::shape::ImageShape;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "activation_forward",
    source: include_str!("../../shaders/activation_forward.wgsl"),
    loops: None,
    bindings: &[reads("input"), writes("output")],
    params: Params::FIELDS,
    variants: &[&[]],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Pixels of one sample.
        pub pixels: u32,
        /// Channels, unpadded.
        pub channels: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// `activation` of every element of a batch of `shape`.
pub fn call(shape: ImageShape, activation: Activation) -> Call {
    let params = Params {
        pixels: shape.pixels() as u32,
        channels: shape.channels as u32,
        activation: activation as u32,
    };
    let grid = Grid::per_sample(shape.padded_elements() / 4, 64);
    Call::new(&KERNEL, &[], &params, grid)
}
