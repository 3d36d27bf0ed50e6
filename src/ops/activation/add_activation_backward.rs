//! `add_activation_backward`: host side, twin and cases of `shaders/activation/add_activation_backward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{ACTIVATIONS, Random};
use crate::kernel::{Call, Grid, Kernel, Params as _, Real, Step, params, reads, twin, writes};
use crate::ops::activation::activation_backward::slope;
use crate::ops::activation::activation_forward::activate;
use crate::shape::ImageShape;

/// See the shader's head comment. The processor, which starts no launches, runs its two parts.
pub static KERNEL: Kernel = Kernel {
    name: "add_activation_backward",
    source: include_str!("../../../shaders/activation/add_activation_backward.wgsl"),
    bindings: &[
        reads("output"),
        reads("grad_output"),
        reads("other"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: None,
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of one sample, padding included.
        pub quads: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// The sum of two gradients by what `activation` made of a batch of `shape`, through the activation.
pub fn call(shape: ImageShape, activation: Activation) -> Call {
    let quads = shape.padded_elements() / 4;
    let params = Params {
        quads: quads as u32,
        activation: activation as u32,
    };
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

// The twin.

twin!(output: real, grad_output: real, other: real, grad_input: real_mut);

/// `grad_input` = (`grad_output` + other) * activation'(input); all (batch, elements), padding included.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    output: &[T],
    grad_output: &[T],
    other: &[T],
    grad_input: &mut [T],
) {
    let activation = Activation::from_number(params.activation);
    for index in 0..(step.batch * params.quads * 4) as usize {
        let gradient = grad_output[index] + other[index];
        grad_input[index] = gradient * slope(activation, output[index]);
    }
}

// The cases.

/// Outputs that `activation` made of numbers from -1 to 1, and gradients.
fn launch(shape: ImageShape, samples: usize, activation: Activation) -> Launch {
    let len = samples * shape.padded_elements();
    let mut random = Random::new(28);
    let output = random.floats(len).into_iter();
    let output = output.map(|x| activate(activation, x)).collect();
    Launch {
        call: call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(output),
            Argument::Floats(random.floats(len)),
            Argument::Floats(random.floats(len)),
            Argument::Poisoned(len),
        ],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for activation in ACTIVATIONS {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let shape = ImageShape::new(channels, pixels, 1);
            cases.push(launch(shape, samples, activation).within(Tolerance::Elementwise));
        }
    }
    cases
}
