//! Launches of `max_pool2d_forward`.

use super::Case;
use crate::kernels::max_pool2d_forward;
use crate::shape::{ImageShape, PoolShape};
use crate::verify::numbers::{Random, zero_padding};
use crate::verify::{Argument, Launch, batch};

/// The pooling of that input shape, channels first.
pub const fn pool(channels: usize, height: usize, width: usize, window: usize) -> PoolShape {
    PoolShape {
        input: ImageShape::new(channels, height, width),
        window,
    }
}

/// Poolings of odd sizes, and their batches.
pub(super) const SHAPES: [(PoolShape, usize); 8] = [
    (pool(1, 2, 2, 2), 1),
    (pool(7, 33, 5, 2), 3),
    (pool(33, 7, 8, 2), 5),
    (pool(4, 15, 15, 2), 7),
    (pool(5, 9, 11, 3), 2),
    (pool(3, 8, 11, 4), 2),
    (pool(2, 6, 5, 1), 33),
    (pool(1, 2, 3, 2), 257),
];

/// `input` pooled.
///
/// # Panics
/// If the window does not fit.
pub fn launch(shape: &PoolShape, samples: usize, input: Vec<f32>) -> Launch {
    let output = shape.output().expect("the window fits");
    let input = zero_padding(input, output.channels, output.padded_channels());
    let len = samples * output.padded_elements();
    Launch {
        call: max_pool2d_forward::call(shape),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(input),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// With ties and without, and a batch of less than the buffers hold.
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples) in SHAPES {
        let len = samples * shape.input.padded_elements();
        let mut random = Random::new(4);
        for input in [random.floats(len), random.integers(len)] {
            cases.push(launch(&shape, samples, input).exact());
        }
    }
    let mut smaller = launch(&pool(3, 4, 4, 2), 5, Random::new(1).floats(5 * 64));
    smaller.step.batch = 2;
    cases.push(smaller.exact());
    cases
}
