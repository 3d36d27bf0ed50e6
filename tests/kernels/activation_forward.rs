use gpu_train::activation::Activation;
use gpu_train::kernels::activation_forward;
use gpu_train::shape::ImageShape;

use crate::harness::{Argument, Launch, Random, Tolerance, assert_twin, batch, zero_padding};

const ALL: [Activation; 4] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
];

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

#[test]
fn odd_sizes_match_the_twin_and_padding_stays_zero() {
    for activation in ALL {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let shape = ImageShape::new(channels, pixels, 1);
            let tolerance = match activation {
                Activation::Linear | Activation::Relu => Tolerance::Exact,
                Activation::Sigmoid | Activation::Tanh => Tolerance::Elementwise,
            };
            assert_twin(&launch(shape, samples, activation, 6.0), tolerance);
        }
    }
}

#[test]
fn large_and_tiny_arguments_stay_finite() {
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        for scale in [1e-6, 1e-3, 0.7, 90.0, 1e4, 1e30] {
            let shape = ImageShape::vector(255);
            assert_twin(&launch(shape, 1, activation, scale), Tolerance::Elementwise);
        }
    }
}
