//! Launches of `gather_linear_forward`.

use super::Case;
use super::gather::images;
use crate::activation::Activation;
use crate::kernels::gather::ResidentLayout;
use crate::kernels::{Step, gather, gather_linear_forward};
use crate::verify::numbers::{ACTIVATIONS, Numbers, Random};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// 7 images of `inputs` bytes, `per_part` to a part, and a batch with images out of every part.
pub fn launch(
    [inputs, outputs]: [usize; 2],
    per_part: usize,
    samples: usize,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(31);
    let layout = ResidentLayout {
        count: 7,
        image_words: gather::image_words(inputs),
        images_per_part: per_part,
    };
    let mut arguments = images(&mut random, &layout, inputs);
    let order = (0..3 + samples).map(|_| random.bits() % 7);
    arguments.push(Argument::Words(order.collect()));
    let weight = Numbers::Integers.weight(&mut random, 1, inputs, outputs);
    arguments.extend([
        Argument::Floats(weight),
        Argument::Floats(Numbers::Integers.rows(&mut random, 1, outputs)),
        Argument::Poisoned((samples + 2) * outputs.next_multiple_of(4)),
    ]);
    Launch {
        call: gather_linear_forward::call(&layout, inputs, outputs, activation),
        step: Step {
            batch_start: 3,
            ..batch(samples)
        },
        arguments,
    }
}

/// Odd sizes, and every tile with images in one part to four.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in [[1, 1], [7, 9], [33, 17], [75, 33], [257, 5]] {
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
