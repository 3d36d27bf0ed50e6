//! Inputs of launches: reproducible numbers that obey the contract on padding, and shapes that no
//! tile divides.

use crate::activation::Activation;
use crate::kernel::case::Argument;
use crate::kernel::target::{AdapterKind, Target};
use crate::shape::{ConvShape, ImageShape, padded};

/// Every activation.
pub const ACTIVATIONS: [Activation; 4] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
];

/// What kernels are chosen for where a test does not measure: every kind of adapter gets the same.
pub const PORTABLE: Target = Target::portable(AdapterKind::Gpu);

/// Reproducible numbers.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 32 random bits (`SplitMix64`).
    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// `len` floats from -1 to 1.
    pub fn floats(&mut self, len: usize) -> Vec<f32> {
        let unit = |bits: u32| f64::from(bits) / f64::from(u32::MAX);
        (0..len)
            .map(|_| (2.0 * unit(self.bits()) - 1.0) as f32)
            .collect()
    }

    /// `len` whole numbers from -4 to 4: their sums are exact in f32.
    pub fn integers(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.bits() % 9) as f32 - 4.0).collect()
    }
}

/// Where numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// From -4 to 4: sums are exact.
    Integers,
    /// From -1 to 1.
    Floats,
}

impl Numbers {
    /// `rows` rows of `width` numbers, padded with zeros.
    pub fn rows(self, random: &mut Random, rows: usize, width: usize) -> Vec<f32> {
        let len = rows * padded(width);
        let numbers = match self {
            Self::Integers => random.integers(len),
            Self::Floats => random.floats(len),
        };
        zero_padding(numbers, width, padded(width))
    }

    /// A weight: for each of `taps` taps, `inputs` rows of `outputs` numbers, both padded.
    pub fn weight(
        self,
        random: &mut Random,
        taps: usize,
        inputs: usize,
        outputs: usize,
    ) -> Vec<f32> {
        let mut weight = Vec::new();
        for _ in 0..taps {
            weight.extend(self.rows(random, inputs, outputs));
            let padding = (padded(inputs) - inputs) * padded(outputs);
            weight.resize(weight.len() + padding, 0.0);
        }
        weight
    }
}

/// `values` with NaN appended up to `len`: what lies past the batch must not be read.
pub fn with_stale_rows(mut values: Vec<f32>, len: usize) -> Vec<f32> {
    values.resize(len, f32::NAN);
    values
}

/// Zeroes what pads `channels` to `stride` in rows of `stride` floats: the contract on inputs.
pub fn zero_padding(mut floats: Vec<f32>, channels: usize, stride: usize) -> Vec<f32> {
    for row in floats.chunks_mut(stride) {
        row[channels..].fill(0.0);
    }
    floats
}

/// A convolution of that input shape, channels first.
pub fn conv(
    [channels, height, width]: [usize; 3],
    out_channels: usize,
    [kernel_height, kernel_width]: [usize; 2],
    stride: usize,
) -> ConvShape {
    ConvShape {
        input: ImageShape::new(channels, height, width),
        out_channels,
        kernel_height,
        kernel_width,
        stride,
        padding: 0,
    }
}

/// (batch, pixels, padded channels): `samples` images of `shape` in a buffer for `capacity`; what
/// lies between is NaN.
pub(crate) fn images_in_batch(
    numbers: Numbers,
    random: &mut Random,
    (samples, capacity): (usize, usize),
    shape: ImageShape,
) -> Argument {
    let rows = numbers.rows(random, samples * shape.pixels(), shape.channels);
    Argument::Floats(with_stale_rows(rows, capacity * shape.padded_elements()))
}

/// (taps, in, out), padded: a convolution's weight.
pub(crate) fn conv_weight(numbers: Numbers, random: &mut Random, shape: &ConvShape) -> Argument {
    let taps = shape.kernel_height * shape.kernel_width;
    let (inputs, outputs) = (shape.input.channels, shape.out_channels);
    Argument::Floats(numbers.weight(random, taps, inputs, outputs))
}

/// (out), padded: a layer's bias.
pub(crate) fn bias(numbers: Numbers, random: &mut Random, outputs: usize) -> Argument {
    Argument::Floats(numbers.rows(random, 1, outputs))
}
