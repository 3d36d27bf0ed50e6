//! Host side of `shaders/gather_linear_backward_weight.wgsl`.

use super::gather::ResidentLayout;
use super::gather_linear_forward::{LANES, by_parts, columns, variant};
use super::{Call, Grid, Kernel, Params as _, Variant, params, reads, reads_words, tile, writes};
use crate::kernel_limits::bias_at;
use crate::shape::{QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "gather_linear_backward_weight",
    source: include_str!("../../shaders/gather_linear_backward_weight.wgsl"),
    bindings: &[
        reads_words("images_0"),
        reads_words("images_1"),
        reads_words("images_2"),
        reads_words("images_3"),
        reads_words("order"),
        reads("grad_output"),
        writes("partials"),
    ],
    params: Params::FIELDS,
    variants: &VARIANTS,
};

const VARIANTS: [Variant; 20] = by_parts!("ROW_QUADS": [1, 1], [1, 2], [1, 4], [1, 8], [2, 8]);

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of an image.
        pub in_quads: u32,
        /// Words from one image to the next.
        pub image_words: u32,
        /// Images that a full part holds.
        pub images_per_part: u32,
        /// Quads of one output row.
        pub out_quads: u32,
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
        /// Quads from a split's weight to its bias.
        pub bias_at: u32,
    }
}

/// Partial sums that [`call`] makes of batches of up to `capacity` samples.
pub fn splits(
    capacity: usize,
    layout: &ResidentLayout,
    in_features: usize,
    out_features: usize,
) -> usize {
    let call = call(capacity, layout, in_features, out_features);
    call.params::<Params>().splits as usize
}

/// partials (splits, weight and bias) of the gradients by both, for the images of the batch as
/// vectors of `in_features` elements. Serves where `gather_linear_forward` does.
pub fn call(
    capacity: usize,
    layout: &ResidentLayout,
    in_features: usize,
    out_features: usize,
) -> Call {
    let in_quads = padded(in_features) / QUAD;
    let out_quads = padded(out_features) / QUAD;
    let columns = columns(out_quads);
    // Two quads of rows load less, where there are enough of them to fill the lanes.
    let rows = if columns == 8 && in_quads >= 64 { 2 } else { 1 };
    // One more tile for the bias.
    let row_tiles = in_quads.div_ceil(rows) + 1;
    let threads = row_tiles.next_multiple_of(LANES) * out_quads.div_ceil(columns);
    let (samples_per_split, splits) = tile::software_splits(capacity, 1, threads);
    let params = Params {
        in_quads: in_quads as u32,
        image_words: layout.image_words as u32,
        images_per_part: layout.images_per_part as u32,
        out_quads: out_quads as u32,
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
        bias_at: (bias_at(padded(in_features) * padded(out_features)) / QUAD) as u32,
    };
    let variant = variant(&VARIANTS, [rows, columns], layout);
    let grid = Grid::fixed(splits * threads, LANES as u32);
    let call = Call::new(&KERNEL, variant, &params, grid);
    call.with_flops(2 * in_features * out_features)
}
