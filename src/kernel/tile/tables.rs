//! The tables of tiles: what there is to choose from.
//!
//! Each entry: rows and quads of columns of a thread, threads along both, slices, chunk; roughly from
//! the most products per load to the fewest, for the first that keeps a GPU busy is taken. Why these
//! sizes (reasoned, not measured: no GPU was at hand):
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

use crate::kernel::Variant;
use crate::kernel::tile::Tile;

/// The tile of a table entry.
macro_rules! tile {
    ($row_name:literal [$rows:literal, $columns:literal, $thread_rows:literal,
        $thread_columns:literal, $slices:literal, $chunk:literal]) => {
        Tile {
            rows: $rows,
            columns: $columns,
            thread_rows: $thread_rows,
            thread_columns: $thread_columns,
            slices: $slices,
            chunk: $chunk,
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

/// Tiles of outputs and of gradients by inputs: rows of a batch by quads of channels.
pub const BATCH_TILES: [Tile; 10] = [
    tile!("ROWS" [8, 2, 8, 8, 1, 4]),   // 64x64 outputs
    tile!("ROWS" [8, 1, 8, 8, 1, 4]),   // 64x32
    tile!("ROWS" [4, 1, 16, 4, 1, 4]),  // 64x16
    tile!("ROWS" [4, 1, 8, 8, 4, 8]),   // 32x32, by 4 slices
    tile!("ROWS" [4, 1, 16, 4, 4, 8]),  // 64x16, by 4 slices
    tile!("ROWS" [4, 1, 4, 4, 16, 16]), // 16x16, by 16 slices
    tile!("ROWS" [4, 1, 32, 2, 1, 4]),  // 128x8
    tile!("ROWS" [4, 1, 8, 2, 16, 16]), // 32x8, by 16 slices
    tile!("ROWS" [4, 1, 64, 1, 1, 2]),  // 256x4
    tile!("ROWS" [4, 1, 4, 1, 16, 16]), // 16x4, by 16 slices
];

/// Tiles of pooled outputs: squares of four rows by quads of channels, each the size of one of
/// [`BATCH_TILES`].
pub const POOL_TILES: [Tile; 10] = [
    tile!("WINDOWS" [2, 2, 8, 8, 1, 4]),   // 64x64 outputs
    tile!("WINDOWS" [2, 1, 8, 8, 1, 4]),   // 64x32
    tile!("WINDOWS" [1, 1, 16, 4, 1, 4]),  // 64x16
    tile!("WINDOWS" [1, 1, 8, 8, 4, 8]),   // 32x32, by 4 slices
    tile!("WINDOWS" [1, 1, 16, 4, 4, 8]),  // 64x16, by 4 slices
    tile!("WINDOWS" [1, 1, 4, 4, 16, 16]), // 16x16, by 16 slices
    tile!("WINDOWS" [1, 1, 32, 2, 1, 4]),  // 128x8
    tile!("WINDOWS" [1, 1, 8, 2, 16, 16]), // 32x8, by 16 slices
    tile!("WINDOWS" [1, 1, 64, 1, 1, 2]),  // 256x4
    tile!("WINDOWS" [1, 1, 4, 1, 16, 16]), // 16x4, by 16 slices
];

/// Tiles of gradients by weights: quads of inputs by quads of outputs.
pub const WEIGHT_TILES: [Tile; 6] = [
    tile!("ROW_QUADS" [2, 2, 8, 8, 1, 16]),   // 64x64 outputs
    tile!("ROW_QUADS" [1, 1, 8, 8, 4, 32]),   // 32x32, by 4 slices
    tile!("ROW_QUADS" [1, 1, 16, 4, 4, 32]),  // 64x16, by 4 slices
    tile!("ROW_QUADS" [1, 1, 4, 4, 16, 64]),  // 16x16, by 16 slices
    tile!("ROW_QUADS" [1, 1, 8, 2, 16, 64]),  // 32x8, by 16 slices
    tile!("ROW_QUADS" [1, 1, 2, 2, 64, 256]), // 8x8, by 64 slices
];

/// The variants of a table of tiles.
pub const fn variants<const N: usize>(tiles: &[Tile; N]) -> [Variant; N] {
    let mut variants: [Variant; N] = [&[]; N];
    let mut index = 0;
    while index < N {
        variants[index] = tiles[index].variant;
        index += 1;
    }
    variants
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the shaders count on.
    #[test]
    fn every_thread_loads_the_same_column_of_every_chunk() {
        for tile in &BATCH_TILES {
            let (rows, columns) = (tile.group_rows(), tile.group_columns());
            let threads = tile.workgroup_size() as usize;
            assert!(threads.is_multiple_of(tile.chunk) && threads.is_multiple_of(columns));
            assert!((rows * tile.chunk).is_multiple_of(threads), "{tile:?}");
            let weights = 4 * tile.chunk * columns;
            assert!(
                weights.is_multiple_of(threads) || weights < threads,
                "{tile:?}"
            );
            // Blocks of four rows, which conv2d_backward_input transposes: one per thread.
            assert!(tile.chunk * columns <= threads, "{tile:?}");
            assert!(tile.chunk.is_multiple_of(tile.slices) && tile.rows.is_multiple_of(4));
        }
        for tile in &WEIGHT_TILES {
            let (rows, columns) = (tile.group_rows(), tile.group_columns());
            let threads = tile.workgroup_size() as usize;
            assert!(threads.is_multiple_of(rows) && threads.is_multiple_of(columns));
            assert!((tile.chunk * rows).is_multiple_of(threads), "{tile:?}");
            let gradients = tile.chunk * columns;
            assert!(
                gradients.is_multiple_of(threads) || gradients < threads,
                "{tile:?}"
            );
            assert!(tile.chunk.is_multiple_of(4 * tile.slices), "{tile:?}");
        }
    }

    #[test]
    fn workgroups_suit_every_adapter() {
        let tables = [&BATCH_TILES[..], &POOL_TILES, &WEIGHT_TILES];
        for tile in tables.into_iter().flatten() {
            let threads = tile.workgroup_size();
            assert!((64..=256).contains(&threads), "{tile:?}");
            assert!(tile.slices.is_power_of_two() && threads.is_power_of_two());
        }
    }

    #[test]
    fn pooled_tiles_are_the_size_of_the_others() {
        for (pooled, batch) in POOL_TILES.iter().zip(&BATCH_TILES) {
            let as_batch = Tile {
                rows: 4 * pooled.rows,
                variant: batch.variant,
                ..*pooled
            };
            assert_eq!(as_batch, *batch);
        }
    }

    #[test]
    fn a_bias_is_one_more_row() {
        let [.., last] = WEIGHT_TILES;
        assert_eq!(last.weight_threads([3, 5, 7]), 8 * 4 * 256);
    }
}
