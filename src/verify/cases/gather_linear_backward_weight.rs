//! Launches of `gather_linear_backward_weight`.

use super::Case;
use super::inputs::{GATHER_LINEAR_SIZES, gathered, images_in_order, seven_images};
use crate::kernel_limits::bias_at;
use crate::kernels::gather_linear_backward_weight as backward;
use crate::shape::padded;
use crate::verify::numbers::{Numbers, Random, with_stale_rows};
use crate::verify::{Argument, Launch, Tolerance};

/// A batch of `samples` out of 7 images, `per_part` to a part, for a call made for `capacity`; what
/// lies between is NaN.
fn launch(
    [inputs, outputs]: [usize; 2],
    per_part: usize,
    (samples, capacity): (usize, usize),
) -> Launch {
    let mut random = Random::new(32);
    let layout = seven_images(inputs, per_part);
    let mut arguments = images_in_order(&mut random, &layout, inputs, capacity);
    let grads = Numbers::Floats.rows(&mut random, samples, outputs);
    let splits = backward::splits(capacity, &layout, inputs, outputs);
    let part = bias_at(padded(inputs) * padded(outputs)) + padded(outputs);
    arguments.extend([
        Argument::Floats(with_stale_rows(grads, capacity * padded(outputs))),
        Argument::Poisoned(splits * part),
    ]);
    Launch {
        call: backward::call(capacity, &layout, inputs, outputs),
        step: gathered(samples),
        arguments,
    }
}

/// Odd sizes, and every tile with images in one part to four.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in GATHER_LINEAR_SIZES {
        for samples in [(1, 1), (7, 9), (33, 65), (1100, 1100)] {
            let terms = samples.0;
            cases.push(launch(shape, 7, samples).within(Tolerance::Sum { terms }));
        }
    }
    for per_part in [2, 3, 4, 7] {
        for shape in [[21, 3], [21, 7], [21, 13], [21, 31], [255, 31]] {
            let launch = launch(shape, per_part, (9, 11));
            cases.push(launch.within(Tolerance::Sum { terms: 9 }));
        }
    }
    cases
}
