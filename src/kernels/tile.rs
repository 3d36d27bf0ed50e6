//! Tiles of the matrix products, in four families, and how sums over a batch are split into
//! partial sums.
//!
//! | family | for | who loads a tile | table entry |
//! |---|---|---|---|
//! | shared | software adapters of eight lanes | eight lanes, which broadcast | rows, columns, 8 |
//! | alone | other software adapters | its one thread | rows, columns, 1 |
//! | sliding | convolutions on software adapters | lanes, or its one thread | tile/sliding.rs |
//! | workgroup | GPUs | a workgroup, through workgroup memory | rows, columns, thread rows, thread columns, slices, chunk |
//!
//! Shaders know the numbers of an entry by name ([`Tile::variant`]); the workgroup family has texts
//! of its own in `shaders/workgroup/`, which kernels include where `SLICES` is defined.

pub mod sliding;
mod workgroup;

use super::{Grid, Variant};
use crate::shape::{ImageShape, QUAD};
use crate::target::{AdapterKind, Target};

pub use workgroup::{Product, Workgroup};

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
    /// The threads that load their tiles together, in the family for GPUs.
    pub workgroup: Option<Workgroup>,
    /// Taps of a convolution's window that share their loads, in the family that slides.
    pub taps: Option<usize>,
    /// All of it, by the names that the shader knows them by.
    pub variant: Variant,
}

impl Tile {
    /// Threads that cover `rows` by `columns`: whole groups of lanes, or whole workgroups.
    pub const fn threads(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.group_rows()) * self.group_threads(columns)
    }

    /// Threads that cover the gradient of a weight of `lines` times `in_quads` by `out_quads`
    /// quads and of its bias. A register tile lies within one line, or is the bias's alone; to
    /// tiles in workgroup memory the bias is one more quad of rows.
    pub const fn weight_threads(&self, [lines, in_quads, out_quads]: [usize; 3]) -> usize {
        let rows = match self.workgroup {
            Some(_) => lines * in_quads + 1,
            None => (lines * in_quads.div_ceil(self.rows) + 1) * self.rows,
        };
        self.threads(rows, out_quads)
    }

    /// Threads for every [`Tile::group_rows`] rows of `columns`.
    pub const fn group_threads(&self, columns: usize) -> usize {
        match self.workgroup {
            Some(it) => it.threads() * columns.div_ceil(self.columns * it.thread_columns),
            None => self.lanes * columns.div_ceil(self.columns),
        }
    }

    /// Rows that a group of lanes, or a workgroup, covers.
    pub const fn group_rows(&self) -> usize {
        match self.workgroup {
            Some(it) => self.rows * it.thread_rows,
            None => self.rows * self.lanes,
        }
    }

    /// Threads that cover the `output` of a convolution.
    pub fn output_grid(&self, output: ImageShape) -> Grid {
        if self.taps.is_some() {
            return self.line_grid(output);
        }
        Grid::per_rows(
            output.pixels(),
            self.group_rows(),
            self.group_threads(output.padded_channels() / QUAD),
            self.workgroup_size(),
        )
    }

    /// Threads that cover the gradient by the `input` of a convolution: tiles of samples at the same
    /// pixel, or at the same line.
    pub fn input_grid(&self, input: ImageShape) -> Grid {
        if self.taps.is_some() {
            return self.whole_lines_grid(input);
        }
        let threads = self.group_threads(input.padded_channels() / QUAD);
        Grid::per_samples(
            self.group_rows(),
            input.pixels() * threads,
            self.workgroup_size(),
        )
    }

    /// Threads in a workgroup. Software adapters run a workgroup on one core, eight threads at a
    /// time, and want many small ones.
    pub const fn workgroup_size(&self) -> u32 {
        match self.workgroup {
            Some(it) => it.threads() as u32,
            None => 8,
        }
    }
}

/// The tile of a table entry: of three numbers a register tile, of six one in workgroup memory.
macro_rules! tile {
    ($row_name:literal, $rows:literal, $columns:literal, $lanes:literal) => {
        Tile {
            rows: $rows,
            columns: $columns,
            lanes: $lanes,
            workgroup: None,
            taps: None,
            variant: &[($row_name, $rows), ("COLUMNS", $columns), ("LANES", $lanes)],
        }
    };
    ($row_name:literal, $rows:literal, $columns:literal, $thread_rows:literal,
        $thread_columns:literal, $slices:literal, $chunk:literal) => {
        Tile {
            rows: $rows,
            columns: $columns,
            lanes: 1,
            workgroup: Some(Workgroup {
                thread_rows: $thread_rows,
                thread_columns: $thread_columns,
                slices: $slices,
                chunk: $chunk,
            }),
            taps: None,
            variant: &[
                ($row_name, $rows),
                ("COLUMNS", $columns),
                ("THREAD_ROWS", $thread_rows),
                ("THREAD_COLUMNS", $thread_columns),
                ("SLICES", $slices),
                ("CHUNK", $chunk),
            ],
        }
    };
}

