use gpu_train::activation::Activation;
use gpu_train::kernels::activation_backward;
use gpu_train::reference::activation_backward::slope;
use gpu_train::reference::activation_forward::activate;
use gpu_train::shape::ImageShape;

use crate::harness::{Argument, Launch, Random, Tolerance, assert_gradient, assert_twin, batch};

const ALL: [Activation; 4] = [
    Activation::Linear,
    Activation::Relu,
    Activation::Sigmoid,
    Activation::Tanh,
];

#[test]
fn odd_sizes_match_the_twin() {
    for activation in ALL {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let shape = ImageShape::new(channels, pixels, 1);
            let len = samples * shape.padded_elements();
            let mut random = Random::new(8);
            let output = random.floats(len).into_iter();
            let output = output.map(|x| activate(activation, x)).collect();
            let launch = Launch {
                call: activation_backward::call(shape, activation),
                step: batch(samples),
                arguments: vec![
                    Argument::Floats(output),
                    Argument::Floats(random.floats(len)),
                    Argument::Poisoned(len),
                ],
            };
            assert_twin(&launch, Tolerance::Elementwise);
        }
    }
}

/// Relu's kink at 0 is skipped: no argument lies within 0.05 of it.
#[test]
fn the_slope_is_the_derivative() {
    let at: Vec<f64> = (-10..10).map(|i| f64::from(i) * 0.3 + 0.1).collect();
    for activation in ALL {
        let slopes: Vec<f64> = at
            .iter()
            .map(|&x| slope(activation, activate(activation, x)))
            .collect();
        let loss = |x: &[f64]| x.iter().map(|&x| activate(activation, x)).sum();
        assert_gradient(&at, &slopes, loss, activation.name());
    }
}
