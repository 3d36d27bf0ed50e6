//! `batch_norm_backward_input`: host side, twin, native kernel and cases of
//! `shaders/norm/batch_norm_backward_input.wgsl`.

use pulp::{Arch, Simd};

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::bias_at;
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::norm::batch_norm_forward::{inv_std, row, variances};
use crate::ops::norm::batch_norm_statistics::{SHAPES, images};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_backward_input",
    source: include_str!("../../../shaders/norm/batch_norm_backward_input.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("input"),
        reads("mean"),
        reads("variance"),
        reads("weight"),
        reads("grad_parameters"),
        writes("grad_input"),
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
        /// Quads of one pixel.
        pub quads: u32,
        /// Quads from the gradient of the weight to that of the bias.
        pub bias_at: u32,
        /// What is added to the variance.
        pub eps: f32,
    }
}

/// The gradient by a batch of `shape` that was normalised by its own statistics.
pub fn call(shape: ImageShape, eps: f32) -> Call {
    let quads = shape.padded_channels() / QUAD;
    let params = Params {
        pixels: shape.pixels() as u32,
        quads: quads as u32,
        bias_at: (bias_at(shape.padded_channels()) / QUAD) as u32,
        eps,
    };
    let grid = Grid::per_sample(shape.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(
    grad_output: real, input: real, mean: real, variance: real, weight: real,
    grad_parameters: real, grad_input: real_mut
);

/// `grad_output`, input and `grad_input`: (batch, pixels, padded channels); mean, variance and weight:
/// (padded channels); `grad_parameters`: (weight, zeros and bias).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    input: &[T],
    mean: &[T],
    variance: &[T],
    weight: &[T],
    grad_parameters: &[T],
    grad_input: &mut [T],
) {
    let channels = QUAD * params.quads as usize;
    let rows = (step.batch * params.pixels) as usize;
    let all_rows = f64::from(step.whole_batch * params.pixels);
    let grad_bias = &grad_parameters[QUAD * params.bias_at as usize..];
    for pixel in 0..rows {
        for c in 0..channels {
            let index = pixel * channels + c;
            let inv_std = inv_std(variance[c], params.eps);
            let x_hat = (input[index] - mean[c]).wide() * inv_std;
            let mean_gradient = grad_bias[c].wide() / all_rows;
            let slope = grad_parameters[c].wide() / all_rows;
            let gradient = grad_output[index].wide() - mean_gradient - x_hat * slope;
            grad_input[index] = T::of(weight[c].wide() * inv_std * gradient);
        }
    }
}

// The native kernel.

/// The gradients of the part's samples; the means are those over the whole batch.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [
        grad_output,
        input,
        mean,
        variance,
        weight,
        grad_parameters,
        grad_input,
    ] = slices
    else {
        panic!("batch_norm_backward_input binds seven buffers");
    };
    let params: &Params = call.params();
    let channels = QUAD * params.quads as usize;
    let len = (part.step.batch * params.pixels) as usize * channels;
    let rows = (part.step.whole_batch * params.pixels) as f32;
    let grad_weight = &grad_parameters.real()[..channels];
    let grad_bias = &grad_parameters.real()[QUAD * params.bias_at as usize..][..channels];
    let of_channel = part.workspace.take([channels; 3]);
    let [scale, offset, slope] = of_channel;
    for c in 0..channels {
        let inv_std = 1.0 / (variance.real()[c] + params.eps).sqrt();
        scale[c] = weight.real()[c] * inv_std;
        offset[c] = grad_bias[c] / rows;
        slope[c] = grad_weight[c] / rows * inv_std;
    }
    gradients(
        &grad_output.real()[..len],
        &input.real()[..len],
        [&mean.real()[..channels], scale, offset, slope],
        &mut grad_input.real_mut()[..len],
    );
}

/// `grad_input` = scale * (`grad_output` - offset - (input - mean) * slope).
#[pulp::with_simd(gradients = Arch::new())]
#[inline(always)]
fn gradients_simd<'a, S: Simd>(
    _simd: S,
    grad_output: &'a [f32],
    input: &'a [f32],
    of_channel: [&'a [f32]; 4],
    grad_input: &'a mut [f32],
) {
    let [mean, scale, offset, slope] = of_channel;
    let channels = mean.len();
    let rows = grad_output.chunks_exact(channels);
    let rows = rows.zip(input.chunks_exact(channels));
    for ((gradients, inputs), outputs) in rows.zip(grad_input.chunks_exact_mut(channels)) {
        let of_channel = mean.iter().zip(scale).zip(offset).zip(slope);
        let values = outputs.iter_mut().zip(gradients).zip(inputs);
        for (((output, gradient), x), (((mean, scale), offset), slope)) in values.zip(of_channel) {
            *output = scale * (gradient - offset - (x - mean) * slope);
        }
    }
}

// The cases.

/// Sums of up to half of what as many ones would give.
fn cases() -> Vec<Case> {
    let case = |(shape, samples, _): (ImageShape, usize, usize)| {
        let mut random = Random::new(23);
        let channels = shape.channels;
        let at = bias_at(shape.padded_channels());
        let half = (samples * shape.pixels()) as f32 / 2.0;
        let mut sums = Numbers::Floats.rows(&mut random, 1, channels);
        sums.resize(at, 0.0);
        sums.extend(Numbers::Floats.rows(&mut random, 1, channels));
        let sums = sums.into_iter().map(|it| it * half).collect();
        let launch = Launch {
            call: call(shape, 1e-5),
            // A shard of a batch, which may be all of it.
            step: Step {
                whole_batch: (samples * (1 + samples % 3)) as u32,
                ..batch(samples)
            },
            arguments: vec![
                images(&mut random, shape, samples, 0.0),
                images(&mut random, shape, samples, 0.0),
                row(&mut random, channels),
                variances(&mut random, channels),
                row(&mut random, channels),
                Argument::Floats(sums),
                Argument::Poisoned((samples + 1) * shape.padded_elements()),
            ],
        };
        launch.within(Tolerance::Elementwise)
    };
    SHAPES.into_iter().map(case).collect()
}
