//! Launches of `linear_forward`.

use super::Case;
use super::inputs::bias;
use crate::activation::Activation;
use crate::kernels::linear_forward;
use crate::kernels::tile::{BATCH_TILES, LOOPS_TILES};
use crate::shape::padded;
use crate::verify::numbers::{ACTIVATIONS, Numbers, PORTABLE, Random, with_stale_rows};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    (rows_per_sample, inputs, outputs): (usize, usize, usize),
    activation: Activation,
) -> Launch {
    let mut random = Random::new(1);
    let rows = numbers.rows(&mut random, samples * rows_per_sample, inputs);
    let of_batch = capacity * rows_per_sample;
    Launch {
        call: linear_forward::call(rows_per_sample, inputs, outputs, activation, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(with_stale_rows(rows, of_batch * padded(inputs))),
            Argument::Floats(numbers.weight(&mut random, 1, inputs, outputs)),
            bias(numbers, &mut random, outputs),
            Argument::Poisoned(of_batch * padded(outputs)),
        ],
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in BATCH_TILES.iter().chain(&LOOPS_TILES) {
        let of_tile = |numbers, samples, shape, activation| {
            let (rows, inputs, outputs) = shape;
            let mut launch = launch(numbers, samples, shape, activation);
            launch.call = linear_forward::call_tiled(rows, inputs, outputs, activation, tile);
            launch
        };
        for width in [1, 13, 71] {
            let shape = (3, 9, width);
            let launch = of_tile(Numbers::Integers, (27, 28), shape, Activation::Relu);
            cases.push(launch.exact());
        }
        for activation in ACTIVATIONS {
            let floats = of_tile(Numbers::Floats, (5, 7), (3, 255, 33), activation);
            cases.push(floats.within(Tolerance::Sum { terms: 256 }));
        }
    }
    cases
}
