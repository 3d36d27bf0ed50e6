//! Tiles of the matrix products: a workgroup loads the operands of its tile into workgroup memory,
//! chunk by chunk, and each of its threads sums a part of it in registers.
//!
//! `tables` holds what there is to choose from, `default` says what a problem gets, `splits` how sums
//! over a batch become partial sums. Shaders know the numbers of a table entry by name
//! ([`Tile::variant`]).

mod default;
mod splits;
mod tables;

use crate::kernel::{Grid, Variant};
use crate::shape::{ImageShape, QUAD};

pub use default::{Product, batch_tiles, pool_tiles, weight_tiles};
pub use splits::splits;
pub use tables::{BATCH_TILES, POOL_TILES, WEIGHT_TILES, variants};

/// The part of a product that one workgroup computes, as constants of its shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Rows of one thread, in the unit that the kernel counts them in.
    pub rows: usize,
    /// Quads of columns of one thread.
    pub columns: usize,
    /// Threads along the rows; the rows of each lie this far apart.
    pub thread_rows: usize,
    /// Threads along the columns; the columns of each lie this many quads apart.
    pub thread_columns: usize,
    /// Groups of threads that each sum a part of every chunk.
    pub slices: usize,
    /// What is in workgroup memory at a time of the summed dimension: quads, and in gradients of
    /// weights rows.
    pub chunk: usize,
    /// All of it, by the names that the shader knows them by.
    pub variant: Variant,
}

impl Tile {
    /// Threads of the workgroups that cover `rows` by `columns`.
    pub const fn threads(&self, rows: usize, columns: usize) -> usize {
        rows.div_ceil(self.group_rows()) * self.group_threads(columns)
    }

    /// Threads that cover the gradient of a weight of `lines` times `in_quads` by `out_quads`
    /// quads and of its bias, which is one more quad of rows.
    pub const fn weight_threads(&self, [lines, in_quads, out_quads]: [usize; 3]) -> usize {
        self.threads(lines * in_quads + 1, out_quads)
    }

    /// Threads for every [`Tile::group_rows`] rows of `columns`.
    pub const fn group_threads(&self, columns: usize) -> usize {
        self.workgroup_size() as usize * columns.div_ceil(self.group_columns())
    }

    /// Rows that a workgroup covers.
    pub const fn group_rows(&self) -> usize {
        self.rows * self.thread_rows
    }

    /// Quads of columns that a workgroup covers.
    pub const fn group_columns(&self) -> usize {
        self.columns * self.thread_columns
    }

    /// Threads that cover the `output` of a convolution.
    pub fn output_grid(&self, output: ImageShape) -> Grid {
        Grid::per_rows(
            output.pixels(),
            self.group_rows(),
            self.group_threads(output.padded_channels() / QUAD),
            self.workgroup_size(),
        )
    }

    /// Threads that cover the gradient by the `input` of a convolution: tiles of samples at the same
    /// pixel.
    pub fn input_grid(&self, input: ImageShape) -> Grid {
        let threads = self.group_threads(input.padded_channels() / QUAD);
        Grid::per_samples(
            self.group_rows(),
            input.pixels() * threads,
            self.workgroup_size(),
        )
    }

    /// Threads in a workgroup.
    pub const fn workgroup_size(&self) -> u32 {
        (self.thread_rows * self.thread_columns * self.slices) as u32
    }
}

/// Bytes of workgroup memory that the tile of these named values takes: a chunk of both operands,
/// or later the slices' sums, as the shaders declare them; 0 for variants that are no tile.
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
