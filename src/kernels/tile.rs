//! Register tiles of the matrix products, and how sums over a batch are split into partial sums.

use super::Variant;
use super::choice::Tiled;
use crate::target::{AdapterKind, Target};

/// The part of a product that one thread computes, as values for the expander.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Rows, in the unit that the kernel counts them in.
    pub rows: usize,
    /// Quads of columns.
    pub columns: usize,
    /// Threads that share what they load of the columns: consecutive ones, with a row of tiles
    /// each.
    pub lanes: usize,
    /// All three, by the names that the shader knows them by.
    pub variant: Variant,
}

impl Tiled for Tile {
    fn variant(&self) -> Variant {
        self.variant
    }
}

impl Tile {
    /// Threads that cover `rows` by `columns`: as many as tiles, in whole groups of lanes.
    pub const fn threads(&self, rows: usize, columns: usize) -> usize {
        let row_tiles = rows.div_ceil(self.rows).next_multiple_of(self.lanes);
        row_tiles * columns.div_ceil(self.columns)
    }

    /// Threads for every [`Tile::group_rows`] rows of `columns`.
    pub const fn group_threads(&self, columns: usize) -> usize {
        self.lanes * columns.div_ceil(self.columns)
    }

    /// Rows that a group of lanes covers.
    pub const fn group_rows(&self) -> usize {
        self.lanes * self.rows
    }
}

macro_rules! tiles {
    ($row_name:literal: $([$rows:literal, $columns:literal, $lanes:literal]),+) => {
        [$(Tile {
            rows: $rows,
            columns: $columns,
            lanes: $lanes,
            variant: &[($row_name, $rows), ("COLUMNS", $columns), ("LANES", $lanes)],
        }),+]
    };
}

// Each entry: rows, quads of columns, lanes. Measured on lavapipe (Mesa 22.3.6), 128x3072x128:
// 8 lanes: 4x8 reaches 45 GFLOP/s and compiles in 0.2 s, 8x8 55 in 0.5 s, 8x4 39 in 0.2 s;
// 1 lane: 8x4, 16x4 and 24x4 reach 20, 28 and 30 and compile in 0.4, 0.9 and 1.7 s.
// On GPUs tiles must fit into registers and be many.

/// Tiles of outputs and of gradients by inputs: rows of a batch by quads of channels.
#[rustfmt::skip]
pub const BATCH_TILES: [Tile; 14] = tiles!("ROWS":
    [8, 1, 8], [8, 2, 8], [8, 3, 8], [8, 4, 8], [8, 5, 8], [8, 6, 8], [8, 7, 8], [8, 8, 8],
    [16, 1, 1], [16, 2, 1], [16, 3, 1], [16, 4, 1],
    [4, 1, 1], [4, 2, 1]
);

/// Tiles of pooled outputs on GPUs: squares of four rows by quads of channels, each the size of one
/// of [`GPU_BATCH_TILES`].
pub const GPU_POOL_TILES: [Tile; 2] = tiles!("WINDOWS": [1, 1, 1], [1, 2, 1]);

/// Those of [`BATCH_TILES`] that GPUs get.
pub const GPU_BATCH_TILES: [Tile; 2] = tiles!("ROWS": [4, 1, 1], [4, 2, 1]);

