//! Host side of `shaders/linear_forward.wgsl`.

use super::choice::choose;
use super::tile::{self, BATCH_TILES, LOOPS_TILES, Product, Tile};
use super::{Call, Grid, Kernel, Params as _, Variant, params, reads, writes};
use crate::activation::Activation;
use crate::shape::{QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "linear_forward",
    source: include_str!("../../shaders/linear_forward.wgsl"),
    loops: Some(include_str!("../../shaders/linear_forward_loops.wgsl")),
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
    ],
    params: Params::FIELDS,
    variants: &VARIANTS,
};

/// The tiles in both forms of the text.
const VARIANTS: [Variant; 20] = {
    let mut both: [Variant; 20] = [&[]; 20];
    let (expanded, loops) = both.split_at_mut(10);
    expanded.copy_from_slice(&tile::variants(&BATCH_TILES));
    loops.copy_from_slice(&tile::variants(&LOOPS_TILES));
    both
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of one sample: pixels of a 1x1 convolution, else 1.
        pub rows_per_sample: u32,
        /// Quads of one input row.
        pub in_quads: u32,
        /// Features of an output row, unpadded.
        pub out_channels: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// output (batch * `rows_per_sample`, `out_features`) = activation(input * weight + bias).
pub fn call(
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    activation: Activation,
    target: &Target,
) -> Call {
    let product = Product {
        groups: 1,
        rows: Product::BATCH * rows_per_sample,
        columns: padded(out_features) / QUAD,
        depth: padded(in_features) / QUAD,
    };
    let sizes = [rows_per_sample, in_features, out_features];
    let (tile, choice) = choose(KERNEL.name, &sizes, target, &tile::batch_tiles(&product));
    let [rows, ins, outs] = sizes;
    call_tiled(rows, ins, outs, activation, &tile).with_choice(choice)
}

/// Floats of a weight that does not stay in a processor's cache from one shard to the next.
pub const LARGE: usize = 1 << 18;

/// [`call`] by a tile of [`BATCH_TILES`] or [`LOOPS_TILES`].
pub fn call_tiled(
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    activation: Activation,
    tile: &Tile,
) -> Call {
    let params = Params {
        rows_per_sample: rows_per_sample as u32,
        in_quads: (padded(in_features) / QUAD) as u32,
        out_channels: out_features as u32,
        activation: activation as u32,
    };
    let grid = Grid::per_rows(
        rows_per_sample,
        tile.group_rows(),
        tile.group_threads(padded(out_features) / QUAD),
        tile.workgroup_size(),
    );
    let call = Call::new(&KERNEL, tile.variant, &params, grid);
    call.with_flops(2 * rows_per_sample * in_features * out_features)
}
