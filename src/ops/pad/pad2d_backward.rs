//! `pad2d_backward`: host side, twin, native kernel and cases of `shaders/pad/pad2d_backward.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::ops::pad::output_shape;
use crate::ops::pad::pad2d_forward::SHAPES;
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "pad2d_backward",
    source: include_str!("../../../shaders/pad/pad2d_backward.wgsl"),
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

/// The gradient by images of shape `input` that were padded.
pub fn call(input: ImageShape, padding: usize) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        in_height: input.height as u32,
        in_width: input.width as u32,
        padding: padding as u32,
        quads: quads as u32,
    };
    let grid = Grid::per_sample(input.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(grad_output: real, grad_input: real_mut);

/// `grad_output`: (batch, height + 2 `padding`, width + 2 `padding`, padded channels);
/// `grad_input`: (batch, height, width, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, grad_output: &[T], grad_input: &mut [T]) {
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
        for y in 0..height {
            for x in 0..width {
                let pixel = (sample * out_height + y + padding) * out_width + x + padding;
                for c in 0..stride {
                    grad_input[index] = grad_output[pixel * stride + c];
                    index += 1;
                }
            }
        }
    }
}

// The native kernel.

/// Line by line.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, grad_input] = slices else {
        panic!("pad2d_backward binds two buffers");
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
    let padded = grad_output.real();
    let padded = padded.chunks_exact((height + 2 * padding) * out_line);
    let images = grad_input.real_mut().chunks_exact_mut(height * line);
    for (padded, image) in padded.zip(images).take(part.step.batch as usize) {
        let lines = padded[padding * out_line..].chunks_exact(out_line);
        for (padded, pixels) in lines.zip(image.chunks_exact_mut(line)) {
            pixels.copy_from_slice(&padded[left..left + line]);
        }
    }
}

// The cases.

/// Buffers hold one sample more than the batch.
fn cases() -> Vec<Case> {
    let case = |(input, padding, samples): (ImageShape, usize, usize)| {
        let padded = output_shape(input, padding);
        let pixels = samples * padded.pixels();
        let rows = Numbers::Floats.rows(&mut Random::new(16), pixels, padded.channels);
        let len = (samples + 1) * padded.padded_elements();
        let launch = Launch {
            call: call(input, padding),
            step: batch(samples),
            arguments: vec![
                Argument::Floats(with_stale_rows(rows, len)),
                Argument::Poisoned((samples + 1) * input.padded_elements()),
            ],
        };
        launch.exact()
    };
    SHAPES.into_iter().map(case).collect()
}
