//! Launches of `max_pool2d_backward`.

use super::Case;
use crate::activation::Activation;
use crate::kernels::{max_pool2d_backward, max_pool2d_forward};
use crate::reference;
use crate::shape::PoolShape;
use crate::verify::cases::max_pool2d_forward::SHAPES;
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, batch};

/// What the forward twin picks in `input`, and its maxima.
///
/// # Panics
/// If the window does not fit.
pub fn forward(shape: &PoolShape, samples: usize, input: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let output = shape.output().expect("the window fits");
    let mut maxima = vec![0.0; samples * output.padded_elements()];
    let mut argmax = vec![0; maxima.len()];
    let call = max_pool2d_forward::call(shape);
    let params = call.params();
    reference::max_pool2d_forward::run(params, &batch(samples), input, &mut maxima, &mut argmax);
    (maxima, argmax)
}

fn launch(shape: &PoolShape, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(9);
    let len = samples * shape.input.padded_elements();
    let input: Vec<f64> = random.integers(len).into_iter().map(f64::from).collect();
    let (maxima, argmax) = forward(shape, samples, &input);
    Launch {
        call: max_pool2d_backward::call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(random.integers(maxima.len())),
            Argument::Floats(maxima.iter().map(|&y| y as f32).collect()),
            Argument::Words(argmax),
            Argument::Poisoned(len),
        ],
    }
}

/// All values are whole numbers, and so are the slopes of all three activations. Full batches, and
/// batches of half of what the buffers hold.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples) in SHAPES {
        for activation in [Activation::Linear, Activation::Relu, Activation::Tanh] {
            let mut launch = launch(&shape, samples, activation);
            cases.push(launch.clone().exact());
            launch.step.batch = launch.step.batch.div_ceil(2);
            cases.push(launch.exact());
        }
    }
    cases
}
