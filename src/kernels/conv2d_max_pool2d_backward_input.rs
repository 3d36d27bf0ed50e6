//! Host side of `shaders/conv2d_max_pool2d_backward_input.wgsl`.

use super::conv2d_backward_input::Params;
use super::{Call, Grid, Kernel, Params as _, conv2d_backward_input, reads, reads_words, writes};
use super::{conv2d_max_pool2d_forward::WINDOW, tile::BATCH_TILES};
use crate::activation::Activation;
use crate::shape::{ConvShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_backward_input",
    source: include_str!("../../shaders/conv2d_max_pool2d_backward_input.wgsl"),
    loops: None,
    bindings: &[
        reads("grad_output"),
        reads_words("argmax"),
        reads("weight"),
        reads("input"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
};

/// What [`conv2d_backward_input::call`] computes, but from the gradient of the pooled output before
/// its activation, and the pixels that were picked.
///
/// # Panics
/// If a window does not fit: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation) -> Call {
    let dense = conv2d_backward_input::call_tiled(shape, activation, &BATCH_TILES[0]);
    let params: &Params = dense.params();
    let quads = shape.input.padded_elements() / QUAD;
    let call = Call::new(&KERNEL, &[], params, Grid::per_sample(quads, 64));
    call.with_flops(shape.flops() / (WINDOW * WINDOW))
}
