//! Host side of `shaders/conv2d_max_pool2d_backward_weight.wgsl`.

use super::conv2d_backward_weight::Params;
use super::{Call, Grid, Kernel, Params as _, conv2d_backward_weight, reads, reads_words, writes};
use super::{conv2d_max_pool2d_forward::WINDOW, tile};
use crate::shape::{ConvShape, QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_backward_weight",
    source: include_str!("../../shaders/conv2d_max_pool2d_backward_weight.wgsl"),
    loops: None,
    bindings: &[
        reads("input"),
        reads("grad_output"),
        reads_words("argmax"),
        writes("partials"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
};

/// What [`conv2d_backward_weight::call`] computes, but from the gradient of the pooled output before
/// its activation, and the pixels that were picked.
///
/// # Panics
/// If a window does not fit: shapes are checked when a graph is recorded.
pub fn call(capacity: usize, shape: &ConvShape, target: &Target) -> Call {
    let dense = conv2d_backward_weight::call(capacity, shape, target);
    let mut params = *dense.params::<Params>();
    let taps = shape.kernel_height * shape.kernel_width;
    let in_quads = shape.input.padded_channels() / QUAD;
    let threads = (taps * in_quads + 1) * padded(shape.out_channels) / QUAD;
    if !target.is_cpu() {
        let windows = (params.out_height * params.out_width) as usize / (WINDOW * WINDOW);
        let (samples, splits) = tile::splits(capacity, windows, threads);
        (params.samples_per_split, params.splits) = (samples as u32, splits as u32);
    }
    let grid = Grid::fixed(params.splits as usize * threads, 64);
    Call::new(&KERNEL, &[], &params, grid).with_flops(shape.flops() / (WINDOW * WINDOW))
}
