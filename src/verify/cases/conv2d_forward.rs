//! Launches of `conv2d_forward`.

use super::Case;
use super::inputs::{bias, conv_weight, images_in_batch};
use crate::activation::Activation;
use crate::kernels::conv2d_forward;
use crate::kernels::tile::BATCH_TILES;
use crate::shape::ConvShape;
use crate::verify::numbers::{Numbers, PORTABLE, Random, conv};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(6);
    let output = shape.output().expect("the window fits");
    Launch {
        call: conv2d_forward::call(shape, activation, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            images_in_batch(numbers, &mut random, (samples, capacity), shape.input),
            conv_weight(numbers, &mut random, shape),
            bias(numbers, &mut random, output.channels),
            Argument::Poisoned(capacity * output.padded_elements()),
        ],
    }
}

/// Sizes that no tile divides; the last makes several tiles of every height.
fn shapes() -> [ConvShape; 3] {
    [
        conv([5, 8, 9], 9, [2, 3], 2),
        conv([45, 4, 4], 17, [3, 3], 1),
        conv([3, 18, 19], 7, [3, 2], 1),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &BATCH_TILES {
        let of_tile = |numbers, shape: &ConvShape, activation| {
            let mut launch = launch(numbers, (3, 4), shape, activation);
            launch.call = conv2d_forward::call_tiled(shape, activation, tile);
            launch
        };
        let shapes = shapes();
        for shape in &shapes {
            cases.push(of_tile(Numbers::Integers, shape, Activation::Relu).exact());
        }
        let floats = of_tile(Numbers::Floats, &shapes[0], Activation::Tanh);
        let terms = shapes[0].padded_fan_in() + 1;
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
