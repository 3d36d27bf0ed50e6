//! Launches of `linear_backward_weight`.

use super::Case;
use crate::kernel_limits::bias_at;
use crate::kernels::tile::WEIGHT_TILES;
use crate::kernels::{Call, linear_backward_weight};
use crate::shape::padded;
use crate::verify::numbers::{Numbers, Random, with_stale_rows};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// The launch of `call`, made for batches of `capacity`, on `samples`; what lies between is NaN.
pub fn launch_of(
    call: Call,
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    (rows_per_sample, inputs, outputs): (usize, usize, usize),
) -> Launch {
    let mut random = Random::new(4);
    let mut batch_of = |width: usize| {
        let rows = numbers.rows(&mut random, samples * rows_per_sample, width);
        with_stale_rows(rows, capacity * rows_per_sample * padded(width))
    };
    let splits = call.params::<linear_backward_weight::Params>().splits as usize;
    Launch {
        call,
        step: batch(samples),
        arguments: vec![
            Argument::Floats(batch_of(inputs)),
            Argument::Floats(batch_of(outputs)),
            Argument::Poisoned(
                splits * (bias_at(padded(inputs) * padded(outputs)) + padded(outputs)),
            ),
        ],
    }
}

/// With parts past the batch, whose sums are zero.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &WEIGHT_TILES {
        let of_tile = |numbers, samples: (usize, usize), shape| {
            let (rows, inputs, outputs) = shape;
            let call = linear_backward_weight::call_tiled(samples.1, rows, inputs, outputs, tile);
            launch_of(call, numbers, samples, shape)
        };
        for shape in [(3, 3, 7), (3, 45, 33), (3, 131, 71)] {
            cases.push(of_tile(Numbers::Integers, (7, 9), shape).exact());
        }
        let floats = of_tile(Numbers::Floats, (127, 129), (9, 33, 17));
        cases.push(floats.within(Tolerance::Sum { terms: 127 * 9 }));
    }
    cases
}
