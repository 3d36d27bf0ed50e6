//! `global_avg_pool2d_backward`: host side, twin, native kernel and cases of
//! `shaders/pool/global_avg_pool2d_backward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{ACTIVATIONS, Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::activation::activation_backward::slope;
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors;
use crate::ops::pool::global_avg_pool2d_forward::SHAPES;
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "global_avg_pool2d_backward",
    source: include_str!("../../../shaders/pool/global_avg_pool2d_backward.wgsl"),
    bindings: &[reads("grad_output"), reads("input"), writes("grad_input")],
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
        /// Quads of one pixel.
        pub quads: u32,
        /// [`Activation`] that made the input, as a number.
        pub activation: u32,
    }
}

/// The gradient by a batch of `input` of which the mean was taken, or by the sums before the `activation` that made the
/// input, where there is one. Without one (`Linear`) the input is not read, and anything may be bound for it.
pub fn call(input: ImageShape, activation: Activation) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        pixels: input.pixels() as u32,
        quads: quads as u32,
        activation: activation as u32,
    };
    let grid = Grid::per_sample(input.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(grad_output: real, input: real, grad_input: real_mut);

/// `grad_output`: (batch, padded channels); input and `grad_input`: (batch, pixels, padded channels).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    input: &[T],
    grad_input: &mut [T],
) {
    let activation = Activation::from_number(params.activation);
    let (pixels, stride) = (params.pixels as usize, QUAD * params.quads as usize);
    for sample in 0..step.batch as usize {
        for pixel in 0..pixels {
            for c in 0..stride {
                let index = (sample * pixels + pixel) * stride + c;
                let share = grad_output[sample * stride + c] / T::of(pixels as f64);
                grad_input[index] = match activation {
                    Activation::Linear => share,
                    activation => share * slope(activation, input[index]),
                };
            }
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, input, grad_input] = slices else {
        panic!("global_avg_pool2d_backward binds three buffers");
    };
    let params: &Params = call.params();
    let (pixels, stride) = (params.pixels as usize, QUAD * params.quads as usize);
    let gradients = grad_output.real().chunks_exact(stride);
    let images = grad_input.real_mut().chunks_exact_mut(pixels * stride);
    let samples = part.step.batch as usize;
    for (gradient, image) in gradients.zip(images).take(samples) {
        let (first, others) = image.split_at_mut(stride);
        for (share, gradient) in first.iter_mut().zip(gradient) {
            *share = gradient / pixels as f32;
        }
        for pixel in others.chunks_exact_mut(stride) {
            pixel.copy_from_slice(first);
        }
    }
    let activation = Activation::from_number(params.activation);
    if activation != Activation::Linear {
        let len = samples * pixels * stride;
        let grads = &mut grad_input.real_mut()[..len];
        vectors::take_slopes(activation, &input.real()[..len], grads);
    }
}

// The cases.

/// Buffers hold one sample more than the batch; inputs are what the activation made of numbers from -1 to 1.
fn launch(shape: ImageShape, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(18);
    let rows = Numbers::Floats.rows(&mut random, samples, shape.channels);
    let len = (samples + 1) * shape.padded_channels();
    let input = Numbers::Floats.rows(&mut random, samples * shape.pixels(), shape.channels);
    let input = input.into_iter().map(|x| activate(activation, x)).collect();
    let pixels = (samples + 1) * shape.padded_elements();
    Launch {
        call: call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(with_stale_rows(rows, len)),
            Argument::Floats(with_stale_rows(input, pixels)),
            Argument::Poisoned(pixels),
        ],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples) in SHAPES {
        for activation in ACTIVATIONS {
            let launch = launch(shape, samples, activation);
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
