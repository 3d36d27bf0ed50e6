//! Launches of `conv2d_max_pool2d_backward_weight`.

use super::Case;
use super::inputs::{images_in_batch, picks};
use crate::kernel_limits::bias_at;
use crate::kernels::{conv2d_backward_weight, conv2d_max_pool2d_backward_weight};
use crate::shape::{ConvShape, padded};
use crate::target::Target;
use crate::verify::numbers::{Numbers, PORTABLE, Random, conv};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// A launch for `target` on `samples` of a batch of `capacity`; what lies between is NaN.
///
/// # Panics
/// If a window does not fit.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    target: &Target,
) -> Launch {
    let mut random = Random::new(9);
    let call = conv2d_max_pool2d_backward_weight::call(capacity, shape, target);
    let splits = call.params::<conv2d_backward_weight::Params>().splits as usize;
    let input = images_in_batch(numbers, &mut random, (samples, capacity), shape.input);
    let [grads, argmax] = picks(numbers, &mut random, (samples, capacity), shape);
    let len = bias_at(shape.weight_len()) + padded(shape.out_channels);
    Launch {
        call,
        step: batch(samples),
        arguments: vec![input, grads, argmax, Argument::Poisoned(splits * len)],
    }
}

/// Sizes that are no multiples of anything; rows and columns that fill no window; a step.
pub fn shapes() -> [ConvShape; 6] {
    [
        conv([3, 7, 9], 5, [3, 3], 1),
        conv([5, 9, 9], 7, [2, 3], 2),
        conv([33, 5, 6], 33, [2, 1], 1),
        conv([4, 11, 13], 9, [4, 5], 3),
        conv([17, 6, 9], 20, [3, 2], 1),
        conv([3, 5, 5], 16, [1, 1], 1),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in &shapes() {
        cases.push(launch(Numbers::Integers, (3, 5), shape, &PORTABLE).exact());
        let terms = 31 * shape.output().expect("the window fits").pixels();
        let floats = launch(Numbers::Floats, (31, 33), shape, &PORTABLE);
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
