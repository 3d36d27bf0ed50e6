//! Host side of `shaders/linear_backward_input.wgsl`.

use super::tile::{self, BATCH_TILES, batch_tile};
use super::{Call, Grid, Kernel, Params as _, params, reads, writes};
use crate::shape::{QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "linear_backward_input",
    source: include_str!("../../shaders/linear_backward_input.wgsl"),
    bindings: &[reads("grad_output"), reads("weight"), writes("grad_input")],
    params: Params::FIELDS,
    variants: &tile::variants(&BATCH_TILES),
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of one sample: pixels of a 1x1 convolution, else 1.
        pub rows_per_sample: u32,
        /// Quads of one input row.
        pub in_quads: u32,
        /// Quads of one output row.
        pub out_quads: u32,
    }
}

/// `grad_input` (batch * `rows_per_sample`, `in_features`) = `grad_output` * weight^T.
pub fn call(
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    target: &Target,
) -> Call {
    let in_quads = padded(in_features) / QUAD;
    let tile = batch_tile(in_quads, target);
    let params = Params {
        rows_per_sample: rows_per_sample as u32,
        in_quads: in_quads as u32,
        out_quads: (padded(out_features) / QUAD) as u32,
    };
    let grid = Grid::per_rows(
        rows_per_sample,
        tile.group_rows(),
        tile.group_threads(in_quads),
        tile::workgroup_size(target),
    );
    let call = Call::new(&KERNEL, tile.variant, &params, grid);
    call.with_flops(2 * rows_per_sample * in_features * out_features)
}
