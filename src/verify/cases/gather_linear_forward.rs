//! Launches of `gather_linear_forward`.

use super::Case;
use super::inputs::{GATHER_LINEAR_SIZES, bias, gathered, images_in_order, seven_images};
use crate::activation::Activation;
use crate::kernels::gather_linear_forward;
use crate::verify::numbers::{ACTIVATIONS, Numbers, Random};
use crate::verify::{Argument, Launch, Tolerance};

/// 7 images of `inputs` bytes, `per_part` to a part, and a batch with images out of every part.
pub fn launch(
    [inputs, outputs]: [usize; 2],
    per_part: usize,
    samples: usize,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(31);
    let layout = seven_images(inputs, per_part);
    let mut arguments = images_in_order(&mut random, &layout, inputs, samples);
    let weight = Numbers::Integers.weight(&mut random, 1, inputs, outputs);
    arguments.extend([
        Argument::Floats(weight),
        bias(Numbers::Integers, &mut random, outputs),
        Argument::Poisoned((samples + 2) * outputs.next_multiple_of(4)),
    ]);
    Launch {
        call: gather_linear_forward::call(&layout, inputs, outputs, activation),
        step: gathered(samples),
        arguments,
    }
}

/// Odd sizes, and every tile with images in one part to four.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in GATHER_LINEAR_SIZES {
        for activation in ACTIVATIONS {
            for samples in [1, 7, 65] {
                let launch = launch(shape, 7, samples, activation);
                let terms = shape[0] + 1;
                cases.push(launch.within(Tolerance::Sum { terms }));
            }
        }
    }
    for per_part in [2, 3, 4, 7] {
        for outputs in [3, 7, 13, 31] {
            let launch = launch([21, outputs], per_part, 9, Activation::Relu);
            cases.push(launch.within(Tolerance::Sum { terms: 22 }));
        }
    }
    cases
}
