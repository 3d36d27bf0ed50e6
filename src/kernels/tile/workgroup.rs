//! The family of tiles for GPUs: a workgroup loads the operands of its tile into workgroup memory,
//! chunk by chunk, and each thread sums a part of it in registers.
//!
//! Why these sizes (reasoned, not measured: no GPU was at hand):
//!
//! - A thread that reads 4 rows and 1 quad of columns does 64 multiply-adds per 8 quads it reads
//!   from workgroup memory; with 8 rows and 2 quads it does 256 per 16. The larger wins where there
//!   is enough to do, but its sums take 64 registers, and a batch of 128 seldom makes enough tiles.
//! - Layers here are small. A product of 128x128 outputs is 4 tiles of 64x64: a GPU of a hundred
//!   multiprocessors would sleep. Workgroups of 256 threads therefore compute tiles of 16x16 to
//!   64x16, and `slices` groups of their threads each sum a part of every chunk; the slices' sums
//!   are added in workgroup memory, in a fixed order. That keeps a GPU as busy as splitting the sum
//!   over workgroups would, without partial sums in storage and a dispatch to add them up.
//! - A skinny output (1 or 2 quads) has tiles as narrow as itself: many rows by one quad.
//! - No workgroup exceeds 256 threads or 16 KiB, and none has 32 threads. 64 threads or more per
//!   workgroup suit subgroups of 32 and of 64.
//! - All sizes are powers of two, so that a thread loads the same column of every chunk.
//! - Sums are not made in blocks: slices and splits keep them short enough for the same tolerance,
//!   and second sums would take as many registers again.
//! - The number of threads that counts as busy is that of a large GPU. A small one would rather have
//!   larger tiles; only measuring on it can tell.

use super::Tile;
use super::splits::LEAST_ROWS;
use crate::kernels::Variant;

/// The threads that load a tile together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workgroup {
    /// Threads along the rows; the rows of each lie this far apart.
    pub thread_rows: usize,
    /// Threads along the columns; the columns of each lie this many quads apart.
    pub thread_columns: usize,
    /// Groups of threads that each sum a part of every chunk.
    pub slices: usize,
    /// What is in workgroup memory at a time of the summed dimension: quads, and in gradients of
    /// weights rows.
    pub chunk: usize,
}

impl Workgroup {
    /// Threads in the workgroup.
    pub const fn threads(&self) -> usize {
        self.thread_rows * self.thread_columns * self.slices
    }
}

/// Bytes of workgroup memory that the tile of these named values takes: a chunk of both operands,
/// or later the slices' sums, as `shaders/shared/workgroup_memory_*.wgsl` declare them; 0 for tiles
/// of the other families.
pub fn workgroup_bytes(variant: Variant) -> u32 {
    let value = |name: &str| variant.iter().find(|it| it.0 == name).map(|it| it.1);
    let bytes = || {
        let threads = value("THREAD_ROWS")? * value("THREAD_COLUMNS")?;
        let (chunk, columns) = (value("CHUNK")?, value("COLUMNS")?);
        let tile_columns = columns * value("THREAD_COLUMNS")?;
        let (rows, operands) = if let Some(quads) = value("ROW_QUADS") {
            // The gradient of a weight: quads of inputs and of gradients.
            let tile_rows = quads * value("THREAD_ROWS")?;
            (4 * quads, chunk * (tile_rows + tile_columns))
        } else {
            // A pooling window is four pixels, a row each.
            let rows = value("ROWS").or_else(|| value("WINDOWS").map(|it| 4 * it))?;
            let tile_rows = rows * value("THREAD_ROWS")?;
            (rows, tile_rows * (chunk + 1) + 4 * chunk * tile_columns)
        };
        let sums = value("SLICES")? / 2 * threads * rows * columns;
        Some(16 * operands.max(sums))
    };
    bytes().unwrap_or(0)
}

/// A product of a batch, as far as the choice of its tile asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Products that share no tile: pixels whose samples are the rows, else 1.
    pub groups: usize,
    /// Rows of each, of a batch of [`Product::BATCH`] samples.
    pub rows: usize,
    /// Quads of columns.
    pub columns: usize,
    /// Quads of the summed dimension.
    pub depth: usize,
}

