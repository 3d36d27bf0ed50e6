//! Host side of `shaders/bias_backward.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, tile, writes};
use crate::shape::{QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "bias_backward",
    source: include_str!("../../shaders/bias_backward.wgsl"),
    bindings: &[reads("grad_output"), writes("partials")],
    params: Params::FIELDS,
    variants: &[&[]],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of one sample: its pixels.
        pub rows_per_sample: u32,
        /// Quads of one row.
        pub out_quads: u32,
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
    }
}

/// Partial sums that [`call`] makes of batches of up to `capacity` samples.
pub fn splits(
    capacity: usize,
    rows_per_sample: usize,
    out_channels: usize,
    target: &Target,
) -> usize {
    let call = call(capacity, rows_per_sample, out_channels, target);
    call.params::<Params>().splits as usize
}

/// partials (splits, `out_channels`) = sums of the rows of `grad_output`, by ranges of samples.
pub fn call(capacity: usize, rows_per_sample: usize, out_channels: usize, target: &Target) -> Call {
    let out_quads = padded(out_channels) / QUAD;
    let (samples_per_split, splits) = tile::splits(capacity, rows_per_sample, out_quads, target);
    let params = Params {
        rows_per_sample: rows_per_sample as u32,
        out_quads: out_quads as u32,
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
    };
    let grid = Grid::fixed(splits * out_quads, tile::workgroup_size(target));
    Call::new(&KERNEL, &[], &params, grid)
}
