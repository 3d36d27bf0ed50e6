//! Tiles of convolutions that slide along a line of pixels, for adapters where loads are dear:
//! neighbouring pixels share what they load. `shaders/sliding/` holds their texts.

use super::{Grid, Variant, tile};
use crate::shape::{ConvShape, ImageShape, QUAD};
use crate::target::{AdapterKind, Target};

/// Pixels (or squares to pool) of a line, taps of the window's row and quads of channels that one
/// thread computes at a time, and the lanes that share what they load of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingTile {
    /// Neighbouring pixels, or squares of four.
    pub width: usize,
    /// Taps of a row of the window that are summed together; they divide it.
    pub taps: usize,
    /// Quads of channels.
    pub columns: usize,
    /// Threads that share their loads of weights.
    pub lanes: usize,
}

/// The choice of each; every combination is a variant. Measured on lavapipe (Mesa 22.3.6): 6x2
/// pixels by 4 quads at 3 taps reach 61 GFLOP/s of 62 in registers and compile in 0.45 s.
const WIDTHS: [u32; 3] = [1, 4, 5];
const SQUARES: [u32; 3] = [1, 2, 3];
const TAPS: [u32; 4] = [1, 3, 4, 5];
const COLUMNS: [u32; 3] = [1, 2, 4];
const LANES: [u32; 2] = [1, 8];

/// Pixels of a line of the output that a whole line of its input's gradient is made from; each
/// serves the lengths down to the one before it.
const LENGTHS: [u32; 4] = [4, 7, 10, 13];
const LINE_TAPS: [u32; 2] = [3, 5];
const LINE_COLUMNS: [u32; 2] = [2, 4];

/// Neighbouring pixels that a gradient by a weight takes at a time, the taps of the window's row
/// that share their input, and the quads of output channels.
const PIXELS: [u32; 2] = [4, 5];
const WEIGHT_TAPS: [u32; 3] = [3, 4, 5];

type Values = [(&'static str, u32); 4];

/// Tiles of the gradient by a convolution's input.
pub(super) const LINE_VARIANTS: [Variant; 16] = slices(&LINE_VALUES);
/// Tiles of the gradient by a convolution's weight.
pub(super) const TAPS_VARIANTS: [Variant; 18] = slices(&TAPS_VALUES);
/// Tiles of a convolution.
pub(super) const CONV_VARIANTS: [Variant; 72] = slices(&CONV_VALUES);
/// Tiles of a convolution that is pooled at once.
pub(super) const POOL_VARIANTS: [Variant; 72] = slices(&POOL_VALUES);

static CONV_VALUES: [Values; 72] = combinations("WIDTH", WIDTHS);
static POOL_VALUES: [Values; 72] = combinations("WINDOWS", SQUARES);

static LINE_VALUES: [Values; 16] = {
    let mut all = [[("", 0); 4]; 16];
    let mut index = 0;
    while index < all.len() {
        all[index] = [
            ("LENGTH", LENGTHS[index % 4]),
            ("TAPS", LINE_TAPS[index / 4 % 2]),
            ("COLUMNS", LINE_COLUMNS[index / 8]),
            ("LANES", 8),
        ];
        index += 1;
    }
    all
};

static TAPS_VALUES: [Values; 18] = {
    let mut all = [[("", 0); 4]; 18];
    let mut index = 0;
    while index < all.len() {
        all[index] = [
            ("PIXELS", PIXELS[index % 2]),
            ("TAPS", WEIGHT_TAPS[index / 2 % 3]),
            ("COLUMNS", COLUMNS[index / 6]),
            ("LANES", 8),
        ];
        index += 1;
    }
    all
};

const fn combinations(width: &'static str, widths: [u32; 3]) -> [Values; 72] {
    let mut all = [[("", 0); 4]; 72];
    let mut index = 0;
    while index < all.len() {
        all[index] = [
            (width, widths[index % 3]),
            ("TAPS", TAPS[index / 3 % 4]),
            ("COLUMNS", COLUMNS[index / 12 % 3]),
            ("LANES", LANES[index / 36]),
        ];
        index += 1;
    }
    all
}

const fn slices<const N: usize>(values: &'static [Values; N]) -> [Variant; N] {
    let mut variants: [Variant; N] = [&[]; N];
    let mut index = 0;
    while index < variants.len() {
        variants[index] = &values[index];
        index += 1;
    }
    variants
}

/// Both tables in one; `ALL` is their length together.
pub(super) const fn with<const N: usize, const M: usize, const ALL: usize>(
    others: &[Variant; N],
    sliding: &[Variant; M],
) -> [Variant; ALL] {
    assert!(ALL == N + M, "the table holds both");
    let mut all: [Variant; ALL] = [&[]; ALL];
    let mut index = 0;
    while index < all.len() {
        all[index] = if index < N {
            others[index]
        } else {
            sliding[index - N]
        };
        index += 1;
    }
    all
}

impl SlidingTile {
    /// The tile of a convolution on `target`, if it is for tiles that slide.
    pub fn conv(shape: &ConvShape, output: ImageShape, target: &Target) -> Option<Self> {
        Self::choose(shape, output, &WIDTHS, target)
    }

    /// The tile of a convolution that is pooled to `output`.
    pub fn pool(shape: &ConvShape, output: ImageShape, target: &Target) -> Option<Self> {
        Self::choose(shape, output, &SQUARES, target)
    }

    fn choose(
        shape: &ConvShape,
        output: ImageShape,
        widths: &[u32],
        target: &Target,
    ) -> Option<Self> {
        if target.kind != AdapterKind::Software {
            return None;
        }
        let quads = output.padded_channels() / QUAD;
        let fits = |taps: &&u32| shape.kernel_width.is_multiple_of(**taps as usize);
        let taps = if shape.stride == 1 {
            TAPS.iter().rev().find(fits)
        } else {
            None
        };
        Some(Self {
            width: least_waste(output.width, widths),
            taps: *taps.unwrap_or(&1) as usize,
            columns: least_waste(quads, &COLUMNS),
            lanes: target.lanes as usize,
        })
    }

    /// The expansion with the tile's values.
    pub fn variant(&self, variants: &[Variant]) -> Variant {
        find(variants, [self.width, self.taps, self.columns, self.lanes])
    }

    /// Threads for `output`: a tile each, in whole groups of lanes.
    pub fn grid(&self, output: ImageShape, target: &Target) -> Grid {
        let tiles = output.height * output.width.div_ceil(self.width);
        let columns = (output.padded_channels() / QUAD).div_ceil(self.columns);
        let size = tile::workgroup_size(target);
        Grid::per_rows(tiles, self.lanes, self.lanes * columns, size)
    }
}

/// A whole line of the gradient by a convolution's input, for samples in lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTile {
    /// Most pixels of a line of the output.
    pub length: usize,
    /// Taps of a row of the window: all of them.
    pub taps: usize,
    /// Quads of input channels.
    pub columns: usize,
}

impl LineTile {
    /// The tile for a convolution to `output`, if there is one: lines are short enough to be held
    /// whole, and lanes share what they load.
    pub fn choose(shape: &ConvShape, output: ImageShape, target: &Target) -> Option<Self> {
        let quads = shape.input.padded_channels() / QUAD;
        let length = LENGTHS.iter().find(|&&it| it as usize >= output.width)?;
        let taps = LINE_TAPS
            .iter()
            .find(|&&it| it as usize == shape.kernel_width)?;
        let serves = target.lanes == 8 && shape.stride == 1 && quads > 1;
        serves.then(|| Self {
            length: *length as usize,
            taps: *taps as usize,
            columns: least_waste(quads, &LINE_COLUMNS),
        })
    }

    /// The expansion with the tile's values.
    pub fn variant(&self) -> Variant {
        find(&LINE_VARIANTS, [self.length, self.taps, self.columns, 8])
    }

    /// Threads for `input`: a tile per line, in whole groups of eight samples.
    pub fn grid(&self, input: ImageShape, target: &Target) -> Grid {
        let columns = (input.padded_channels() / QUAD).div_ceil(self.columns);
        let threads = 8 * input.height * columns;
        Grid::per_samples(8, threads, tile::workgroup_size(target))
    }
}

/// Neighbouring taps of the gradient by a convolution's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapsTile {
    /// Pixels that are taken at a time.
    pub pixels: usize,
    /// Taps; they divide a row of the window.
    pub taps: usize,
    /// Quads of output channels.
    pub columns: usize,
}

