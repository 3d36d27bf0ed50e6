//! Inputs that launches of several kernels share.

use crate::kernels::Step;
use crate::kernels::gather::{self, ResidentLayout};
use crate::shape::{ConvShape, ImageShape};
use crate::verify::numbers::{Numbers, Random, with_stale_rows};
use crate::verify::{Argument, batch};

/// Images in the data set of kernels that gather their input themselves.
const IMAGES: usize = 7;
/// Where their batch begins in the epoch's order.
const BATCH_START: usize = 3;
/// Odd numbers of inputs and outputs of linear layers that gather.
pub(super) const GATHER_LINEAR_SIZES: [[usize; 2]; 5] =
    [[1, 1], [7, 9], [33, 17], [75, 33], [257, 5]];

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

/// Seven images of `inputs` bytes, `images_per_part` to a part.
pub fn seven_images(inputs: usize, images_per_part: usize) -> ResidentLayout {
    ResidentLayout {
        count: IMAGES,
        image_words: gather::image_words(inputs),
        images_per_part,
    }
}

/// Those images, and an order of the epoch with `count` of them from where [`gathered`] begins.
pub(super) fn images_in_order(
    random: &mut Random,
    layout: &ResidentLayout,
    inputs: usize,
    count: usize,
) -> Vec<Argument> {
    let mut arguments = super::gather::images(random, layout, inputs);
    let order = (0..BATCH_START + count).map(|_| random.bits() % IMAGES as u32);
    arguments.push(Argument::Words(order.collect()));
    arguments
}

/// A step of `samples` of that order.
pub(super) fn gathered(samples: usize) -> Step {
    Step {
        batch_start: BATCH_START as u32,
        ..batch(samples)
    }
}
