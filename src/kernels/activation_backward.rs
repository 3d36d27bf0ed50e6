//! Host side of `shaders/activation_backward.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, writes};
use crate::activation::Activation;
use crate::shape::ImageShape;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "activation_backward",
    source: include_str!("../../shaders/activation_backward.wgsl"),
    loops: None,
    bindings: &[reads("output"), reads("grad_output"), writes("grad_input")],
    params: Params::FIELDS,
    variants: &[&[]],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of one sample, padding included.
        pub quads: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// Gradient through `activation` for a batch of `shape`.
pub fn call(shape: ImageShape, activation: Activation) -> Call {
    let quads = shape.padded_elements() / 4;
    let params = Params {
        quads: quads as u32,
        activation: activation as u32,
    };
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}
