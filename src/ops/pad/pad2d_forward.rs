//! `pad2d_forward`: host side, twin, native kernel and cases of `shaders/pad/pad2d_forward.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::pad::output_shape;
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "pad2d_forward",
    source: include_str!("../../../shaders/pad/pad2d_forward.wgsl"),
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
        /// Rows of the input.
        pub in_height: u32,
        /// Columns of the input.
        pub in_width: u32,
        /// Pixels of zeros on every side.
        pub padding: u32,
        /// Quads of one pixel.
        pub quads: u32,
    }
}

/// A batch of images of shape `input` with `padding` pixels of zeros on every side.
pub fn call(input: ImageShape, padding: usize) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        in_height: input.height as u32,
        in_width: input.width as u32,
        padding: padding as u32,
        quads: quads as u32,
    };
    let threads = output_shape(input, padding).pixels() * quads;
    Call::new(&KERNEL, &[], &params, Grid::per_sample(threads, 64))
}

// The twin.

twin!(input: real, output: real_mut);

/// input: (batch, height, width, padded channels); output: (batch, height + 2 `padding`, width +
/// 2 `padding`, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let [height, width, padding, quads] = [
        params.in_height,
        params.in_width,
        params.padding,
        params.quads,
    ]
    .map(|it| it as usize);
    let (out_height, out_width) = (height + 2 * padding, width + 2 * padding);
    let stride = QUAD * quads;
    let mut index = 0;
    for sample in 0..step.batch as usize {
        for y in 0..out_height {
            for x in 0..out_width {
                let inside = (padding..padding + height).contains(&y)
                    && (padding..padding + width).contains(&x);
                for c in 0..stride {
                    output[index] = if inside {
                        let pixel = (sample * height + y - padding) * width + x - padding;
                        input[pixel * stride + c]
                    } else {
                        T::zero()
                    };
                    index += 1;
                }
            }
        }
    }
}

// The native kernel.

/// Line by line.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output] = slices else {
        panic!("pad2d_forward binds two buffers");
    };
    let params: &Params = call.params();
    let [height, width, padding, quads] = [
        params.in_height,
        params.in_width,
        params.padding,
        params.quads,
    ]
    .map(|it| it as usize);
    let (line, left) = (width * quads * QUAD, padding * quads * QUAD);
    let out_line = line + 2 * left;
    let images = input.real().chunks_exact(height * line);
    let padded = output.real_mut();
    let padded = padded.chunks_exact_mut((height + 2 * padding) * out_line);
    for (image, padded) in images.zip(padded).take(part.step.batch as usize) {
        let (above, rest) = padded.split_at_mut(padding * out_line);
        let (lines, below) = rest.split_at_mut(height * out_line);
        above.fill(0.0);
        below.fill(0.0);
        let lines = lines.chunks_exact_mut(out_line);
        for (pixels, padded) in image.chunks_exact(line).zip(lines) {
            padded[..left].fill(0.0);
            padded[left..left + line].copy_from_slice(pixels);
            padded[left + line..].fill(0.0);
        }
    }
}

// The cases.

/// Images and what pads them: a single pixel, lines, more padding than image.
pub(super) const SHAPES: [(ImageShape, usize, usize); 6] = [
    (ImageShape::new(1, 1, 1), 1, 1),
    (ImageShape::new(7, 5, 33), 1, 3),
    (ImageShape::new(33, 7, 6), 2, 5),
    (ImageShape::new(4, 1, 9), 7, 7),
    (ImageShape::new(5, 9, 1), 3, 2),
    (ImageShape::new(3, 2, 3), 1, 257),
];

/// Buffers hold one sample more than the batch.
fn cases() -> Vec<Case> {
    let case = |(input, padding, samples): (ImageShape, usize, usize)| {
        let pixels = samples * input.pixels();
        let rows = Numbers::Floats.rows(&mut Random::new(15), pixels, input.channels);
        let len = (samples + 1) * input.padded_elements();
        let padded = output_shape(input, padding).padded_elements();
        let launch = Launch {
            call: call(input, padding),
            step: batch(samples),
            arguments: vec![
                Argument::Floats(with_stale_rows(rows, len)),
                Argument::Poisoned((samples + 1) * padded),
            ],
        };
        launch.exact()
    };
    SHAPES.into_iter().map(case).collect()
}