impl Product {
    /// The batch that tiles are chosen for. Kernels take any; choices are not made per batch, so
    /// that a last, smaller one runs the same pipelines.
    pub const BATCH: usize = 128;

    /// Multiply-adds of all products, in units of one row by a quad of columns by a quad of depth.
    pub const fn quads(&self) -> usize {
        self.groups * self.rows * self.columns * self.depth
    }
}

/// Threads that keep a large GPU busy: some 130 multiprocessors with 8 subgroups of 32 each.
pub(super) const BUSY_THREADS: usize = 32 << 10;

/// The tile of a product of a batch: the first of the table that gives [`BUSY_THREADS`], else the
/// one with the most threads.
pub(super) fn batch_tile(table: &[Tile], product: &Product) -> Tile {
    let area = |tile: &Tile, it: &Workgroup| {
        // A slice without a quad of its own has nothing to do.
        let busy_slices = it.slices == 1 || it.slices <= product.depth;
        busy_slices.then(|| {
            let columns = tile.columns * it.thread_columns;
            product.rows.next_multiple_of(tile.group_rows())
                * product.columns.next_multiple_of(columns)
        })
    };
    let threads = |tile: &Tile| product.groups * tile.threads(product.rows, product.columns);
    choose(table, area, threads)
}

/// The tile of the gradient of a weight of that many lines, quads of inputs and quads of outputs,
/// and its bias, summed over `rows` rows of a batch, which may be split as far as
/// [`super::splits`] allows.
pub(super) fn weight_tile(table: &[Tile], weight: [usize; 3], rows: usize) -> Tile {
    let [lines, in_quads, out_quads] = weight;
    let area = |tile: &Tile, it: &Workgroup| {
        let tile_rows = tile.rows * it.thread_rows;
        let tile_columns = tile.columns * it.thread_columns;
        Some(
            (lines * in_quads + 1).next_multiple_of(tile_rows)
                * out_quads.next_multiple_of(tile_columns),
        )
    };
    let splits = (rows / LEAST_ROWS).max(1);
    choose(table, area, |tile| splits * tile.weight_threads(weight))
}

