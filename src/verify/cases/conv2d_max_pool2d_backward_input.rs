//! Launches of `conv2d_max_pool2d_backward_input`.

use super::Case;
use super::conv2d_max_pool2d_backward_weight::shapes;
use super::inputs::picks;
use crate::activation::Activation;
use crate::kernels::conv2d_max_pool2d_backward_input;
use crate::shape::ConvShape;
use crate::verify::numbers::{Numbers, Random};
use crate::verify::{Launch, Tolerance};

/// The launch of `conv2d_backward_input` with gradients of the pooled output.
///
/// # Panics
/// If a window does not fit.
pub fn launch(
    numbers: Numbers,
    samples: (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let dense = super::conv2d_backward_input::launch(numbers, samples, shape, activation);
    let mut arguments = dense.arguments;
    arguments.splice(0..1, picks(numbers, &mut Random::new(8), samples, shape));
    Launch {
        call: conv2d_max_pool2d_backward_input::call(shape, activation),
        arguments,
        ..dense
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in &shapes() {
        for activation in super::conv2d_backward_input::EXACT {
            cases.push(launch(Numbers::Integers, (3, 5), shape, activation).exact());
        }
        let floats = launch(Numbers::Floats, (7, 9), shape, Activation::Tanh);
        let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
