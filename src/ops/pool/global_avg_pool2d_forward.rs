//! `global_avg_pool2d_forward`: host side, twin, native kernel and cases of
//! `shaders/pool/global_avg_pool2d_forward.wgsl`.

use pulp::{Arch, Simd};

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "global_avg_pool2d_forward",
    source: include_str!("../../../shaders/pool/global_avg_pool2d_forward.wgsl"),
    bindings: &[reads("input"), writes("output")],
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

/// The mean over all pixels of a batch of `input`.
pub fn call(input: ImageShape) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        pixels: input.pixels() as u32,
        quads: quads as u32,
    };
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

// The twin.

twin!(input: real, output: real_mut);

/// input: (batch, pixels, padded channels); output: (batch, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let (pixels, stride) = (params.pixels as usize, QUAD * params.quads as usize);
    for sample in 0..step.batch as usize {
        for c in 0..stride {
            let terms = input[sample * pixels * stride + c..].iter().step_by(stride);
            let sum: f64 = terms.take(pixels).map(|term| term.wide()).sum();
            output[sample * stride + c] = T::of(sum / pixels as f64);
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output] = slices else {
        panic!("global_avg_pool2d_forward binds two buffers");
    };
    let params: &Params = call.params();
    let (pixels, stride) = (params.pixels as usize, QUAD * params.quads as usize);
    let images = input.real().chunks_exact(pixels * stride);
    let means = output.real_mut().chunks_exact_mut(stride);
    for (image, mean) in images.zip(means).take(part.step.batch as usize) {
        average(image, mean);
    }
}

#[pulp::with_simd(average = Arch::new())]
#[inline(always)]
fn average_simd<'a, S: Simd>(_simd: S, image: &'a [f32], mean: &'a mut [f32]) {
    let pixels = image.len() / mean.len();
    mean.fill(0.0);
    for pixel in image.chunks_exact(mean.len()) {
        for (sum, x) in mean.iter_mut().zip(pixel) {
            *sum += x;
        }
    }
    for sum in mean {
        *sum /= pixels as f32;
    }
}

// The cases.

/// Images and batches of them.
pub(super) const SHAPES: [(ImageShape, usize); 6] = [
    (ImageShape::new(1, 1, 1), 1),
    (ImageShape::new(7, 3, 11), 3),
    (ImageShape::new(33, 4, 4), 5),
    (ImageShape::new(64, 8, 8), 2),
    (ImageShape::new(5, 1, 257), 7),
    (ImageShape::new(3, 2, 1), 257),
];

/// Whole numbers, whose mean over as many pixels as a power of two is exact, and floats. Buffers hold one
/// sample more than the batch.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (input, samples) in SHAPES {
        for numbers in [Numbers::Integers, Numbers::Floats] {
            let pixels = samples * input.pixels();
            let rows = numbers.rows(&mut Random::new(17), pixels, input.channels);
            let len = (samples + 1) * input.padded_elements();
            let launch = Launch {
                call: call(input),
                step: batch(samples),
                arguments: vec![
                    Argument::Floats(with_stale_rows(rows, len)),
                    Argument::Poisoned((samples + 1) * input.padded_channels()),
                ],
            };
            let terms = input.pixels();
            let is_exact = numbers == Numbers::Integers && terms.is_power_of_two();
            cases.push(if is_exact {
                launch.exact()
            } else {
                launch.within(Tolerance::Sum { terms })
            });
        }
    }
    cases
}
