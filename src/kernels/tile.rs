//! Register tiles of the matrix products, and how sums over a batch are split into partial sums.

use super::Variant;
use crate::shape::ConvShape;
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

macro_rules! tiles {
    ($row_name:literal: $([$rows:literal, $columns:literal]),+) => {
        [$(Tile {
            rows: $rows,
            columns: $columns,
            variant: &[($row_name, $rows), ("COLUMNS", $columns)],
        }),+]
    };
}

/// Tiles of outputs and of gradients by inputs: rows of a batch by quads of channels.
///
/// On software adapters loads are the cost, so that tiles are as large as pays (`ROWS` of 8, 16
/// and 24 reach 20, 25 and 27 GFLOP/s on lavapipe, and compile in 0.4, 0.9 and 1.7 s); on GPUs
/// they must fit into registers and be many.
#[rustfmt::skip]
pub const BATCH_TILES: [Tile; 6] = tiles!("ROWS":
    [16, 1], [16, 2], [16, 3], [16, 4],
    [4, 1], [4, 2]
);

/// Tiles of pooled outputs: squares of four rows by quads of channels, each the size of one of
/// [`BATCH_TILES`].
#[rustfmt::skip]
pub const POOL_TILES: [Tile; 6] = tiles!("WINDOWS":
    [4, 1], [4, 2], [4, 3], [4, 4],
    [1, 1], [1, 2]
);

/// Tiles of gradients by weights: quads of inputs by quads of outputs.
#[rustfmt::skip]
pub const WEIGHT_TILES: [Tile; 16] = tiles!("ROW_QUADS":
    [1, 1], [1, 2], [1, 3], [1, 4],
    [2, 1], [2, 2], [2, 3], [2, 4],
    [3, 1], [3, 2], [3, 3], [3, 4],
    [4, 1], [4, 2], [4, 3], [4, 4]
);

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

/// The tile of a batch for rows of `quads` quads of channels.
pub fn batch_tile(quads: usize, target: &Target) -> Tile {
    let (rows, columns) = match target.kind {
        AdapterKind::Software => (16, fitting(quads)),
        AdapterKind::Gpu => (4, quads.min(2)),
    };
    find(&BATCH_TILES, rows, columns)
}

/// The tile of a pooled batch for rows of `quads` quads of channels.
pub fn pool_tile(quads: usize, target: &Target) -> Tile {
    let tile = batch_tile(quads, target);
    find(&POOL_TILES, tile.rows / 4, tile.columns)
}

/// The tile of a weight of `in_quads` by `out_quads` quads.
pub fn weight_tile(in_quads: usize, out_quads: usize, target: &Target) -> Tile {
    let (rows, columns) = match target.kind {
        AdapterKind::Software => (fitting(in_quads), fitting(out_quads)),
        AdapterKind::Gpu => (in_quads.min(2), out_quads.min(2)),
    };
    find(&WEIGHT_TILES, rows, columns)
}

/// Four quads, or fewer where that wastes less.
fn fitting(quads: usize) -> usize {
    match quads {
        1 | 2 => quads,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

fn find(tiles: &[Tile], rows: usize, columns: usize) -> Tile {
    let mut tiles = tiles.iter();
    *tiles
        .find(|tile| tile.rows == rows && tile.columns == columns)
        .expect("the table holds every tile that is chosen from it")
}

/// Rows of a convolution's window that are summed on their own: about 64 products.
pub fn block_height(shape: &ConvShape) -> usize {
    let run = shape.kernel_width * shape.input.padded_channels();
    64_usize.div_ceil(run)
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
        AdapterKind::Software => (128, 512),
        AdapterKind::Gpu => (4096, 64),
    };
    let most = (capacity * rows_per_sample / least_rows).max(1);
    let wanted = busy.div_ceil(threads).min(most);
    let samples = capacity.div_ceil(wanted).next_multiple_of(4);
    (samples, capacity.div_ceil(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOFTWARE: Target = Target::portable(AdapterKind::Software);
    const GPU: Target = Target::portable(AdapterKind::Gpu);

    #[test]
    fn tables_hold_a_tile_for_every_size() {
        for target in [SOFTWARE, GPU] {
            for quads in 1..40 {
                assert!(batch_tile(quads, &target).columns <= quads);
                for out_quads in 1..40 {
                    let tile = weight_tile(quads, out_quads, &target);
                    assert!(tile.rows <= quads && tile.columns <= out_quads);
                }
            }
        }
    }

    #[test]
    fn splits_cover_every_sample_once() {
        for target in [SOFTWARE, GPU] {
            for capacity in [1, 3, 4, 33, 128, 1000] {
                for (rows, threads) in [(1, 1), (900, 3), (169, 18), (1, 5000)] {
                    let (samples, splits) = splits(capacity, rows, threads, &target);
                    assert!(samples * splits >= capacity && samples * (splits - 1) < capacity);
                }
            }
        }
    }
}