/// Tiles of gradients by weights: quads of inputs by quads of outputs.
#[rustfmt::skip]
pub const WEIGHT_TILES: [Tile; 25] = tiles!("ROW_QUADS":
    [1, 1, 8], [1, 2, 8], [1, 3, 8], [1, 4, 8], [1, 5, 8], [1, 6, 8], [1, 7, 8], [1, 8, 8],
    [2, 8, 8],
    [1, 1, 1], [1, 2, 1], [1, 3, 1], [1, 4, 1],
    [2, 1, 1], [2, 2, 1], [2, 3, 1], [2, 4, 1],
    [3, 1, 1], [3, 2, 1], [3, 3, 1], [3, 4, 1],
    [4, 1, 1], [4, 2, 1], [4, 3, 1], [4, 4, 1]
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

/// The tiles of `table` that can serve products of `rows` (in the table's unit) by `columns` quads
/// on `target`: those whose lanes it has, and that are no larger than the product.
pub fn candidates(
    table: &'static [Tile],
    rows: usize,
    columns: usize,
    target: &Target,
) -> impl Iterator<Item = Tile> {
    let lanes = target.lanes as usize;
    let serves = move |tile: &&Tile| {
        (tile.lanes == 1 || tile.lanes == lanes) && tile.rows <= rows && tile.columns <= columns
    };
    table.iter().filter(serves).copied()
}

/// No bound on the rows of a tile: those of a batch are many.
pub const MANY_ROWS: usize = usize::MAX;

/// The tile of a batch for rows of `quads` quads of channels.
pub fn batch_tile(quads: usize, target: &Target) -> Tile {
    let (rows, columns, lanes) = match (target.kind, target.lanes) {
        (_, LANES) => (SHARED_ROWS, shared_columns(quads), LANES),
        (AdapterKind::Software, _) => (16, fitting(quads), 1),
        (AdapterKind::Gpu, _) => (4, quads.min(2), 1),
    };
    find(&BATCH_TILES, rows, columns, lanes)
}

/// The tile of a pooled batch for rows of `quads` quads of channels.
pub fn pool_tile(quads: usize, target: &Target) -> Tile {
    let tile = batch_tile(quads, target);
    find(
        &GPU_POOL_TILES,
        tile.rows / 4,
        tile.columns,
        tile.lanes as u32,
    )
}

/// The tile of a weight of `lines` times `in_quads` by `out_quads` quads; tiles cover no more than
/// one of the lines.
pub fn weight_tile(lines: usize, in_quads: usize, out_quads: usize, target: &Target) -> Tile {
    if target.lanes == LANES {
        let columns = shared_columns(out_quads);
        // Two quads of rows load less, where there are enough of them to fill the lanes.
        let rows = if columns == 8 && lines * in_quads >= 64 {
            2
        } else {
            1
        };
        let tile = find(&WEIGHT_TILES, rows, columns, LANES);
        let covered = (lines * in_quads.div_ceil(rows) * rows).next_multiple_of(tile.lanes);
        // Groups of lanes that are more than half empty lose more than sharing gains.
        if lines * in_quads * 2 >= covered {
            return tile;
        }
    }
    let (rows, columns) = match target.kind {
        AdapterKind::Software => (fitting(in_quads), fitting(out_quads)),
        AdapterKind::Gpu => (in_quads.min(2), out_quads.min(2)),
    };
    find(&WEIGHT_TILES, rows, columns, 1)
}

/// Lanes of the tiles that share their loads.
const LANES: u32 = 8;

/// Rows of a shared tile: about as many sums as stay in registers and the first-level cache.
const SHARED_ROWS: usize = 8;

/// Up to eight quads, as many as waste the least; 8 or 4 where they waste next to none, so that the
/// layers of a net share their pipelines.
fn shared_columns(quads: usize) -> usize {
    if quads.is_multiple_of(8) || quads > 64 {
        return 8;
    }
    if quads.is_multiple_of(4) {
        return 4;
    }
    // A tile costs its sums, and loads worth about two columns.
    let cost = |columns: &usize| quads.div_ceil(*columns) * (columns + 2);
    let least = quads.min(5);
    (least..=quads.min(8))
        .rev()
        .min_by_key(cost)
        .unwrap_or(least)
}

/// Four quads, or fewer where that wastes less.
fn fitting(quads: usize) -> usize {
    match quads {
        1 | 2 => quads,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

fn find(tiles: &[Tile], rows: usize, columns: usize, lanes: u32) -> Tile {
    let wanted =
        |tile: &&Tile| tile.rows == rows && tile.columns == columns && tile.lanes == lanes as usize;
    *tiles
        .iter()
        .find(wanted)
        .expect("the table holds every tile that is chosen from it")
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

    const LANED: Target = SOFTWARE.with_lanes(8);
    const SOFTWARE: Target = Target::portable(AdapterKind::Software);
    const GPU: Target = Target::portable(AdapterKind::Gpu);

    #[test]
    fn tables_hold_a_tile_for_every_size() {
        for target in [LANED, SOFTWARE, GPU] {
            for quads in 1..40 {
                assert!(batch_tile(quads, &target).columns <= quads);
                for out_quads in 1..40 {
                    let tile = weight_tile(3, quads, out_quads, &target);
                    assert!(tile.rows <= quads && tile.columns <= out_quads);
                }
            }
        }
    }

    #[test]
    fn shared_tiles_waste_little() {
        let columns = [1, 4, 5, 8, 9, 12, 16, 32, 45, 64, 180].map(shared_columns);
        assert_eq!(columns, [1, 4, 5, 8, 5, 4, 8, 8, 8, 8, 8]);
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
