//! `avg_pool2d_backward`: host side, twin, native kernel and cases of `shaders/pool/avg_pool2d_backward.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{Call, Grid, Kernel, Params as _, Real, Slice, Step, reads, twin, writes};
use crate::ops::pool::avg_pool2d_forward::{Params, SHAPES};
use crate::shape::{PoolShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "avg_pool2d_backward",
    source: include_str!("../../../shaders/pool/avg_pool2d_backward.wgsl"),
    bindings: &[reads("grad_output"), writes("grad_input")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

/// The gradient by a batch of `shape.input` of whose windows the means were taken.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &PoolShape) -> Call {
    let params = Params::of(shape);
    let [quads, _] = params.sample_lens().map(|it| it / QUAD);
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

// The twin.

twin!(grad_output: real, grad_input: real_mut);

/// `grad_output`: (batch, output height, output width, padded channels); `grad_input`: (batch, height, width, padded
/// channels).
pub fn twin<T: Real>(params: &Params, step: &Step, grad_output: &[T], grad_input: &mut [T]) {
    let (window, stride) = (params.window as usize, QUAD * params.quads as usize);
    let (width, out_width) = (params.in_width as usize, params.out_width as usize);
    let [sample_len, out_len] = params.sample_lens();
    let gradients = grad_input.iter_mut().enumerate();
    for (index, gradient) in gradients.take(step.batch as usize * sample_len) {
        let (sample, pixel) = (index / sample_len, index % sample_len / stride);
        let [row, column] = [pixel / width, pixel % width].map(|it| it / window);
        let inside = row < params.out_height as usize && column < out_width;
        *gradient = if inside {
            let at = sample * out_len + (row * out_width + column) * stride + index % stride;
            grad_output[at] / T::of((window * window) as f64)
        } else {
            T::zero()
        };
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, grad_input] = slices else {
        panic!("avg_pool2d_backward binds two buffers");
    };
    let params: &Params = call.params();
    let (window, stride) = (params.window as usize, QUAD * params.quads as usize);
    let (width, out_width) = (params.in_width as usize, params.out_width as usize);
    let [sample_len, out_len] = params.sample_lens();
    let gradients = grad_output.real().chunks_exact(out_len);
    let images = grad_input.real_mut().chunks_exact_mut(sample_len);
    let share = 1.0 / (window * window) as f32;
    for (gradient, image) in gradients.zip(images).take(part.step.batch as usize) {
        image.fill(0.0);
        for (at, gradient) in gradient.chunks_exact(stride).enumerate() {
            let [row, column] = [at / out_width, at % out_width].map(|it| it * window);
            for y in row..row + window {
                let pixels = &mut image[(y * width + column) * stride..][..window * stride];
                for pixel in pixels.chunks_exact_mut(stride) {
                    pixel
                        .iter_mut()
                        .zip(gradient)
                        .for_each(|(to, from)| *to = from * share);
                }
            }
        }
    }
}

// The cases.

/// Buffers hold one sample more than the batch.
fn cases() -> Vec<Case> {
    let case = |(input, window, samples)| {
        let shape = PoolShape { input, window };
        let output = shape.output().expect("fits");
        let pixels = samples * output.pixels();
        let rows = Numbers::Floats.rows(&mut Random::new(43), pixels, input.channels);
        let len = (samples + 1) * output.padded_elements();
        let launch = Launch {
            call: call(&shape),
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
