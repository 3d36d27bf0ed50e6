//! `activation_backward`: host side, twin and cases of `shaders/activation/activation_backward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{ACTIVATIONS, Random};
use crate::kernel::{Call, Grid, Kernel, Params as _, Real, Step, params, reads, twin, writes};
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors;
use crate::shape::ImageShape;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "activation_backward",
    source: include_str!("../../../shaders/activation/activation_backward.wgsl"),
    bindings: &[reads("output"), reads("grad_output"), writes("grad_input")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(vectors::backward),
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

/// Gradient through `activation` for a batch of `shape`.
pub fn call(shape: ImageShape, activation: Activation) -> Call {
    let quads = shape.padded_elements() / 4;
    let params = Params {
        quads: quads as u32,
        activation: activation as u32,
    };
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

// The twin.

twin!(output: real, grad_output: real, grad_input: real_mut);

/// The derivative of the activation where its output is `y`; 0 at the kink of relu, as in PyTorch.
pub fn slope<T: Real>(activation: Activation, y: T) -> T {
    let one = T::one();
    match activation {
        Activation::Linear => one,
        Activation::Relu if y > T::zero() => one,
        Activation::Relu => T::zero(),
        Activation::Sigmoid => y * (one - y),
        Activation::Tanh => one - y * y,
    }
}

/// `grad_input` = `grad_output` * activation'(input); all (batch, elements), padding included.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    output: &[T],
    grad_output: &[T],
    grad_input: &mut [T],
) {
    let activation = Activation::from_number(params.activation);
    for index in 0..(step.batch * params.quads * 4) as usize {
        grad_input[index] = grad_output[index] * slope(activation, output[index]);
    }
}

// The cases.

/// Outputs that `activation` made of numbers from -1 to 1, and gradients.
fn launch(shape: ImageShape, samples: usize, activation: Activation) -> Launch {
    let len = samples * shape.padded_elements();
    let mut random = Random::new(8);
    let output = random.floats(len).into_iter();
    let output = output.map(|x| activate(activation, x)).collect();
    Launch {
        call: call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(output),
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
