//! Launches of `activation_backward`.

use super::Case;
use crate::activation::Activation;
use crate::kernels::activation_backward;
use crate::reference::activation_forward::activate;
use crate::shape::ImageShape;
use crate::verify::numbers::{ACTIVATIONS, Random};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// Outputs that `activation` made of numbers from -1 to 1, and gradients.
fn launch(shape: ImageShape, samples: usize, activation: Activation) -> Launch {
    let len = samples * shape.padded_elements();
    let mut random = Random::new(8);
    let output = random.floats(len).into_iter();
    let output = output.map(|x| activate(activation, x)).collect();
    Launch {
        call: activation_backward::call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(output),
            Argument::Floats(random.floats(len)),
            Argument::Poisoned(len),
        ],
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for activation in ACTIVATIONS {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let shape = ImageShape::new(channels, pixels, 1);
            cases.push(launch(shape, samples, activation).within(Tolerance::Elementwise));
        }
    }
    cases
}