macro_rules! tiles {
    ($row_name:literal: $([$($number:literal),+]),+) => {
        [$(tile!($row_name, $($number),+)),+]
    };
}

// Each entry: rows, quads of columns, lanes. Measured on lavapipe (Mesa 22.3.6), 128x3072x128:
// 8 lanes: 4x8 reaches 45 GFLOP/s and compiles in 0.2 s, 8x8 55 in 0.5 s, 8x4 39 in 0.2 s;
// 1 lane: 8x4, 16x4 and 24x4 reach 20, 28 and 30 and compile in 0.4, 0.9 and 1.7 s.
// Or, for GPUs: rows, quads of columns, threads along both, slices, chunk; roughly from the most
// products per load to the fewest, for the first that keeps a GPU busy is taken. How, and why these
// sizes, which nobody has measured, says tile/workgroup.rs.

/// Tiles of outputs and of gradients by inputs on software adapters: rows of a batch by quads of
/// channels.
#[rustfmt::skip]
const SOFTWARE_BATCH_TILES: [Tile; 12] = tiles!("ROWS":
    [8, 1, 8], [8, 2, 8], [8, 3, 8], [8, 4, 8], [8, 5, 8], [8, 6, 8], [8, 7, 8], [8, 8, 8],
    [16, 1, 1], [16, 2, 1], [16, 3, 1], [16, 4, 1]
);

/// The same on GPUs.
#[rustfmt::skip]
const GPU_BATCH_TILES: [Tile; 10] = tiles!("ROWS":
    [8, 2, 8, 8, 1, 4], // 64x64 outputs
    [8, 1, 8, 8, 1, 4], // 64x32
    [4, 1, 16, 4, 1, 4], // 64x16
    [4, 1, 8, 8, 4, 8], // 32x32, by 4 slices
    [4, 1, 16, 4, 4, 8], // 64x16, by 4 slices
    [4, 1, 4, 4, 16, 16], // 16x16, by 16 slices
    [4, 1, 32, 2, 1, 4], // 128x8
    [4, 1, 8, 2, 16, 16], // 32x8, by 16 slices
    [4, 1, 64, 1, 1, 2], // 256x4
    [4, 1, 4, 1, 16, 16]  // 16x4, by 16 slices
);

/// Tiles of pooled outputs on GPUs: squares of four rows by quads of channels, each the size of one
/// of [`GPU_BATCH_TILES`].
#[rustfmt::skip]
const GPU_POOL_TILES: [Tile; 10] = tiles!("WINDOWS":
    [2, 2, 8, 8, 1, 4], // 64x64 outputs
    [2, 1, 8, 8, 1, 4], // 64x32
    [1, 1, 16, 4, 1, 4], // 64x16
    [1, 1, 8, 8, 4, 8], // 32x32, by 4 slices
    [1, 1, 16, 4, 4, 8], // 64x16, by 4 slices
    [1, 1, 4, 4, 16, 16], // 16x16, by 16 slices
    [1, 1, 32, 2, 1, 4], // 128x8
    [1, 1, 8, 2, 16, 16], // 32x8, by 16 slices
    [1, 1, 64, 1, 1, 2], // 256x4
    [1, 1, 4, 1, 16, 16]  // 16x4, by 16 slices
);

/// Tiles of outputs.
pub const BATCH_TILES: [Tile; 22] = join(&SOFTWARE_BATCH_TILES, &GPU_BATCH_TILES);
/// Tiles of a convolution.
pub const CONV_TILES: [Tile; 82] = join(&GPU_BATCH_TILES, &sliding::CONV_TILES);
/// Tiles of a convolution that is pooled at once.
pub const POOL_TILES: [Tile; 82] = join(&GPU_POOL_TILES, &sliding::POOL_TILES);
/// Tiles of the gradient by the input of a convolution.
pub const CONV_INPUT_TILES: [Tile; 38] = join(&BATCH_TILES, &sliding::LINE_TILES);
/// Tiles of the gradient by the weight of a convolution.
pub const CONV_WEIGHT_TILES: [Tile; 50] = join(&WEIGHT_TILES, &sliding::TAPS_TILES);

