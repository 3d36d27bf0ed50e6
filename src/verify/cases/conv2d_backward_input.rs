//! Launches of `conv2d_backward_input`.

use super::Case;
use super::inputs::{conv_weight, images_in_batch};
use crate::activation::Activation;
use crate::kernels::conv2d_backward_input;
use crate::kernels::tile::BATCH_TILES;
use crate::reference::activation_forward::activate;
use crate::shape::ConvShape;
use crate::verify::numbers::{Numbers, PORTABLE, Random, conv, with_stale_rows, zero_padding};
use crate::verify::{Argument, Launch, Tolerance, batch};

/// Activations whose slopes are whole numbers.
pub const EXACT: [Activation; 2] = [Activation::Linear, Activation::Relu];

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN. Without an activation
/// the input is NaN as well: it is not read.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(7);
    let input = shape.input;
    let activated = match activation {
        Activation::Linear => Vec::new(),
        _ => activated(&mut random, samples, shape, activation),
    };
    let output = shape.output().expect("the window fits");
    Launch {
        call: conv2d_backward_input::call(shape, activation, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            images_in_batch(numbers, &mut random, (samples, capacity), output),
            conv_weight(numbers, &mut random, shape),
            Argument::Floats(with_stale_rows(
                activated,
                capacity * input.padded_elements(),
            )),
            Argument::Poisoned(capacity * input.padded_elements()),
        ],
    }
}

/// An input that `activation` made: between its limits, padding zero; a fifth of relu's are zeros.
fn activated(
    random: &mut Random,
    samples: usize,
    shape: &ConvShape,
    activation: Activation,
) -> Vec<f32> {
    let rows = samples * shape.input.pixels();
    let sums = random.floats(rows * shape.input.padded_channels());
    let sums = sums.into_iter().map(|x| activate(activation, 2.5 * x));
    let (channels, padded) = (shape.input.channels, shape.input.padded_channels());
    zero_padding(sums.collect(), channels, padded)
}

/// Samples, and what their buffers hold.
const SAMPLES: (usize, usize) = (7, 9);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &BATCH_TILES {
        let of_tile = |numbers, shape: &ConvShape, activation| {
            let mut launch = launch(numbers, SAMPLES, shape, activation);
            launch.call = conv2d_backward_input::call_tiled(shape, activation, tile);
            launch
        };
        let shapes = [3, 45, 71].map(|channels| conv([channels, 4, 5], 5, [3, 2], 1));
        for shape in &shapes {
            for activation in EXACT {
                cases.push(of_tile(Numbers::Integers, shape, activation).exact());
            }
        }
        let shape = &shapes[0];
        let floats = of_tile(Numbers::Floats, shape, Activation::Tanh);
        let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
