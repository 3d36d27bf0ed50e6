//! Tiles of the matrix products, in four families: `tables` and `sliding` hold what there is to choose
//! from, `default` and `workgroup` say what a problem gets, `splits` how sums over a batch become
//! partial sums.
//!
//! | family | for | who loads a tile | table entry |
//! |---|---|---|---|
//! | shared | software adapters of eight lanes | eight lanes, which broadcast | rows, columns, 8 |
//! | alone | other software adapters | its one thread | rows, columns, 1 |
//! | sliding | convolutions on software adapters | lanes, or its one thread | length, taps, columns, lanes |
//! | workgroup | GPUs | a workgroup, through workgroup memory | rows, columns, thread rows, thread columns, slices, chunk |
//!
//! Shaders know the numbers of an entry by name ([`Tile::variant`]). The last two families have texts
//! of their own in `shaders/sliding/` and `shaders/workgroup/`.

mod default;
pub mod sliding;
mod splits;
mod tables;
mod workgroup;

use super::{Grid, Variant};
use crate::shape::{ImageShape, QUAD};

pub use default::{batch_tiles, pool_tiles, weight_tiles};
pub use splits::{software_splits, splits};
pub use tables::{
    BATCH_TILES, CONV_INPUT_TILES, CONV_TILES, CONV_WEIGHT_TILES, POOL_TILES, WEIGHT_TILES,
    variants,
};
pub use workgroup::{Product, Workgroup, workgroup_bytes};

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
