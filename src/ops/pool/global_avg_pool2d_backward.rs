//! `global_avg_pool2d_backward`: host side, twin, native kernel and cases of
//! `shaders/pool/global_avg_pool2d_backward.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::pool::global_avg_pool2d_forward::SHAPES;
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "global_avg_pool2d_backward",
    source: include_str!("../../../shaders/pool/global_avg_pool2d_backward.wgsl"),
    bindings: &[reads("grad_output"), writes("grad_input")],
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
    }
}

/// The gradient by a batch of `input` of which the mean was taken.
pub fn call(input: ImageShape) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        pixels: input.pixels() as u32,
        quads: quads as u32,
    };
    let grid = Grid::per_sample(input.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(grad_output: real, grad_input: real_mut);

/// `grad_output`: (batch, padded channels); `grad_input`: (batch, pixels, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, grad_output: &[T], grad_input: &mut [T]) {
    let (pixels, stride) = (params.pixels as usize, QUAD * params.quads as usize);
    for sample in 0..step.batch as usize {
        for pixel in 0..pixels {
            for c in 0..stride {
                let gradient = grad_output[sample * stride + c];
                grad_input[(sample * pixels + pixel) * stride + c] =
                    gradient / T::of(pixels as f64);
            }
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, grad_input] = slices else {
        panic!("global_avg_pool2d_backward binds two buffers");
    };
    let params: &Params = call.params();
    let (pixels, stride) = (params.pixels as usize, QUAD * params.quads as usize);
    let gradients = grad_output.real().chunks_exact(stride);
    let images = grad_input.real_mut().chunks_exact_mut(pixels * stride);
    for (gradient, image) in gradients.zip(images).take(part.step.batch as usize) {
        let (first, others) = image.split_at_mut(stride);
        for (share, gradient) in first.iter_mut().zip(gradient) {
            *share = gradient / pixels as f32;
        }
        for pixel in others.chunks_exact_mut(stride) {
            pixel.copy_from_slice(first);
        }
    }
}

// The cases.

/// Buffers hold one sample more than the batch.
fn cases() -> Vec<Case> {
    let case = |(input, samples): (ImageShape, usize)| {
        let rows = Numbers::Floats.rows(&mut Random::new(18), samples, input.channels);
        let len = (samples + 1) * input.padded_channels();
        let launch = Launch {
            call: call(input),
            step: batch(samples),
            arguments: vec![
                Argument::Floats(with_stale_rows(rows, len)),
                Argument::Poisoned((samples + 1) * input.padded_elements()),
            ],
        };
        launch.within(Tolerance::Elementwise)
    };
    SHAPES.into_iter().map(case).collect()
}
