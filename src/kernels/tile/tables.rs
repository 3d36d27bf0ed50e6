//! The tables of tiles: what there is to choose from.

use super::{Tile, Workgroup, sliding};
use crate::kernels::Variant;

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
// 8 lanes: 4x8 reaches 49 GFLOP/s and compiles in 0.15 s, 8x8 55 in 0.34 s;
// 1 lane: 8x4, 16x4 and 24x4 reach 20, 28 and 30 and compile in 0.4, 0.9 and 1.7 s.
// Or, for GPUs: rows, quads of columns, threads along both, slices, chunk; roughly from the most
// products per load to the fewest, for the first that keeps a GPU busy is taken. How, and why these
// sizes, which nobody has measured, says tile/workgroup.rs.

/// Tiles of outputs and of gradients by inputs on software adapters: rows of a batch by quads of
/// channels.
#[rustfmt::skip]
const SOFTWARE_BATCH_TILES: [Tile; 13] = tiles!("ROWS":
    [8, 1, 8], [8, 2, 8], [4, 3, 8], [4, 4, 8], [4, 5, 8], [4, 6, 8], [4, 7, 8], [4, 8, 8],
    [8, 8, 8],
    [16, 1, 1], [16, 2, 1], [16, 3, 1], [16, 4, 1]
);

/// The same on GPUs.
#[rustfmt::skip]
pub(super) const GPU_BATCH_TILES: [Tile; 10] = tiles!("ROWS":
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
pub(super) const GPU_POOL_TILES: [Tile; 10] = tiles!("WINDOWS":
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
pub const BATCH_TILES: [Tile; 23] = join(&SOFTWARE_BATCH_TILES, &GPU_BATCH_TILES);
/// Tiles of a convolution.
pub const CONV_TILES: [Tile; 82] = join(&GPU_BATCH_TILES, &sliding::CONV_TILES);
/// Tiles of a convolution that is pooled at once.
pub const POOL_TILES: [Tile; 58] = join(&GPU_POOL_TILES, &sliding::POOL_TILES);
/// Tiles of the gradient by the input of a convolution.
pub const CONV_INPUT_TILES: [Tile; 39] = join(&BATCH_TILES, &sliding::LINE_TILES);
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
