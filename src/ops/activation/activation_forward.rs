//! `activation_forward`: host side, twin and cases of `shaders/activation/activation_forward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::{ACTIVATIONS, Random, zero_padding};
use crate::kernel::{Call, Grid, Kernel, Params as _, Real, Step, params, reads, twin, writes};
use crate::ops::activation::vectors;
use crate::shape::{ImageShape, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "activation_forward",
    source: include_str!("../../../shaders/activation/activation_forward.wgsl"),
    bindings: &[reads("input"), writes("output")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(vectors::forward),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Pixels of one sample.
        pub pixels: u32,
        /// Channels, unpadded.
        pub channels: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// `activation` of every element of a batch of `shape`.
pub fn call(shape: ImageShape, activation: Activation) -> Call {
    let params = Params {
        pixels: shape.pixels() as u32,
        channels: shape.channels as u32,
        activation: activation as u32,
    };
    let grid = Grid::per_sample(shape.padded_elements() / 4, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(input: real, output: real_mut);

/// `activation(x)`. Source: <https://docs.pytorch.org/docs/stable/nn.functional.html>.
pub fn activate<T: Real>(activation: Activation, x: T) -> T {
    match activation {
        Activation::Linear => x,
        Activation::Relu => x.max(T::zero()),
        Activation::Sigmoid => T::of(1.0 / (1.0 + (-x.wide()).exp())),
        Activation::Tanh => T::of(x.wide().tanh()),
    }
}

/// output = activation(input); both (batch, pixels, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let channels = params.channels as usize;
    let stride = padded(channels);
    let activation = Activation::from_number(params.activation);
    for pixel in 0..(step.batch * params.pixels) as usize {
        for c in 0..stride {
            let index = pixel * stride + c;
            output[index] = if c < channels {
                activate(activation, input[index])
            } else {
                T::zero()
            };
        }
    }
}

// The cases.

/// Numbers from `-scale` to `scale`.
fn launch(shape: ImageShape, samples: usize, activation: Activation, scale: f32) -> Launch {
    let len = samples * shape.padded_elements();
    let mut input = Random::new(7).floats(len);
    for x in &mut input {
        *x *= scale;
    }
    let input = zero_padding(input, shape.channels, shape.padded_channels());
    Launch {
        call: call(shape, activation),
        step: batch(samples),
        arguments: vec![Argument::Floats(input), Argument::Poisoned(len)],
    }
}

/// Odd sizes, whose padding stays zero; large and tiny arguments, which stay finite.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for activation in ACTIVATIONS {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let shape = ImageShape::new(channels, pixels, 1);
            let tolerance = match activation {
                Activation::Linear | Activation::Relu => Tolerance::Exact,
                Activation::Sigmoid | Activation::Tanh => Tolerance::Elementwise,
            };
            cases.push(launch(shape, samples, activation, 6.0).within(tolerance));
        }
    }
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        for scale in [1e-6, 1e-3, 0.7, 90.0, 1e4, 1e30] {
            let launch = launch(ImageShape::vector(255), 1, activation, scale);
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
