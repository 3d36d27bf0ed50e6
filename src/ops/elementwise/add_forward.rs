//! `add_forward`: host side, twin, native kernel and cases of `shaders/elementwise/add_forward.wgsl`.

use pulp::{Arch, Simd};

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{ACTIVATIONS, Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors;
use crate::shape::{ImageShape, QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "add_forward",
    source: include_str!("../../../shaders/elementwise/add_forward.wgsl"),
    bindings: &[reads("input"), reads("other"), writes("output")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
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

/// `activation` of the sums of two batches of `shape`.
pub fn call(shape: ImageShape, activation: Activation) -> Call {
    let params = Params {
        pixels: shape.pixels() as u32,
        channels: shape.channels as u32,
        activation: activation as u32,
    };
    let grid = Grid::per_sample(shape.padded_elements() / QUAD, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

/// The sums alone: how [`differentiate`](crate::graph::differentiate) adds the gradients of a value that
/// several operations read.
pub fn sum(shape: ImageShape) -> Call {
    call(shape, Activation::Linear)
}

// The twin.

twin!(input: real, other: real, output: real_mut);

/// output = activation(input + other); all (batch, pixels, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], other: &[T], output: &mut [T]) {
    let channels = params.channels as usize;
    let stride = padded(channels);
    let activation = Activation::from_number(params.activation);
    for pixel in 0..(step.batch * params.pixels) as usize {
        for c in 0..stride {
            let index = pixel * stride + c;
            output[index] = if c < channels {
                activate(activation, input[index] + other[index])
            } else {
                T::zero()
            };
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, other, output] = slices else {
        panic!("add_forward binds three buffers");
    };
    let params: &Params = call.params();
    let channels = params.channels as usize;
    let len = (part.step.batch * params.pixels) as usize * padded(channels);
    let (input, other) = (&input.real()[..len], &other.real()[..len]);
    let output = &mut output.real_mut()[..len];
    match Activation::from_number(params.activation) {
        Activation::Linear => sums(input, other, output),
        Activation::Relu => rectified_sums(input, other, output),
        activation => {
            sums(input, other, output);
            vectors::activate(activation, output);
            vectors::zero_padding(output, channels);
        }
    }
}

#[pulp::with_simd(sums = Arch::new())]
#[inline(always)]
fn sums_simd<'a, S: Simd>(_simd: S, input: &'a [f32], other: &'a [f32], output: &'a mut [f32]) {
    for ((output, input), other) in output.iter_mut().zip(input).zip(other) {
        *output = input + other;
    }
}

#[pulp::with_simd(rectified_sums = Arch::new())]
#[inline(always)]
fn rectified_sums_simd<'a, S: Simd>(
    _simd: S,
    input: &'a [f32],
    other: &'a [f32],
    output: &'a mut [f32],
) {
    for ((output, input), other) in output.iter_mut().zip(input).zip(other) {
        *output = vectors::rectified(input + other);
    }
}

// The cases.

/// `samples` sums in buffers for one sample more.
fn launch(shape: ImageShape, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(14);
    let len = (samples + 1) * shape.padded_elements();
    let mut argument = || {
        let rows = Numbers::Floats.rows(&mut random, samples * shape.pixels(), shape.channels);
        Argument::Floats(with_stale_rows(rows, len))
    };
    Launch {
        call: call(shape, activation),
        step: batch(samples),
        arguments: vec![argument(), argument(), Argument::Poisoned(len)],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for activation in ACTIVATIONS {
        for (channels, pixels, samples) in [(1, 1, 1), (7, 33, 3), (33, 1, 255), (4, 257, 2)] {
            let tolerance = match activation {
                Activation::Linear | Activation::Relu => Tolerance::Exact,
                Activation::Sigmoid | Activation::Tanh => Tolerance::Elementwise,
            };
            let shape = ImageShape::new(channels, pixels, 1);
            cases.push(launch(shape, samples, activation).within(tolerance));
        }
    }
    cases
}
