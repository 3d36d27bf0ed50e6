//! What the tests of the matrix kernels share: shapes of problems, and families of tiles.

use gpu_train::kernels::tile::Tile;
use gpu_train::shape::ConvShape;
use gpu_train::target::{AdapterKind, Target};

pub use gpu_train::verify::numbers::{ACTIVATIONS, Numbers, SOFTWARE, conv};

/// The families of kernels: software adapters whose threads share loads by eight, other software
/// adapters, GPUs.
pub const ALONE: Target = Target::portable(AdapterKind::Software);
pub const GPU: Target = Target::portable(AdapterKind::Gpu);
pub const FAMILIES: [Target; 3] = [SOFTWARE, ALONE, GPU];

/// The tiles of a table that pass through workgroup memory: which one a shape gets on a GPU depends
/// on more than its width, so tests run all of them.
pub fn workgroup_tiles(table: &[Tile]) -> impl Iterator<Item = &Tile> {
    table.iter().filter(|tile| tile.workgroup.is_some())
}

/// One width for each number of quads that a tile can have.
pub const WIDTHS: [usize; 8] = [3, 7, 11, 13, 18, 24, 27, 31];

/// Convolutions with sizes that no tile divides: kernel 1, kernel = image, windows that are not
/// square, strides that leave pixels uncovered, and every number of columns that a tile can have.
pub fn odd_convs() -> Vec<ConvShape> {
    vec![
        conv([1, 1, 1], 1, [1, 1], 1),
        conv([3, 7, 5], 7, [3, 3], 1),
        conv([5, 8, 9], 9, [2, 3], 2),
        conv([9, 7, 11], 13, [3, 1], 3),
        conv([4, 6, 6], 33, [6, 6], 1),
        conv([17, 5, 4], 45, [1, 2], 1),
        conv([45, 4, 4], 17, [3, 3], 1),
        conv([2, 9, 4], 21, [2, 2], 3),
        conv([13, 3, 33], 5, [3, 5], 2),
    ]
}

/// Convolutions whose outputs (of `height` lines, `length` pixels wide) need every tile that slides
/// along a line: of each width, number of taps and number of quads.
pub fn sliding_convs(height: usize, lengths: [usize; 3]) -> Vec<ConvShape> {
    let mut convs = Vec::new();
    for length in lengths {
        for taps in [1, 3, 4, 5] {
            for out_channels in [3, 7, 13] {
                let image = [3, height + 1, length + taps - 1];
                convs.push(conv(image, out_channels, [2, taps], 1));
            }
        }
    }
    convs
}

/// (rows per sample, inputs, outputs) that no tile divides, with every number of columns.
pub const ODD_LINEARS: [(usize, usize, usize); 10] = [
    (1, 1, 1),
    (1, 7, 33),
    (1, 33, 7),
    (3, 5, 9),
    (1, 255, 17),
    (1, 257, 1),
    (7, 9, 45),
    (33, 21, 13),
    (1, 45, 257),
    (2, 128, 128),
];

/// `values` in f64.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// The sum of `values` times `weights`: a loss whose gradient by `values` is `weights`.
pub fn weighted_sum(values: &[f64], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(x, w)| x * w).sum()
}
