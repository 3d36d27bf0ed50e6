//! Launches of `conv2d_backward_weight`.

use super::Case;
use super::inputs::images_in_batch;
use crate::kernel_limits::bias_at;
use crate::kernels::tile::WEIGHT_TILES;
use crate::kernels::{Call, conv2d_backward_weight};
use crate::shape::ConvShape;
use crate::verify::numbers::{Numbers, Random, conv};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// The launch of `call`, made for batches of `capacity`, on `samples`; what lies between is NaN.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch_of(
    call: Call,
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
) -> Launch {
    let mut random = Random::new(9);
    let output = shape.output().expect("the window fits");
    let mut images_of = |shape| images_in_batch(numbers, &mut random, (samples, capacity), shape);
    let splits = call.params::<conv2d_backward_weight::Params>().splits as usize;
    Launch {
        call,
        step: batch(samples),
        arguments: vec![
            images_of(shape.input),
            images_of(output),
            Argument::Poisoned(splits * (bias_at(shape.weight_len()) + output.padded_channels())),
        ],
    }
}

/// With parts past the batch, whose sums are zero.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &WEIGHT_TILES {
        let of_tile = |numbers, samples: (usize, usize), shape: &ConvShape| {
            let call = conv2d_backward_weight::call_tiled(samples.1, shape, tile);
            launch_of(call, numbers, samples, shape)
        };
        let shapes = [(3, 7), (45, 33), (21, 71)];
        let shapes = shapes.map(|(inputs, outputs)| conv([inputs, 4, 5], outputs, [3, 2], 1));
        for shape in &shapes {
            cases.push(of_tile(Numbers::Integers, (3, 5), shape).exact());
        }
        let output = shapes[0].output().expect("the window fits");
        let terms = 31 * output.pixels();
        let floats = of_tile(Numbers::Floats, (31, 33), &shapes[0]);
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
