//! Launches of `activation_forward`.

use super::Case;
use crate::activation::Activation;
use crate::kernels::activation_forward;
use crate::shape::ImageShape;
use crate::verify::numbers::{ACTIVATIONS, Random, zero_padding};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// Numbers from `-scale` to `scale`.
fn launch(shape: ImageShape, samples: usize, activation: Activation, scale: f32) -> Launch {
    let len = samples * shape.padded_elements();
    let mut input = Random::new(7).floats(len);
    for x in &mut input {
        *x *= scale;
    }
    let input = zero_padding(input, shape.channels, shape.padded_channels());
    Launch {
        call: activation_forward::call(shape, activation),
        step: batch(samples),
        arguments: vec![Argument::Floats(input), Argument::Poisoned(len)],
    }
}

/// Odd sizes, whose padding stays zero; large and tiny arguments, which stay finite.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for activation in ACTIVATIONS {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let shape = ImageShape::new(channels, pixels, 1);
            let tolerance = match activation {
                Activation::Linear | Activation::Relu => Tolerance::Exact,
                Activation::Sigmoid | Activation::Tanh => Tolerance::Elementwise,
            };
            cases.push(launch(shape, samples, activation, 6.0).within(tolerance));
        }
    }
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        for scale in [1e-6, 1e-3, 0.7, 90.0, 1e4, 1e30] {
            let launch = launch(ImageShape::vector(255), 1, activation, scale);
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
