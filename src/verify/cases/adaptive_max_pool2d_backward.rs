//! Launches of `adaptive_max_pool2d_backward`.

use super::Case;
use crate::kernels::{adaptive_max_pool2d_backward, adaptive_max_pool2d_forward};
use crate::reference;
use crate::shape::ImageShape;
use crate::verify::numbers::Random;
use crate::verify::{Argument, Launch, batch};

/// What the forward twin picks in `input`, and its maxima.
pub fn forward(
    shape: ImageShape,
    cells: usize,
    samples: usize,
    input: &[f64],
) -> (Vec<f64>, Vec<u32>) {
    let mut maxima = vec![0.0; samples * cells * cells * shape.padded_channels()];
    let mut argmax = vec![0; maxima.len()];
    let call = adaptive_max_pool2d_forward::call(shape, cells);
    reference::adaptive_max_pool2d_forward::run(
        call.params(),
        &batch(samples),
        input,
        &mut maxima,
        &mut argmax,
    );
    (maxima, argmax)
}

/// Gradients are whole numbers, so that sums over overlapping cells are exact.
fn launch(shape: ImageShape, cells: usize, samples: usize) -> Launch {
    let mut random = Random::new(9);
    let len = samples * shape.padded_elements();
    let input: Vec<f64> = random.integers(len).into_iter().map(f64::from).collect();
    let (maxima, argmax) = forward(shape, cells, samples, &input);
    Launch {
        call: adaptive_max_pool2d_backward::call(shape, cells),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(random.integers(maxima.len())),
            Argument::Words(argmax),
            Argument::Poisoned(len),
        ],
    }
}

/// Full batches, and batches of half of what the buffers hold.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (height, width) in [(1, 1), (2, 3), (4, 4), (5, 7), (6, 13), (32, 9), (1, 33)] {
        for (channels, cells, samples) in [(1, 4, 1), (7, 4, 3), (33, 4, 2), (5, 3, 2), (1, 4, 257)]
        {
            let shape = ImageShape::new(channels, height, width);
            let mut launch = launch(shape, cells, samples);
            cases.push(launch.clone().exact());
            launch.step.batch = launch.step.batch.div_ceil(2);
            cases.push(launch.exact());
        }
    }
    cases
}