/// Tiles of gradients by weights: quads of inputs by quads of outputs.
#[rustfmt::skip]
pub const WEIGHT_TILES: [Tile; 32] = tiles!("ROW_QUADS":
    [1, 1, 8], [1, 2, 8], [1, 3, 8], [1, 4, 8], [1, 5, 8], [1, 6, 8], [1, 7, 8], [1, 8, 8],
    [2, 8, 8],
    [1, 1, 1], [1, 2, 1], [1, 3, 1], [1, 4, 1],
    [2, 1, 1], [2, 2, 1], [2, 3, 1], [2, 4, 1],
    [3, 1, 1], [3, 2, 1], [3, 3, 1], [3, 4, 1],
    [4, 1, 1], [4, 2, 1], [4, 3, 1], [4, 4, 1],
    [2, 2, 8, 8, 1, 16], // 64x64 outputs
    [1, 1, 8, 8, 4, 32], // 32x32, by 4 slices
    [1, 1, 16, 4, 4, 32], // 64x16, by 4 slices
    [1, 1, 4, 4, 16, 64], // 16x16, by 16 slices
    [1, 1, 8, 2, 16, 64], // 32x8, by 16 slices
    [1, 1, 16, 1, 8, 32], // 64x4, by 8 slices
    [1, 1, 2, 2, 32, 128]  // 8x8, by 32 slices
);

/// Both tables in one.
const fn join<const N: usize, const M: usize, const ALL: usize>(
    first: &[Tile; N],
    second: &[Tile; M],
) -> [Tile; ALL] {
    assert!(ALL == N + M, "as many as both tables hold");
    let mut all = [first[0]; ALL];
    let mut index = 0;
    while index < ALL {
        all[index] = if index < N {
            first[index]
        } else {
            second[index - N]
        };
        index += 1;
    }
    all
}

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

/// The tiles of a product of a batch: the default first.
pub fn batch_tiles(product: &Product, target: &Target) -> Vec<Tile> {
    let default = batch_tile(product, target);
    with_candidates(default, &BATCH_TILES, usize::MAX, product.columns, target)
}

/// The tiles of a pooled batch on a GPU, by the product before the pooling: the default first.
pub fn pool_tiles(product: &Product, target: &Target) -> Vec<Tile> {
    let default = pool_tile(product, target);
    with_candidates(
        default,
        &GPU_POOL_TILES,
        usize::MAX,
        product.columns,
        target,
    )
}

/// The tiles of the gradient of a weight of `lines` times `in_quads` by `out_quads` quads, summed
/// over `rows` rows: the default first.
pub fn weight_tiles(weight: [usize; 3], rows: usize, target: &Target) -> Vec<Tile> {
    let default = weight_tile(weight, rows, target);
    let [_, in_quads, out_quads] = weight;
    with_candidates(default, &WEIGHT_TILES, in_quads, out_quads, target)
}

/// `default`, and the tiles of `table` that can serve products of `rows` (in the table's unit) by
/// `columns` quads on `target`: those of its family whose lanes it has, and that are no larger than
/// the product, or in workgroup memory less than half empty.
fn with_candidates(
    default: Tile,
    table: &[Tile],
    rows: usize,
    columns: usize,
    target: &Target,
) -> Vec<Tile> {
    let is_gpu = target.kind == AdapterKind::Gpu;
    let lanes_fit = |tile: &Tile| tile.lanes == 1 || tile.lanes == target.lanes as usize;
    let serves = |tile: &&Tile| match tile.workgroup {
        Some(it) => is_gpu && tile.columns * it.thread_columns < 2 * columns,
        None => !is_gpu && lanes_fit(tile) && tile.rows <= rows && tile.columns <= columns,
    };
    let others = table.iter().filter(serves).copied();
    [default].into_iter().chain(others).collect()
}

/// The tile of a product of a batch.
fn batch_tile(product: &Product, target: &Target) -> Tile {
    let quads = product.columns;
    let (rows, columns, lanes) = match (target.kind, target.lanes) {
        (AdapterKind::Gpu, _) => return workgroup::batch_tile(&GPU_BATCH_TILES, product),
        (_, LANES) => (SHARED_ROWS, shared_columns(quads), LANES),
        (AdapterKind::Software, _) => (16, fitting(quads), 1),
    };
    find(&BATCH_TILES, rows, columns, lanes)
}

