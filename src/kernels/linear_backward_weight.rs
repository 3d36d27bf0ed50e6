//! Host side of `shaders/linear_backward_weight.wgsl`.

use super::choice::choose;
use super::tile::{self, Tile, WEIGHT_TILES};
use super::{Call, Grid, Kernel, Params as _, params, reads, writes};
use crate::kernel_limits::bias_at;
use crate::shape::{QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "linear_backward_weight",
    source: include_str!("../../shaders/linear_backward_weight.wgsl"),
    loops: None,
    bindings: &[reads("input"), reads("grad_output"), writes("partials")],
    params: Params::FIELDS,
    variants: &tile::variants(&WEIGHT_TILES),
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
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
        /// Quads from a split\'s weight to its bias.
        pub bias_at: u32,
    }
}

/// Floats of a weight that is large for the processor.
const LARGE: usize = 1 << 13;

/// Partial sums that [`call`] makes of batches of up to `capacity` samples.
pub fn splits(
    capacity: usize,
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    target: &Target,
) -> usize {
    let call = call(capacity, rows_per_sample, in_features, out_features, target);
    call.params::<Params>().splits as usize
}

/// partials (splits, weight and bias) of the gradients by both, by ranges of samples.
pub fn call(
    capacity: usize,
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    target: &Target,
) -> Call {
    let weight = [1, padded(in_features) / QUAD, padded(out_features) / QUAD];
    let tiles = tile::weight_tiles(weight, capacity * rows_per_sample);
    let sizes = [rows_per_sample, in_features, out_features];
    let (tile, choice) = choose(KERNEL.name, &sizes, target, &tiles);
    let [rows, ins, outs] = sizes;
    let call = call_tiled(capacity, rows, ins, outs, &tile).with_choice(choice);
    if !target.is_cpu() {
        return call;
    }
    let call = call.with_params(&Params {
        splits: 1,
        samples_per_split: capacity as u32,
        ..*call.params()
    });
    // A copy per shard of a large weight would not stay in the caches.
    if rows == 1 && padded(ins) * padded(outs) > LARGE {
        call.for_whole_batch()
    } else {
        call
    }
}

/// [`call`] by a tile of [`WEIGHT_TILES`].
pub fn call_tiled(
    capacity: usize,
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    tile: &Tile,
) -> Call {
    let in_quads = padded(in_features) / QUAD;
    let out_quads = padded(out_features) / QUAD;
    let weight_len = padded(in_features) * padded(out_features);
    let threads = tile.weight_threads([1, in_quads, out_quads]);
    let (samples_per_split, splits) = tile::splits(capacity, rows_per_sample, threads);
    let params = Params {
        rows_per_sample: rows_per_sample as u32,
        in_quads: in_quads as u32,
        out_quads: out_quads as u32,
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
        bias_at: (bias_at(weight_len) / QUAD) as u32,
    };
    let grid = Grid::fixed(splits * threads, tile.workgroup_size());
    let call = Call::new(&KERNEL, tile.variant, &params, grid);
    call.with_flops(2 * rows_per_sample * in_features * out_features)
}
