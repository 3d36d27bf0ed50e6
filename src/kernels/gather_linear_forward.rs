//! Host side of `shaders/gather_linear_forward.wgsl`.

use super::gather::{PARTS, ResidentLayout};
use super::{Call, Grid, Kernel, Params as _, Variant, params, reads, reads_words, writes};
use crate::activation::Activation;
use crate::shape::{QUAD, padded};
use crate::target::Target;

/// Samples of a thread's tile.
const ROWS: usize = 8;

/// Threads that share their loads.
pub(super) const LANES: usize = 8;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "gather_linear_forward",
    source: include_str!("../../shaders/gather_linear_forward.wgsl"),
    bindings: &[
        reads_words("images_0"),
        reads_words("images_1"),
        reads_words("images_2"),
        reads_words("images_3"),
        reads_words("order"),
        reads("weight"),
        reads("bias"),
        writes("output"),
    ],
    params: Params::FIELDS,
    variants: &VARIANTS,
};

/// The expansions of tiles of so many rows by quads of columns, each for one part and more.
macro_rules! by_parts {
    ($row_name:literal: $([$rows:literal, $columns:literal]),+) => {
        [$(
            by_parts!(@ $row_name, $rows, $columns, 1),
            by_parts!(@ $row_name, $rows, $columns, 2),
            by_parts!(@ $row_name, $rows, $columns, 3),
            by_parts!(@ $row_name, $rows, $columns, 4)
        ),+]
    };
    (@ $row_name:literal, $rows:literal, $columns:literal, $parts:literal) => {
        &[($row_name, $rows), ("COLUMNS", $columns), ("LANES", 8), ("PARTS", $parts)]
    };
}
pub(super) use by_parts;

const VARIANTS: [Variant; 16] = by_parts!("ROWS": [8, 1], [8, 2], [8, 4], [8, 8]);

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of an image.
        pub in_quads: u32,
        /// Words from one image to the next.
        pub image_words: u32,
        /// Images that a full part holds.
        pub images_per_part: u32,
        /// Features of an output row, unpadded.
        pub out_channels: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// Whether the kernel serves: where eight threads share their loads, and a vector of `in_features`
/// elements is all of an image.
pub fn serves(layout: &ResidentLayout, in_features: usize, target: &Target) -> bool {
    target.lanes as usize == LANES
        && layout.parts() <= PARTS
        && padded(in_features) / QUAD <= layout.image_words
}

/// output (batch, `out_features`) = activation(images * weight + bias), for the images of the batch
/// as vectors of `in_features` elements.
pub fn call(
    layout: &ResidentLayout,
    in_features: usize,
    out_features: usize,
    activation: Activation,
) -> Call {
    let params = Params {
        in_quads: (padded(in_features) / QUAD) as u32,
        image_words: layout.image_words as u32,
        images_per_part: layout.images_per_part as u32,
        out_channels: out_features as u32,
        activation: activation as u32,
    };
    let out_quads = padded(out_features) / QUAD;
    let columns = columns(out_quads);
    let variant = variant(&VARIANTS, [ROWS, columns], layout);
    let threads = LANES * out_quads.div_ceil(columns);
    let grid = Grid::per_samples(LANES * ROWS, threads, LANES as u32);
    let call = Call::new(&KERNEL, variant, &params, grid);
    call.with_flops(2 * in_features * out_features)
}

/// Quads of columns of a tile, of the sizes that there are: those that waste least. A tile costs its
/// sums, and loads worth about two columns.
pub(super) fn columns(quads: usize) -> usize {
    let cost = |columns: &usize| quads.div_ceil(*columns) * (columns + 2);
    let sizes = [8, 4, 2, 1].into_iter();
    sizes.min_by_key(cost).unwrap_or(1)
}

/// The expansion with these rows and columns for the parts of `layout`.
pub(super) fn variant(
    variants: &[Variant],
    [rows, columns]: [usize; 2],
    layout: &ResidentLayout,
) -> Variant {
    let values = [rows, columns, LANES, layout.parts()];
    let is_it = |variant: &&Variant| variant.iter().map(|it| it.1 as usize).eq(values);
    let found = variants.iter().find(is_it);
    found.expect("the table holds every tile that is chosen from it")
}
