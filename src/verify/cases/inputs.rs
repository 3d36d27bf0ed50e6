//! Inputs that launches of several kernels share.

use crate::shape::{ConvShape, ImageShape};
use crate::verify::Argument;
use crate::verify::numbers::{Numbers, Random, with_stale_rows};

/// (batch, pixels, padded channels): `samples` images of `shape` in a buffer for `capacity`; what
/// lies between is NaN.
pub(super) fn images_in_batch(
    numbers: Numbers,
    random: &mut Random,
    (samples, capacity): (usize, usize),
    shape: ImageShape,
) -> Argument {
    let rows = numbers.rows(random, samples * shape.pixels(), shape.channels);
    Argument::Floats(with_stale_rows(rows, capacity * shape.padded_elements()))
}

/// (taps, in, out), padded: a convolution's weight.
pub(super) fn conv_weight(numbers: Numbers, random: &mut Random, shape: &ConvShape) -> Argument {
    let taps = shape.kernel_height * shape.kernel_width;
    let (inputs, outputs) = (shape.input.channels, shape.out_channels);
    Argument::Floats(numbers.weight(random, taps, inputs, outputs))
}

/// (out), padded: a layer's bias.
pub(super) fn bias(numbers: Numbers, random: &mut Random, outputs: usize) -> Argument {
    Argument::Floats(numbers.rows(random, 1, outputs))
}