impl TapsTile {
    /// The tile for a convolution to `output`, if there is one.
    pub fn choose(shape: &ConvShape, output: ImageShape, target: &Target) -> Option<Self> {
        let quads = output.padded_channels() / QUAD;
        let fits = |taps: &&u32| shape.kernel_width.is_multiple_of(**taps as usize);
        let taps = WEIGHT_TAPS.iter().rev().find(fits)?;
        (target.lanes == 8 && shape.stride == 1).then(|| Self {
            // Steps reach past the end of a line, so that one size serves even the shortest.
            pixels: least_waste(output.width.max(4), &PIXELS),
            taps: *taps as usize,
            columns: least_waste(quads, &COLUMNS),
        })
    }

    /// The expansion with the tile's values.
    pub fn variant(&self) -> Variant {
        find(&TAPS_VARIANTS, [self.pixels, self.taps, self.columns, 8])
    }

    /// Threads for one split: a tile each, in whole groups of lanes.
    pub fn threads(&self, shape: &ConvShape, output: ImageShape) -> usize {
        let taps = shape.kernel_height * (shape.kernel_width / self.taps);
        let tiles = taps * (shape.input.padded_channels() / QUAD);
        let columns = (output.padded_channels() / QUAD).div_ceil(self.columns);
        tiles.next_multiple_of(8) * columns
    }
}

/// The variant with those values.
fn find(variants: &[Variant], values: [usize; 4]) -> Variant {
    let is_it = |variant: &&Variant| {
        let of = variant.iter().map(|&(_, value)| value as usize);
        of.eq(values)
    };
    variants
        .iter()
        .find(is_it)
        .expect("the table holds every combination")
}

/// The size of at most `length` whose tiles cover it at the least cost: what they cover, and as
/// much as two more for what each of them does besides.
fn least_waste(length: usize, sizes: &[u32]) -> usize {
    let sizes = sizes.iter().map(|&size| size as usize);
    sizes
        .filter(|&size| size <= length)
        .rev()
        .min_by_key(|size| length.div_ceil(*size) * (size + 2))
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_waste_little() {
        let widths = [1, 2, 3, 4, 5, 6, 8, 13, 30].map(|length| least_waste(length, &WIDTHS));
        assert_eq!(widths, [1, 1, 1, 4, 5, 4, 4, 5, 5]);
        let squares = [1, 2, 3, 4, 6, 15].map(|length| least_waste(length, &SQUARES));
        assert_eq!(squares, [1, 2, 3, 2, 3, 3]);
        let quads = [1, 2, 3, 4, 5, 8, 11, 12].map(|length| least_waste(length, &COLUMNS));
        assert_eq!(quads, [1, 2, 2, 4, 4, 4, 4, 4]);
    }
}
