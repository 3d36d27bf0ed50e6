//! What the tests of the matrix kernels share: shapes of problems.

use gpu_train::shape::ConvShape;

pub use gpu_train::verify::numbers::{ACTIVATIONS, Numbers, PORTABLE, conv};

/// Convolutions with sizes that no tile divides: kernel 1, kernel = image, windows that are not
/// square, strides that leave pixels uncovered, and many numbers of columns.
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

/// (rows per sample, inputs, outputs) that no tile divides, with many numbers of columns.
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
