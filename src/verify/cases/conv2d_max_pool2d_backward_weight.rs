//! Launches of `conv2d_max_pool2d_backward_weight`.

use super::Case;
use super::inputs::images_in_batch;
use crate::activation::Activation;
use crate::kernel_limits::bias_at;
use crate::kernels::conv2d_max_pool2d_backward_weight as backward;
use crate::kernels::conv2d_max_pool2d_forward::WINDOW;
use crate::shape::{ConvShape, ImageShape, PoolShape};
use crate::verify::numbers::{Numbers, Random, conv};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// Every window that there is an expansion for, over outputs that are odd, even and barely large
/// enough to pool, along both axes.
pub fn convs() -> [ConvShape; 11] {
    [
        conv([1, 3, 3], 1, [2, 2], 1),
        conv([3, 7, 9], 5, [3, 3], 1),
        conv([3, 8, 6], 16, [3, 3], 1),
        conv([5, 9, 8], 9, [2, 2], 1),
        conv([3, 4, 5], 5, [1, 1], 1),
        conv([17, 7, 6], 21, [1, 1], 1),
        conv([9, 4, 10], 7, [3, 3], 1),
        conv([33, 6, 5], 33, [4, 4], 1),
        conv([7, 5, 11], 3, [4, 4], 1),
        conv([4, 11, 13], 20, [5, 5], 1),
        conv([6, 7, 6], 13, [5, 5], 1),
    ]
}

/// The pooled output of `shape`.
///
/// # Panics
/// If a window does not fit.
pub fn pooled(shape: &ConvShape) -> ImageShape {
    let pool = PoolShape {
        input: shape.output().expect("the window fits"),
        window: WINDOW,
    };
    pool.output().expect("the pooling fits")
}

/// Floats of one split's weight, zeros and bias.
fn split_len(shape: &ConvShape) -> usize {
    bias_at(shape.weight_len()) + pooled(shape).padded_channels()
}

/// A pixel of its own square for every pooled pixel and channel of `samples`.
fn picks(random: &mut Random, samples: usize, shape: &ConvShape) -> Vec<u32> {
    let width = shape.output().expect("the window fits").width;
    let output = pooled(shape);
    let mut argmax = Vec::new();
    for _ in 0..samples {
        for y in 0..output.height {
            for x in 0..output.width {
                for _ in 0..output.padded_channels() {
                    let pick = random.bits() >> 7;
                    let (down, right) = (pick as usize & 1, pick as usize >> 1 & 1);
                    argmax.push(((2 * y + down) * width + 2 * x + right) as u32);
                }
            }
        }
    }
    argmax
}

/// A batch of `samples` for a call made for `capacity`; what lies between is NaN, or no pixel.
///
/// # Panics
/// If a window does not fit.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(21);
    let output = pooled(shape);
    let mut images_of = |shape| images_in_batch(numbers, &mut random, (samples, capacity), shape);
    let pixels = images_of(shape.input);
    let grads = images_of(output);
    // A good part of them not positive.
    let maxima = images_of(output);
    let mut argmax = picks(&mut random, samples, shape);
    argmax.resize(capacity * output.padded_elements(), u32::MAX);
    Launch {
        call: backward::call(capacity, shape, activation),
        step: batch(samples),
        arguments: vec![
            pixels,
            grads,
            maxima,
            Argument::Words(argmax),
            Argument::Poisoned(backward::splits(capacity, shape) * split_len(shape)),
        ],
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in convs() {
        for activation in [Activation::Linear, Activation::Relu] {
            for samples in [(1, 1), (7, 7), (31, 33)] {
                cases.push(launch(Numbers::Integers, samples, &shape, activation).exact());
            }
        }
        let floats = launch(Numbers::Floats, (33, 33), &shape, Activation::Linear);
        let terms = 33 * pooled(&shape).pixels();
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
