//! Launches of `conv2d_max_pool2d_forward`.

use super::Case;
use super::inputs::{bias, conv_weight, images_in_batch};
use crate::activation::Activation;
use crate::kernels::conv2d_max_pool2d_forward::{self, WINDOW};
use crate::kernels::tile::POOL_TILES;
use crate::shape::{ConvShape, PoolShape};
use crate::verify::numbers::{Numbers, PORTABLE, Random, conv};
use crate::verify::{Argument, Launch, batch};

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN. With the rectifier.
///
/// # Panics
/// If a window does not fit.
pub fn launch(numbers: Numbers, (samples, capacity): (usize, usize), shape: &ConvShape) -> Launch {
    let mut random = Random::new(16);
    let pooled = PoolShape {
        input: shape.output().expect("the window fits"),
        window: WINDOW,
    };
    let output = pooled.output().expect("the pooling fits");
    let len = capacity * output.padded_elements();
    Launch {
        call: conv2d_max_pool2d_forward::call(shape, Activation::Relu, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            images_in_batch(numbers, &mut random, (samples, capacity), shape.input),
            conv_weight(numbers, &mut random, shape),
            bias(numbers, &mut random, output.channels),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// Sizes that no tile divides; the last makes several tiles of every height.
fn shapes() -> [ConvShape; 3] {
    [
        conv([5, 9, 9], 7, [2, 3], 2),
        conv([33, 5, 6], 33, [2, 1], 1),
        conv([3, 21, 20], 7, [3, 2], 1),
    ]
}

/// Of whole numbers alone, whose ties go to the first; and without activation: where the rectifier
/// makes all of a square zero, every argmax is right.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &POOL_TILES {
        for shape in shapes() {
            let mut launch = launch(Numbers::Integers, (3, 4), &shape);
            launch.call = conv2d_max_pool2d_forward::call_tiled(&shape, Activation::Linear, tile);
            cases.push(launch.exact());
        }
    }
    cases
}
