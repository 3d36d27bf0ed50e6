//! Launches of `adaptive_max_pool2d_forward`.

use super::Case;
use crate::kernels::adaptive_max_pool2d_forward;
use crate::shape::ImageShape;
use crate::verify::numbers::{Random, zero_padding};
use crate::verify::{Argument, Launch, batch};

/// `values` pooled to `cells` by `cells`.
pub fn launch(input: ImageShape, cells: usize, samples: usize, values: Vec<f32>) -> Launch {
    let values = zero_padding(values, input.channels, input.padded_channels());
    let len = samples * cells * cells * input.padded_channels();
    Launch {
        call: adaptive_max_pool2d_forward::call(input, cells),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(values),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// Sides from one pixel, which every cell repeats, over those that 4 does not divide; with ties and
/// without. Then batches of all sizes, and one less than the buffers hold.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (height, width) in [(1, 1), (2, 3), (4, 4), (5, 7), (6, 13), (32, 9), (1, 33)] {
        for (channels, cells, samples) in [(1, 4, 1), (7, 4, 3), (33, 4, 2), (5, 3, 2)] {
            let shape = ImageShape::new(channels, height, width);
            let len = samples * shape.padded_elements();
            let mut random = Random::new(5);
            for values in [random.floats(len), random.integers(len)] {
                cases.push(launch(shape, cells, samples, values).exact());
            }
        }
    }
    for samples in [1, 7, 33, 255, 257] {
        let shape = ImageShape::new(3, 3, 5);
        let values = Random::new(6).floats(samples * shape.padded_elements());
        let mut launch = launch(shape, 4, samples, values);
        cases.push(launch.clone().exact());
        launch.step.batch -= 1;
        cases.push(launch.exact());
    }
    cases
}
