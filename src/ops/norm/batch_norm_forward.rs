//! `batch_norm_forward`: host side, twin, native kernel and cases of `shaders/norm/batch_norm_forward.wgsl`.

use pulp::{Arch, Simd};

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{ACTIVATIONS, Numbers, Random};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors;
use crate::ops::norm::batch_norm_statistics::{SHAPES, images};
use crate::shape::{ImageShape, QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_forward",
    source: include_str!("../../../shaders/norm/batch_norm_forward.wgsl"),
    bindings: &[
        reads("input"),
        reads("mean"),
        reads("variance"),
        reads("weight"),
        reads("bias"),
        writes("output"),
    ],
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
        /// What is added to the variance.
        pub eps: f32,
    }
}

/// `activation` of a batch of `shape`, normalised.
pub fn call(shape: ImageShape, activation: Activation, eps: f32) -> Call {
    let params = Params {
        pixels: shape.pixels() as u32,
        channels: shape.channels as u32,
        activation: activation as u32,
        eps,
    };
    let grid = Grid::per_sample(shape.padded_elements() / QUAD, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(
    input: real, mean: real, variance: real, weight: real, bias: real, output: real_mut
);

/// 1 / sqrt(variance + eps).
pub(super) fn inv_std<T: Real>(variance: T, eps: f32) -> f64 {
    1.0 / (variance.wide() + f64::from(eps)).sqrt()
}

/// input and output: (batch, pixels, padded channels); all others (padded channels).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    mean: &[T],
    variance: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    let channels = params.channels as usize;
    let stride = padded(channels);
    let activation = Activation::from_number(params.activation);
    for pixel in 0..(step.batch * params.pixels) as usize {
        for c in 0..stride {
            let index = pixel * stride + c;
            let x_hat = (input[index] - mean[c]).wide() * inv_std(variance[c], params.eps);
            let normalized = T::of(x_hat * weight[c].wide() + bias[c].wide());
            output[index] = if c < channels {
                activate(activation, normalized)
            } else {
                T::zero()
            };
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, mean, variance, weight, bias, output] = slices else {
        panic!("batch_norm_forward binds six buffers");
    };
    let params: &Params = call.params();
    let channels = params.channels as usize;
    let len = (part.step.batch * params.pixels) as usize * padded(channels);
    let [scale] = part.workspace.take([padded(channels)]);
    let pairs = weight.real().iter().zip(variance.real());
    for (scale, (weight, variance)) in scale.iter_mut().zip(pairs) {
        *scale = weight / (variance + params.eps).sqrt();
    }
    let (input, output) = (&input.real()[..len], &mut output.real_mut()[..len]);
    let mean = &mean.real()[..scale.len()];
    let bias = &bias.real()[..scale.len()];
    match Activation::from_number(params.activation) {
        Activation::Linear => normalize(input, mean, scale, bias, output),
        Activation::Relu => normalize_rectified(input, mean, scale, bias, output),
        activation => {
            normalize(input, mean, scale, bias, output);
            vectors::activate(activation, output);
            vectors::zero_padding(output, channels);
        }
    }
}

#[pulp::with_simd(normalize = Arch::new())]
#[inline(always)]
fn normalize_simd<'a, S: Simd>(
    _simd: S,
    input: &'a [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    bias: &'a [f32],
    output: &'a mut [f32],
) {
    map(input, [mean, scale, bias], output, |x| x);
}

#[pulp::with_simd(normalize_rectified = Arch::new())]
#[inline(always)]
fn normalize_rectified_simd<'a, S: Simd>(
    _simd: S,
    input: &'a [f32],
    mean: &'a [f32],
    scale: &'a [f32],
    bias: &'a [f32],
    output: &'a mut [f32],
) {
    map(input, [mean, scale, bias], output, vectors::rectified);
}

/// output = activation((input - mean) * scale + bias).
#[inline(always)]
fn map(
    input: &[f32],
    [mean, scale, bias]: [&[f32]; 3],
    output: &mut [f32],
    activation: impl Fn(f32) -> f32,
) {
    let rows = input.chunks_exact(mean.len());
    for (row, output) in rows.zip(output.chunks_exact_mut(mean.len())) {
        let of_channel = mean.iter().zip(scale).zip(bias);
        for ((y, x), ((mean, scale), bias)) in output.iter_mut().zip(row).zip(of_channel) {
            *y = activation((x - mean) * scale + bias);
        }
    }
}

// The cases.

/// A row of variances from 1 to 2.
pub(super) fn variances(random: &mut Random, channels: usize) -> Argument {
    let row = Numbers::Floats.rows(random, 1, channels).into_iter();
    Argument::Floats(
        row.map(|it| if it == 0.0 { 0.0 } else { 1.5 + it / 2.0 })
            .collect(),
    )
}

/// A row of numbers from -1 to 1.
pub(super) fn row(random: &mut Random, channels: usize) -> Argument {
    Argument::Floats(Numbers::Floats.rows(random, 1, channels))
}

fn launch(shape: ImageShape, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(21);
    let channels = shape.channels;
    let len = (samples + 1) * shape.padded_elements();
    Launch {
        call: call(shape, activation, 1e-5),
        step: batch(samples),
        arguments: vec![
            images(&mut random, shape, samples, 0.0),
            row(&mut random, channels),
            variances(&mut random, channels),
            row(&mut random, channels),
            row(&mut random, channels),
            Argument::Poisoned(len),
        ],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples, _) in SHAPES {
        for activation in ACTIVATIONS {
            let launch = launch(shape, samples, activation);
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
