//! Register tiles of the matrix products, and how sums over a batch are split into partial sums.

use super::Variant;
use crate::target::{AdapterKind, Target};

/// The part of a product that one thread computes, as values for the expander.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Rows, in the unit that the kernel counts them in.
    pub rows: usize,
    /// Quads of columns.
    pub columns: usize,
    /// Both, by the names that the shader knows them by.
    pub variant: Variant,
}

impl Tile {
    /// Tiles that cover `rows` by `columns`.
    pub const fn count(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.rows) * columns.div_ceil(self.columns)
    }
}

macro_rules! tile {
    ($row_name:literal: $rows:literal, $columns:literal) => {
        Tile {
            rows: $rows,
            columns: $columns,
            variant: &[($row_name, $rows), ("COLUMNS", $columns)],
        }
    };
}

/// Tiles of outputs and of gradients by inputs: rows of a batch by quads of channels.
pub const BATCH_TILES: [Tile; 4] = [
    tile!("ROWS": 8, 1),
    tile!("ROWS": 8, 2),
    tile!("ROWS": 8, 3),
    tile!("ROWS": 8, 4),
];

/// Tiles of gradients by weights: quads of inputs by quads of outputs.
pub const WEIGHT_TILES: [Tile; 4] = [
    tile!("ROW_QUADS": 2, 1),
    tile!("ROW_QUADS": 2, 2),
    tile!("ROW_QUADS": 2, 3),
    tile!("ROW_QUADS": 2, 4),
];

/// The expansions of a table of tiles.
pub const fn variants<const N: usize>(tiles: &[Tile; N]) -> [Variant; N] {
    let mut variants: [Variant; N] = [&[]; N];
    let mut index = 0;
    while index < N {
        variants[index] = tiles[index].variant;
        index += 1;
    }
    variants
}

/// The tile for `quads` quads of channels: four columns, or fewer where that wastes less.
pub fn batch_tile(quads: usize) -> &'static Tile {
    &BATCH_TILES[columns(quads) - 1]
}

/// The tile for a weight of that many quads of outputs.
pub fn weight_tile(quads: usize) -> &'static Tile {
    &WEIGHT_TILES[columns(quads) - 1]
}

fn columns(quads: usize) -> usize {
    match quads {
        1 => 1,
        2 => 2,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

/// Threads in a workgroup of a product: software adapters run a workgroup on one core, eight
/// threads at a time, and want many small ones.
pub fn workgroup_size(target: &Target) -> u32 {
    match target.kind {
        AdapterKind::Software => 8,
        AdapterKind::Gpu => 64,
    }
}

/// Samples that one split of a sum over `capacity` samples covers, and the number of splits.
///
/// There are as many splits as keep the adapter busy when each has `threads` threads, but none
/// sums less than a few hundred rows; ranges are multiples of the four rows that kernels sum at a
/// time.
pub fn splits(
    capacity: usize,
    rows_per_sample: usize,
    threads: usize,
    target: &Target,
) -> (usize, usize) {
    let (busy, least_rows): (usize, usize) = match target.kind {
        AdapterKind::Software => (64, 512),
        AdapterKind::Gpu => (4096, 64),
    };
    let most = (capacity * rows_per_sample / least_rows).max(1);
    let wanted = busy.div_ceil(threads).min(most);
    let samples = capacity.div_ceil(wanted).next_multiple_of(4);
    (samples, capacity.div_ceil(samples))
}
