//! Tiles of convolutions that slide along a line of pixels, for adapters where loads are dear:
//! neighbouring pixels share what they load. `shaders/sliding/` holds their texts.

use super::choice::Tiled;
use super::{Grid, Variant, tile};
use crate::shape::{ConvShape, ImageShape, QUAD};
use crate::target::{AdapterKind, Target};

/// What one thread computes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingTile {
    /// Neighbouring pixels of a line of the output, in the unit of the table.
    pub length: usize,
    /// Neighbouring taps of a row of the window; they divide it.
    pub taps: usize,
    /// Quads of channels.
    pub columns: usize,
    /// Threads that share what they load of the weights, or of the gradients.
    pub lanes: usize,
    /// All four, by the names that the shader knows them by.
    pub variant: Variant,
}

type Values = [(&'static str, u32); 4];

/// The tables hold every combination of these. Measured on lavapipe (Mesa 22.3.6): 3 squares by 4
/// quads at 3 taps reach 61 GFLOP/s of 62 in registers, and compile in 0.45 s.
const COLUMNS: [u32; 3] = [1, 2, 4];
const LANES: [u32; 2] = [8, 1];
const SHARED: [u32; 1] = [8];

macro_rules! table {
    ($(#[$doc:meta])* $tiles:ident = $name:literal $lengths:expr, $taps:expr, $columns:expr, $lanes:expr) => {
        $(#[$doc])*
        pub const $tiles: [SlidingTile;
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
    POOL_TILES = "WINDOWS" [1, 2, 3], [1, 3, 4, 5], COLUMNS, LANES
}
table! {
    /// Tiles of the gradient by a convolution's input, for samples in lanes: whole lines whose
    /// output has at most so many pixels, by quads of input channels.
    LINE_TILES = "LENGTH" [4, 7, 10, 13], [3, 5], [2, 4], SHARED
}
table! {
    /// Tiles of the gradient by a convolution's weight: so many pixels at a time, by quads of output
    /// channels.
    WEIGHT_TILES = "PIXELS" [4, 5], [3, 4, 5], COLUMNS, SHARED
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

const fn tiles<const N: usize>(all: &'static [Values; N]) -> [SlidingTile; N] {
    let mut tiles = [SlidingTile {
        length: 0,
        taps: 0,
        columns: 0,
        lanes: 0,
        variant: &[],
    }; N];
    let mut index = 0;
    while index < N {
        let values = &all[index];
        tiles[index] = SlidingTile {
            length: values[0].1 as usize,
            taps: values[1].1 as usize,
            columns: values[2].1 as usize,
            lanes: values[3].1 as usize,
            variant: values,
        };
        index += 1;
    }
    tiles
}

/// The expansions of both tables, `ALL` in number.
pub(super) const fn variants<const N: usize, const M: usize, const ALL: usize>(
    others: &[Variant; N],
    sliding: &[SlidingTile; M],
) -> [Variant; ALL] {
    assert!(ALL == N + M, "as many as both tables hold");
    let mut all: [Variant; ALL] = [&[]; ALL];
    let mut index = 0;
    while index < ALL {
        all[index] = if index < N {
            others[index]
        } else {
            sliding[index - N].variant
        };
        index += 1;
    }
    all
}

impl Tiled for SlidingTile {
    fn variant(&self) -> Variant {
        self.variant
    }
}

/// The tiles of [`CONV_TILES`] or [`POOL_TILES`] that can make `output` on `target`, the default
/// first; none where tiles do not slide.
pub fn forward(
    table: &[SlidingTile],
    shape: &ConvShape,
    output: ImageShape,
    target: &Target,
) -> Vec<SlidingTile> {
    if target.kind != AdapterKind::Software {
        return Vec::new();
    }
    let serve = |it: &&SlidingTile| it.length <= output.width;
    in_order(
        table,
        shape,
        channel_quads(output),
        output.width,
        target,
        serve,
    )
}

/// The tiles of [`LINE_TILES`] for the gradient by the input of a convolution to `output`, the
/// default first; none where lines are too long to be held whole.
pub fn backward_input(shape: &ConvShape, output: ImageShape, target: &Target) -> Vec<SlidingTile> {
    let fits = |it: &&SlidingTile| it.length >= output.width && it.taps == shape.kernel_width;
    let shortest = LINE_TILES.iter().filter(fits).map(|it| it.length).min();
    let serve = |it: &&SlidingTile| fits(it) && Some(it.length) == shortest;
    let quads = channel_quads(shape.input);
    in_order(&LINE_TILES, shape, quads, output.width, target, serve)
}

/// The tiles of [`WEIGHT_TILES`] for the gradient by the weight of a convolution to `output`, the
/// default first; none where tiles do not slide.
pub fn backward_weight(shape: &ConvShape, output: ImageShape, target: &Target) -> Vec<SlidingTile> {
    // Steps may reach past the end of a line.
    let serve = |_: &&SlidingTile| true;
    in_order(
        &WEIGHT_TILES,
        shape,
        channel_quads(output),
        output.width,
        target,
        serve,
    )
}

/// Those of `table` that `serve` and have the target's lanes, no more `quads` of columns than there
/// are, and the most taps that the window allows; by what they waste.
fn in_order(
    table: &[SlidingTile],
    shape: &ConvShape,
    quads: usize,
    width: usize,
    target: &Target,
    serve: impl Fn(&&SlidingTile) -> bool,
) -> Vec<SlidingTile> {
    let taps_fit = |it: &&SlidingTile| {
        let divide = shape.kernel_width.is_multiple_of(it.taps);
        it.taps == 1 || (divide && shape.stride == 1)
    };
    let lanes_fit = |it: &&SlidingTile| it.lanes == target.lanes as usize && it.columns <= quads;
    let all = table.iter();
    let fit: Vec<_> = all
        .filter(|it| taps_fit(it) && lanes_fit(it) && serve(it))
        .collect();
    let most_taps = fit.iter().map(|it| it.taps).max();
    let mut best: Vec<SlidingTile> = fit.into_iter().copied().collect();
    best.retain(|it| Some(it.taps) == most_taps);
    // What tiles cover, and about as much as two more along both sides for what they load.
    let cost = |it: &SlidingTile| {
        let along = width.div_ceil(it.length) * (it.length + 2);
        along * quads.div_ceil(it.columns) * (it.columns + 2)
    };
    best.sort_by_key(|it| (cost(it), usize::MAX - it.length * it.columns));
    best
}

impl SlidingTile {
    /// Threads for `output`: a tile each, in whole groups of lanes.
    pub fn forward_grid(&self, output: ImageShape, target: &Target) -> Grid {
        let tiles = output.height * output.width.div_ceil(self.length);
        let columns = channel_quads(output).div_ceil(self.columns);
        let size = tile::workgroup_size(target);
        Grid::per_rows(tiles, self.lanes, self.lanes * columns, size)
    }

    /// Threads for the gradient by `input`: a tile per line, in whole groups of samples.
    pub fn line_grid(&self, input: ImageShape, target: &Target) -> Grid {
        let columns = channel_quads(input).div_ceil(self.columns);
        let threads = self.lanes * input.height * columns;
        Grid::per_samples(self.lanes, threads, tile::workgroup_size(target))
    }

    /// Threads for one split of the gradient by a weight: a tile each, in whole groups of lanes.
    pub fn weight_threads(&self, shape: &ConvShape, output: ImageShape) -> usize {
        let taps = shape.kernel_height * (shape.kernel_width / self.taps);
        let tiles = taps * channel_quads(shape.input);
        let columns = channel_quads(output).div_ceil(self.columns);
        tiles.next_multiple_of(self.lanes) * columns
    }
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

    fn sizes(tiles: &[SlidingTile]) -> [usize; 3] {
        [tiles[0].length, tiles[0].taps, tiles[0].columns]
    }

    #[test]
    fn defaults_waste_little() {
        let forward = |image, out_channels, kernel| {
            let (shape, output) = conv(image, out_channels, kernel);
            sizes(&forward(&CONV_TILES, &shape, output, &LANED))
        };
        assert_eq!(forward([32, 6, 6], 45, 3), [4, 3, 4]);
        assert_eq!(forward([3, 32, 32], 41, 28), [5, 4, 4]);
        assert_eq!(forward([3, 4, 4], 7, 3), [1, 3, 2]);
        assert_eq!(forward([3, 9, 9], 1, 2), [4, 1, 1]);
        let (shape, output) = conv([16, 15, 15], 32, 3);
        assert_eq!(sizes(&backward_input(&shape, output, &LANED)), [13, 3, 4]);
        assert_eq!(sizes(&backward_weight(&shape, output, &LANED)), [5, 3, 4]);
    }

    #[test]
    fn only_what_slides_gets_these_tiles() {
        let (shape, output) = conv([16, 15, 15], 32, 3);
        let gpu = Target::portable(AdapterKind::Gpu);
        let alone = Target::portable(AdapterKind::Software);
        assert!(forward(&CONV_TILES, &shape, output, &gpu).is_empty());
        assert!(backward_input(&shape, output, &alone).is_empty());
        assert!(backward_weight(&shape, output, &gpu).is_empty());
        let (long, output) = conv([16, 15, 30], 32, 3);
        assert!(backward_input(&long, output, &LANED).is_empty());
        let strided = ConvShape { stride: 2, ..shape };
        let output = strided.output().expect("the window fits");
        assert!(backward_weight(&strided, output, &LANED).is_empty());
        let tiles = forward(&CONV_TILES, &strided, output, &LANED);
        assert!(tiles.iter().all(|it| it.taps == 1));
    }
}
