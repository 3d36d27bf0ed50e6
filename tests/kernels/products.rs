//! What the tests of the matrix kernels share: shapes of problems.

use gpu_train::activation::Activation;
use gpu_train::ops::conv2d::conv2d_max_pool2d_forward;
use gpu_train::shape::ConvShape;

pub use gpu_train::kernel::numbers::{ACTIVATIONS, Numbers, PORTABLE, conv};

use crate::harness::{Random, batch};

/// Convolutions with sizes that no tile divides: kernel 1, kernel = image, windows that are not
/// square, strides that leave pixels uncovered, many numbers of columns, and zeros around images: fewer than
/// the window is wide, as many, and more.
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
        conv([3, 7, 5], 7, [3, 3], 1).padded_by(1),
        conv([5, 8, 9], 9, [3, 3], 2).padded_by(1),
        conv([6, 5, 7], 11, [5, 3], 1).padded_by(2),
        conv([9, 4, 5], 13, [1, 1], 2).padded_by(1),
        conv([2, 2, 3], 5, [2, 3], 1).padded_by(4),
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

/// Two samples of a convolution with a max-pooling behind it, for finite differences.
pub struct Pooled {
    shape: ConvShape,
    pub input: Vec<f64>,
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
    /// The gradient of the maxima.
    pub grads: Vec<f64>,
}

impl Pooled {
    /// Few numbers, of several shapes; strides included.
    pub fn all() -> [Self; 5] {
        [
            conv([3, 5, 4], 5, [2, 3], 1),
            conv([2, 6, 8], 3, [2, 1], 1),
            conv([1, 8, 8], 2, [3, 3], 2),
            conv([2, 5, 4], 3, [3, 3], 1).padded_by(1),
            conv([1, 5, 6], 2, [3, 2], 2).padded_by(2),
        ]
        .map(Self::new)
    }

    fn new(shape: ConvShape) -> Self {
        let between = shape.output().expect("the window fits");
        let taps = shape.kernel_height * shape.kernel_width;
        let windows = (between.height / 2) * (between.width / 2);
        let (inputs, outputs) = (shape.input.channels, between.channels);
        let mut random = Random::new(10);
        let mut rows = |rows, width| wide(&Numbers::Floats.rows(&mut random, rows, width));
        Self {
            input: rows(2 * shape.input.pixels(), inputs),
            bias: rows(1, outputs),
            grads: rows(2 * windows, outputs),
            weight: wide(&Numbers::Floats.weight(&mut random, taps, inputs, outputs)),
            shape,
        }
    }

    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// The maxima, times their gradients; and what was picked.
    pub fn forward(&self, input: &[f64], weight: &[f64], bias: &[f64]) -> (f64, Vec<u32>) {
        let call = conv2d_max_pool2d_forward::call(&self.shape, Activation::Linear, &PORTABLE);
        let (mut maxima, mut argmax) = (vec![0.0; self.grads.len()], vec![0; self.grads.len()]);
        conv2d_max_pool2d_forward::twin(
            call.params(),
            &batch(2),
            input,
            weight,
            bias,
            &mut maxima,
            &mut argmax,
        );
        (weighted_sum(&maxima, &self.grads), argmax)
    }
}