/// Of the tiles in workgroup memory that waste next to no more than the best, by the area they
/// cover (`None`: does not serve), the first with [`BUSY_THREADS`] `threads`, else that with most.
fn choose(
    table: &[Tile],
    area: impl Fn(&Tile, &Workgroup) -> Option<usize>,
    threads: impl Fn(&Tile) -> usize,
) -> Tile {
    let areas = table.iter().filter_map(|tile| {
        let workgroup = tile.workgroup?;
        Some((tile, area(tile, &workgroup)?))
    });
    let areas: Vec<(&Tile, usize)> = areas.collect();
    let least = areas.iter().map(|it| it.1).min().unwrap_or(0);
    let frugal = || {
        let few = areas.iter().filter(|(_, area)| area * 4 <= least * 5);
        few.map(|it| it.0)
    };
    let busy = frugal().find(|tile| threads(tile) >= BUSY_THREADS);
    // The first of those with most threads: `max_by_key` would take the last.
    let most = || frugal().rev().max_by_key(|tile| threads(tile));
    *busy
        .or_else(most)
        .expect("the table has tiles without slices")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tile::{BATCH_TILES, POOL_TILES, WEIGHT_TILES};

    fn of_workgroups(table: &[Tile]) -> Vec<(Tile, Workgroup)> {
        let tiles = table.iter();
        tiles
            .filter_map(|tile| Some((*tile, tile.workgroup?)))
            .collect()
    }

    /// What the shaders in shaders/workgroup/ count on.
    #[test]
    fn every_thread_loads_the_same_column_of_every_chunk() {
        for (tile, it) in of_workgroups(&BATCH_TILES) {
            let (rows, columns) = (tile.rows * it.thread_rows, tile.columns * it.thread_columns);
            let threads = it.threads();
            assert!(threads.is_multiple_of(it.chunk) && threads.is_multiple_of(columns));
            assert!((rows * it.chunk).is_multiple_of(threads), "{tile:?}");
            let weights = 4 * it.chunk * columns;
            assert!(
                weights.is_multiple_of(threads) || weights < threads,
                "{tile:?}"
            );
            // Blocks of four rows, which conv2d_backward_input transposes: one per thread.
            assert!(it.chunk * columns <= threads, "{tile:?}");
            assert!(it.chunk.is_multiple_of(it.slices) && tile.rows.is_multiple_of(4));
        }
        for (tile, it) in of_workgroups(&WEIGHT_TILES) {
            let (rows, columns) = (tile.rows * it.thread_rows, tile.columns * it.thread_columns);
            let threads = it.threads();
            assert!(threads.is_multiple_of(rows) && threads.is_multiple_of(columns));
            assert!((it.chunk * rows).is_multiple_of(threads), "{tile:?}");
            let gradients = it.chunk * columns;
            assert!(
                gradients.is_multiple_of(threads) || gradients < threads,
                "{tile:?}"
            );
            assert!(it.chunk.is_multiple_of(4 * it.slices), "{tile:?}");
        }
    }

    #[test]
    fn workgroups_suit_every_adapter() {
        let tables = [&BATCH_TILES[..], &POOL_TILES, &WEIGHT_TILES];
        for (tile, it) in tables.into_iter().flat_map(of_workgroups) {
            assert!((64..=256).contains(&it.threads()), "{tile:?}");
            assert!(it.slices.is_power_of_two() && it.threads().is_power_of_two());
        }
    }

    /// Every tile of both tables is somebody's: what no layer gets, only costs.
    #[test]
    fn choices_follow_the_shape() {
        let batch = |groups, rows, columns, depth| {
            let product = Product {
                groups,
                rows,
                columns,
                depth,
            };
            let tile = batch_tile(&BATCH_TILES, &product);
            let it = tile.workgroup.expect("of the workgroup family");
            (
                tile.group_rows(),
                4 * tile.columns * it.thread_columns,
                it.slices,
            )
        };
        // The seed's cnn, forward: rows, columns and slices of the tiles.
        assert_eq!(batch(1, 128 * 900, 4, 9), (64, 16, 1));
        assert_eq!(batch(1, 128 * 144, 8, 36), (64, 16, 1));
        assert_eq!(batch(1, 128 * 16, 12, 72), (16, 16, 16));
        // Dense layers, and the one output.
        assert_eq!(batch(1, 128, 32, 768), (16, 16, 16));
        assert_eq!(batch(1, 128, 1, 32), (16, 4, 16));
        // Gradients by inputs, pixel by pixel.
        assert_eq!(batch(225, 128, 4, 72), (64, 16, 4));
        assert_eq!(batch(36, 128, 8, 108), (32, 32, 4));
        // Kernels of 1 on whole images, and sums of a single quad.
        assert_eq!(batch(1, 128 * 1024, 2, 1), (128, 8, 1));
        assert_eq!(batch(1, 128 * 1024, 1, 2), (256, 4, 1));
        // Large batches.
        assert_eq!(batch(1, 128 * 1024, 16, 64), (64, 64, 1));
        assert_eq!(batch(1, 128 * 1024, 8, 64), (64, 32, 1));
        assert_eq!(batch(1, 1024, 2, 64), (32, 8, 16));
    }

    #[test]
    fn choices_for_weights_follow_the_shape() {
        let weight = |lines, in_quads, out_quads, rows| {
            let tile = weight_tile(&WEIGHT_TILES, [lines, in_quads, out_quads], rows);
            let it = tile.workgroup.expect("of the workgroup family");
            let tile_rows = 4 * tile.group_rows();
            (tile_rows, 4 * tile.columns * it.thread_columns, it.slices)
        };
        // The seed's cnn, and the large convolution of the shallow one.
        assert_eq!(weight(3, 3, 4, 128 * 900), (16, 16, 16));
        assert_eq!(weight(3, 12, 8, 128 * 169), (32, 32, 4));
        assert_eq!(weight(3, 24, 12, 128 * 16), (16, 16, 16));
        assert_eq!(weight(28, 28, 11, 128 * 25), (64, 16, 4));
        // Dense layers, and the one output.
        assert_eq!(weight(1, 768, 32, 128), (32, 32, 4));
        assert_eq!(weight(1, 32, 1, 128), (64, 4, 8));
        // Kernels of 1, and few channels.
        assert_eq!(weight(1, 1, 2, 128 * 1024), (8, 8, 32));
        assert_eq!(weight(3, 5, 2, 128 * 900), (32, 8, 16));
        // A large batch.
        assert_eq!(weight(1, 768, 64, 4096), (64, 64, 1));
    }
}
