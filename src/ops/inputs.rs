//! Inputs that launches of several kernels share.

use crate::kernel::case::Argument;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::ops::conv2d::conv2d_max_pool2d_forward::WINDOW;
use crate::shape::{ConvShape, ImageShape, PoolShape};

/// (batch, pixels, padded channels): `samples` images of `shape` in a buffer for `capacity`; what
/// lies between is NaN.
pub(in crate::ops) fn images_in_batch(
    numbers: Numbers,
    random: &mut Random,
    (samples, capacity): (usize, usize),
    shape: ImageShape,
) -> Argument {
    let rows = numbers.rows(random, samples * shape.pixels(), shape.channels);
    Argument::Floats(with_stale_rows(rows, capacity * shape.padded_elements()))
}

/// (taps, in, out), padded: a convolution's weight.
pub(in crate::ops) fn conv_weight(
    numbers: Numbers,
    random: &mut Random,
    shape: &ConvShape,
) -> Argument {
    let taps = shape.kernel_height * shape.kernel_width;
    let (inputs, outputs) = (shape.input.channels, shape.out_channels);
    Argument::Floats(numbers.weight(random, taps, inputs, outputs))
}

/// (out), padded: a layer's bias.
pub(in crate::ops) fn bias(numbers: Numbers, random: &mut Random, outputs: usize) -> Argument {
    Argument::Floats(numbers.rows(random, 1, outputs))
}

/// Gradients of the output of a max-pooling behind a convolution of `shape`, and pixels that it picked
/// in every window: (batch, windows, padded channels) each. What lies behind `samples` is NaN, and no
/// pixel.
pub(in crate::ops) fn picks(
    numbers: Numbers,
    random: &mut Random,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
) -> [Argument; 2] {
    let between = shape.output().expect("the window fits");
    let pool = PoolShape {
        input: between,
        window: WINDOW,
    };
    let pooled = pool.output().expect("the pooling fits");
    let grads = images_in_batch(numbers, random, (samples, capacity), pooled);
    let channels = pooled.padded_channels();
    let pick = |at: usize| {
        let window = at / channels % pooled.pixels();
        let (y, x) = (window / pooled.width, window % pooled.width);
        let within = random.bits() as usize % (WINDOW * WINDOW);
        let (y, x) = (y * WINDOW + within / WINDOW, x * WINDOW + within % WINDOW);
        (y * between.width + x) as u32
    };
    let mut argmax: Vec<u32> = (0..samples * pooled.padded_elements()).map(pick).collect();
    argmax.resize(capacity * pooled.padded_elements(), u32::MAX);
    [grads, Argument::Words(argmax)]
}