/// The tile of a pooled batch, by the product before the pooling: that of [`batch_tile`], counted
/// in squares of four rows.
fn pool_tile(product: &Product, target: &Target) -> Tile {
    let tile = batch_tile(product, target);
    let same = |of_pool: &&Tile| {
        let of_batch = Tile {
            rows: of_pool.rows * 4,
            variant: tile.variant,
            ..**of_pool
        };
        of_batch == tile
    };
    let found = GPU_POOL_TILES.iter().find(same);
    *found.expect("both tables hold the same tiles")
}

/// The tile of the gradient of a weight of `lines` times `in_quads` by `out_quads` quads, summed
/// over `rows` rows; register tiles cover no more than one of the lines.
fn weight_tile(weight: [usize; 3], rows: usize, target: &Target) -> Tile {
    if target.kind == AdapterKind::Gpu {
        return workgroup::weight_tile(&WEIGHT_TILES, weight, rows);
    }
    let [lines, in_quads, out_quads] = weight;
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
    find(&WEIGHT_TILES, fitting(in_quads), fitting(out_quads), 1)
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
    let wanted = |tile: &&Tile| {
        tile.workgroup.is_none()
            && (tile.rows, tile.columns, tile.lanes) == (rows, columns, lanes as usize)
    };
    *tiles
        .iter()
        .find(wanted)
        .expect("the table holds every tile that is chosen from it")
}

/// Rows that a split sums at least: fewer are not worth a second pass over what it gives.
const LEAST_ROWS: usize = 512;

/// Samples that one split of a sum over `capacity` samples covers, and the number of splits.
///
/// There are as many splits as keep the adapter busy when each has `threads` threads of `tile`, but
/// none sums less than a few hundred rows; ranges are multiples of the four rows that kernels sum
/// at a time.
pub fn splits(
    capacity: usize,
    rows_per_sample: usize,
    threads: usize,
    tile: &Tile,
) -> (usize, usize) {
    match tile.workgroup {
        Some(_) => busy_splits(workgroup::BUSY_THREADS, capacity, rows_per_sample, threads),
        None => software_splits(capacity, rows_per_sample, threads),
    }
}

/// [`splits`] of register tiles.
pub fn software_splits(capacity: usize, rows_per_sample: usize, threads: usize) -> (usize, usize) {
    busy_splits(128, capacity, rows_per_sample, threads)
}

fn busy_splits(
    busy: usize,
    capacity: usize,
    rows_per_sample: usize,
    threads: usize,
) -> (usize, usize) {
    let most = (capacity * rows_per_sample / LEAST_ROWS).max(1);
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
            let of_family =
                |tile: Tile| tile.workgroup.is_some() == (target.kind == AdapterKind::Gpu);
            for columns in 1..40 {
                let product = Product {
                    groups: 1,
                    rows: 11 * columns,
                    columns,
                    depth: 3,
                };
                assert!(of_family(batch_tile(&product, &target)));
                if target.kind == AdapterKind::Gpu {
                    assert!(of_family(pool_tile(&product, &target)));
                }
                for out_quads in 1..40 {
                    let tile = weight_tile([3, columns, out_quads], 999, &target);
                    assert!(of_family(tile));
                    assert!(tile.workgroup.is_some() || tile.rows <= columns);
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
        for tile in [WEIGHT_TILES[0], WEIGHT_TILES[WEIGHT_TILES.len() - 1]] {
            for capacity in [1, 3, 4, 33, 128, 1000] {
                for (rows, threads) in [(1, 1), (900, 3), (169, 18), (1, 5000)] {
                    let (samples, splits) = splits(capacity, rows, threads, &tile);
                    assert!(samples * splits >= capacity && samples * (splits - 1) < capacity);
                }
            }
        }
    }

    #[test]
    fn a_bias_is_a_tile_of_its_own_or_one_more_row() {
        let of_registers = find(&WEIGHT_TILES, 2, 3, 1);
        assert_eq!(of_registers.weight_threads([3, 5, 7]), (3 * 3 + 1) * 3);
        let of_lanes = find(&WEIGHT_TILES, 1, 4, LANES);
        assert_eq!(of_lanes.weight_threads([3, 5, 7]), 16 * 2);
        let of_workgroup = WEIGHT_TILES.last().expect("the table has tiles");
        assert_eq!(of_workgroup.weight_threads([3, 5, 7]), 8 * 4 * 128);
    }
}
