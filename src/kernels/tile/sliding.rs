//! The family of tiles that slide along a line of pixels, for convolutions on software adapters:
//! neighbouring pixels share what they load. `shaders/sliding/` holds their texts.
//!
//! [`Tile::rows`] is a number of neighbouring pixels of a line of the output, in the unit of the
//! table; [`Tile::taps`] neighbouring taps of a row of the window, which they divide.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use super::Tile;
use crate::kernels::Grid;
use crate::shape::{ConvShape, ImageShape, QUAD, padded};
use crate::target::{AdapterKind, Target};

type Values = [(&'static str, u32); 4];

/// The tables hold every combination of these. Measured on lavapipe (Mesa 22.3.6), which compiles a
/// kernel when it first runs: 2 squares by 4 quads at 3 taps are 5% slower than 3 squares, and compile
/// in 0.35 s instead of 0.53.
const COLUMNS: [u32; 3] = [1, 2, 4];
const LANES: [u32; 2] = [8, 1];
const SHARED: [u32; 1] = [8];

macro_rules! table {
    ($(#[$doc:meta])* $tiles:ident = $name:literal $lengths:expr, $taps:expr, $columns:expr, $lanes:expr) => {
        $(#[$doc])*
        pub const $tiles: [Tile;
            $lengths.len() * $taps.len() * $columns.len() * $lanes.len()] = {
            const NUMBER: usize = $lengths.len() * $taps.len() * $columns.len() * $lanes.len();
            static VALUES: [Values; NUMBER] =
                combinations($name, &$lengths, &$taps, &$columns, &$lanes);
            tiles(&VALUES)
        };
    };
}

table! {
    /// Tiles of a convolution: pixels by quads of output channels.
    CONV_TILES = "WIDTH" [1, 4, 5], [1, 3, 4, 5], COLUMNS, LANES
}
table! {
    /// Tiles of a convolution that is pooled at once: squares of four pixels.
    POOL_TILES = "WINDOWS" [1, 2], [1, 3, 4, 5], COLUMNS, LANES
}
table! {
    /// Tiles of the gradient by a convolution's input, for samples in lanes: whole lines whose
    /// output has at most so many pixels, by quads of input channels.
    LINE_TILES = "LENGTH" [4, 7, 10, 13], [3, 5], [2, 4], SHARED
}
table! {
    /// Tiles of the gradient by a convolution's weight: so many pixels at a time, by quads of output
    /// channels.
    TAPS_TILES = "PIXELS" [4, 5], [3, 4, 5], COLUMNS, SHARED
}

const fn combinations<const N: usize>(
    name: &'static str,
    lengths: &[u32],
    taps: &[u32],
    columns: &[u32],
    lanes: &[u32],
) -> [Values; N] {
    let mut all = [[("", 0); 4]; N];
    let mut index = 0;
    while index < N {
        let mut rest = index;
        let length = lengths[rest % lengths.len()];
        rest /= lengths.len();
        let tap = taps[rest % taps.len()];
        rest /= taps.len();
        let column = columns[rest % columns.len()];
        let lane = lanes[rest / columns.len()];
        all[index] = [
            (name, length),
            ("TAPS", tap),
            ("COLUMNS", column),
            ("LANES", lane),
        ];
        index += 1;
    }
    all
}

const fn tiles<const N: usize>(all: &'static [Values; N]) -> [Tile; N] {
    let mut tiles = [Tile {
        rows: 0,
        columns: 0,
        lanes: 0,
        workgroup: None,
        taps: None,
        variant: &[],
    }; N];
    let mut index = 0;
    while index < N {
        let values = &all[index];
        tiles[index] = Tile {
            rows: values[0].1 as usize,
            taps: Some(values[1].1 as usize),
            columns: values[2].1 as usize,
            lanes: values[3].1 as usize,
            workgroup: None,
            variant: values,
        };
        index += 1;
    }
    tiles
}

/// The tiles of [`CONV_TILES`] or [`POOL_TILES`] that can make `output` on `target`, the default
/// first; `None` where tiles do not slide.
pub fn forward(
    table: &[Tile],
    shape: &ConvShape,
    output: ImageShape,
    target: &Target,
) -> Option<Vec<Tile>> {
    if target.kind != AdapterKind::Software {
        return None;
    }
    let fits = |it: &&Tile| it.rows <= output.width;
    let tiles = of_target(table, shape, target).filter(fits);
    by_waste(tiles, output.width, channel_quads(output))
}

/// The tiles of [`LINE_TILES`] for the gradient by the convolution's input, the default first;
/// `None` where lines are too long to be held whole.
///
/// # Panics
/// If the window does not fit into the input.
pub fn backward_input(shape: &ConvShape, target: &Target) -> Option<Vec<Tile>> {
    let width = width(shape);
    let fits = |it: &&Tile| it.rows >= width && it.taps == Some(shape.kernel_width);
    let shortest = LINE_TILES.iter().filter(fits).map(|it| it.rows).min()?;
    let tiles = of_target(&LINE_TILES, shape, target).filter(fits);
    let tiles = tiles.filter(|it| it.rows == shortest);
    let found = by_waste(tiles, width, channel_quads(shape.input))?;
    Some(narrow_first(found, shape))
}

/// The tiles of [`TAPS_TILES`] for the gradient by the convolution's weight, the default first;
/// `None` where tiles do not slide. Their steps may reach past the end of a line.
///
/// # Panics
/// If the window does not fit into the input.
pub fn backward_weight(shape: &ConvShape, target: &Target) -> Option<Vec<Tile>> {
    let quads = padded(shape.out_channels) / QUAD;
    let tiles = of_target(&TAPS_TILES, shape, target);
    let found = by_waste(tiles, width(shape), quads)?;
    Some(narrow_first(found, shape))
}

/// Those of `table` that have the target's lanes and whose taps the window allows.
fn of_target<'a>(
    table: &'a [Tile],
    shape: &ConvShape,
    target: &Target,
) -> impl Iterator<Item = &'a Tile> {
    let (lanes, shape) = (target.lanes as usize, *shape);
    let taps_fit = move |it: &&Tile| {
        let divide = |taps| shape.kernel_width.is_multiple_of(taps) && shape.stride == 1;
        it.taps.is_some_and(|taps| taps == 1 || divide(taps))
    };
    let tiles = table.iter().filter(move |it| it.lanes == lanes);
    tiles.filter(taps_fit)
}

/// Where a layer has little to do, tiles of two quads of columns before wider ones: they compile in
/// half the time (0.3 s instead of 0.7 for lines of 13), which they would not make up for in an
/// epoch.
fn narrow_first(mut tiles: Vec<Tile>, shape: &ConvShape) -> Vec<Tile> {
    if shape.flops() < FEW_FLOPS {
        tiles.sort_by_key(|it| it.columns > 2);
    }
    tiles
}

/// Operations per sample of a layer that is not worth a large tile.
const FEW_FLOPS: usize = 2_000_000;

/// Those of `tiles` with the most taps and no more columns than `quads`, by what they waste on lines
/// of `width`: the best first. `None` where there are none.
fn by_waste<'a>(
    tiles: impl Iterator<Item = &'a Tile>,
    width: usize,
    quads: usize,
) -> Option<Vec<Tile>> {
    let mut tiles: Vec<Tile> = tiles.filter(|it| it.columns <= quads).copied().collect();
    let most_taps = tiles.iter().map(|it| it.taps).max()?;
    tiles.retain(|it| it.taps == most_taps);
    // What tiles cover, and about as much as two more along both sides for what they load.
    let cost = |it: &Tile| {
        let along = width.div_ceil(it.rows) * (it.rows + 2);
        along * quads.div_ceil(it.columns) * (it.columns + 2)
    };
    tiles.sort_by_key(|it| (cost(it), Reverse(it.rows * it.columns)));
    Some(tiles)
}

impl Tile {
    /// Panics where the tile is of this family and would read past the end of lines `width` long, or
    /// miss taps of `shape`'s window: shaders run unchecked.
    pub(in crate::kernels) fn assert_slides(
        &self,
        shape: &ConvShape,
        width: RangeInclusive<usize>,
    ) {
        let Some(taps) = self.taps else { return };
        let divides = shape.kernel_width.is_multiple_of(taps) && shape.stride == 1;
        assert!(taps == 1 || divides, "{self:?} does not suit {shape:?}");
        assert!(
            width.contains(&self.rows),
            "{self:?} does not suit {shape:?}"
        );
    }

    /// Threads that cover `output` with tiles along its lines, in whole groups of lanes.
    pub(super) fn line_grid(&self, output: ImageShape) -> Grid {
        let tiles = output.height * output.width.div_ceil(self.rows);
        let columns = channel_quads(output).div_ceil(self.columns);
        let size = self.workgroup_size();
        Grid::per_rows(tiles, self.lanes, self.lanes * columns, size)
    }

    /// Threads for the gradient by `input`: a tile per line, in whole groups of samples.
    pub(super) fn whole_lines_grid(&self, input: ImageShape) -> Grid {
        let columns = channel_quads(input).div_ceil(self.columns);
        let threads = self.lanes * input.height * columns;
        Grid::per_samples(self.lanes, threads, self.workgroup_size())
    }

    /// Threads for one split of the gradient by a weight: a tile each, in whole groups of lanes.
    pub fn taps_threads(&self, shape: &ConvShape) -> usize {
        let taps = shape.kernel_height * (shape.kernel_width / self.taps.unwrap_or(1));
        let tiles = taps * channel_quads(shape.input);
        let columns = (padded(shape.out_channels) / QUAD).div_ceil(self.columns);
        tiles.next_multiple_of(self.lanes) * columns
    }
}

/// Pixels in a line of the output.
fn width(shape: &ConvShape) -> usize {
    shape
        .output()
        .expect("the window fits into the input")
        .width
}

const fn channel_quads(image: ImageShape) -> usize {
    image.padded_channels() / QUAD
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANED: Target = Target::portable(AdapterKind::Software).with_lanes(8);

    fn conv(image: [usize; 3], out_channels: usize, kernel: usize) -> (ConvShape, ImageShape) {
        let [channels, height, width] = image;
        let shape = ConvShape {
            input: ImageShape::new(channels, height, width),
            out_channels,
            kernel_height: kernel,
            kernel_width: kernel,
            stride: 1,
        };
        (shape, shape.output().expect("the window fits"))
    }

    /// Rows, taps and columns of the default.
    fn sizes(tiles: Option<Vec<Tile>>) -> [usize; 3] {
        let tiles = tiles.expect("there are tiles");
        [tiles[0].rows, tiles[0].taps.unwrap_or(0), tiles[0].columns]
    }

    #[test]
    fn defaults_waste_little() {
        let conv_tile = |image, out_channels, kernel| {
            let (shape, output) = conv(image, out_channels, kernel);
            sizes(forward(&CONV_TILES, &shape, output, &LANED))
        };
        assert_eq!(conv_tile([32, 6, 6], 45, 3), [4, 3, 4]);
        assert_eq!(conv_tile([3, 32, 32], 41, 28), [5, 4, 4]);
        assert_eq!(conv_tile([3, 4, 4], 7, 3), [1, 3, 2]);
        assert_eq!(conv_tile([3, 9, 9], 1, 2), [4, 1, 1]);
        let (shape, _) = conv([16, 15, 15], 32, 3);
        assert_eq!(sizes(backward_input(&shape, &LANED)), [13, 3, 2]);
        assert_eq!(sizes(backward_weight(&shape, &LANED)), [5, 3, 2]);
        let (large, _) = conv([32, 15, 15], 64, 3);
        assert_eq!(sizes(backward_input(&large, &LANED)), [13, 3, 4]);
    }

    #[test]
    fn only_what_slides_gets_these_tiles() {
        let (shape, output) = conv([16, 15, 15], 32, 3);
        let gpu = Target::portable(AdapterKind::Gpu);
        let alone = Target::portable(AdapterKind::Software);
        assert!(forward(&CONV_TILES, &shape, output, &gpu).is_none());
        assert!(backward_input(&shape, &alone).is_none());
        assert!(backward_weight(&shape, &gpu).is_none());
        let (long, _) = conv([16, 15, 30], 32, 3);
        assert!(backward_input(&long, &LANED).is_none());
        let strided = ConvShape { stride: 2, ..shape };
        assert!(backward_weight(&strided, &LANED).is_none());
        let output = strided.output().expect("the window fits");
        let tiles = forward(&CONV_TILES, &strided, output, &LANED).expect("there are tiles");
        assert!(tiles.iter().all(|it| it.taps == Some(1)));
    }
}
