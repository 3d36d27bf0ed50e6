//! `batch_norm_backward_parameters`: host side, twin, native kernel and cases of
//! `shaders/norm/batch_norm_backward_parameters.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::bias_at;
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{Call, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes};
use crate::ops::norm::batch_norm_forward::{inv_std, row, variances};
use crate::ops::norm::batch_norm_statistics::{SHAPES, images};
use crate::ops::norm::rows;
use crate::ops::norm::rows::{WORKGROUP_SIZE, of_split};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_backward_parameters",
    source: include_str!("../../../shaders/norm/batch_norm_backward_parameters.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("input"),
        reads("mean"),
        reads("variance"),
        writes("partials"),
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
        /// Parts of the batch.
        pub splits: u32,
        /// Quads that a workgroup sums side by side.
        pub columns: u32,
        /// Quads from a split's weight to its bias.
        pub bias_at: u32,
        /// What is added to the variance.
        pub eps: f32,
    }
}

/// partials (`splits`, weight and bias) of the gradients by both, of a batch of `shape`.
pub fn call(shape: ImageShape, splits: usize, eps: f32) -> Call {
    let quads = shape.padded_channels() / QUAD;
    let params = Params {
        pixels: shape.pixels() as u32,
        quads: quads as u32,
        splits: splits as u32,
        columns: rows::columns(quads) as u32,
        bias_at: (bias_at(shape.padded_channels()) / QUAD) as u32,
        eps,
    };
    let call = Call::new(&KERNEL, &[], &params, rows::grid(quads, splits));
    call.with_workgroup_bytes(2 * 16 * WORKGROUP_SIZE)
}

// The twin.

twin!(grad_output: real, input: real, mean: real, variance: real, partials: real_mut);

/// `grad_output` and input: (batch, pixels, padded channels); mean and variance: (padded channels);
/// partials: (splits of weight, zeros and bias).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    input: &[T],
    mean: &[T],
    variance: &[T],
    partials: &mut [T],
) {
    let channels = QUAD * params.quads as usize;
    let bias_at = QUAD * params.bias_at as usize;
    let (rows, splits) = (
        (step.batch * params.pixels) as usize,
        params.splits as usize,
    );
    for split in 0..splits {
        let part = &mut partials[split * (bias_at + channels)..][..bias_at + channels];
        part.fill(T::zero());
        for c in 0..channels {
            let inv_std = inv_std(variance[c], params.eps);
            let (mut weight, mut bias) = (0.0, 0.0);
            for row in of_split(rows, splits, split) {
                let index = row * channels + c;
                let gradient = grad_output[index].wide();
                weight += gradient * (input[index] - mean[c]).wide() * inv_std;
                bias += gradient;
            }
            part[c] = T::of(weight);
            part[bias_at + c] = T::of(bias);
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, input, mean, variance, partials] = slices else {
        panic!("batch_norm_backward_parameters binds five buffers");
    };
    let params: &Params = call.params();
    let channels = QUAD * params.quads as usize;
    let bias_at = QUAD * params.bias_at as usize;
    let (rows, splits) = (
        (part.step.batch * params.pixels) as usize,
        params.splits as usize,
    );
    let mean = &mean.real()[..channels];
    let partials = partials.real_mut().chunks_exact_mut(bias_at + channels);
    for (split, part) in partials.take(splits).enumerate() {
        let range = of_split(rows, splits, split);
        let range = range.start * channels..range.end * channels;
        let grads = &grad_output.real()[range.clone()];
        let (weight, bias) = part.split_at_mut(bias_at);
        let (weight, zeros) = weight.split_at_mut(channels);
        zeros.fill(0.0);
        rows::products(grads, &input.real()[range], mean, weight);
        rows::sum(grads, bias);
        for (weight, variance) in weight.iter_mut().zip(variance.real()) {
            *weight /= (variance + params.eps).sqrt();
        }
    }
}

// The cases.

/// Inputs from 1 to 3 and means up to 1, so that the magnitudes that the tolerance is made of, without
/// signs, are those of the terms.
fn cases() -> Vec<Case> {
    let case = |(shape, samples, splits): (ImageShape, usize, usize)| {
        let mut random = Random::new(22);
        let channels = shape.channels;
        let gradients = images(&mut random, shape, samples, 0.0);
        let input = images(&mut random, shape, samples, 2.0);
        let Argument::Floats(mean) = row(&mut random, channels) else {
            unreachable!("means are floats");
        };
        let call = call(shape, splits, 1e-5);
        let bias_at = QUAD * call.params::<Params>().bias_at as usize;
        let launch = Launch {
            call,
            step: batch(samples),
            arguments: vec![
                gradients,
                input,
                Argument::Floats(mean.into_iter().map(f32::abs).collect()),
                variances(&mut random, channels),
                Argument::Poisoned(splits * (bias_at + shape.padded_channels())),
            ],
        };
        let terms = (samples * shape.pixels()).div_ceil(splits);
        launch.within(Tolerance::Sum { terms })
    };
    SHAPES.into_iter().map(case).collect()
}
