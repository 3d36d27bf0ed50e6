//! `adaptive_max_pool2d_backward`: host side, twin and cases of `shaders/pool/adaptive_max_pool2d_backward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::numbers::{ACTIVATIONS, Random};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, params, reads, reads_words, twin, writes,
};
use crate::ops::activation::activation_backward::slope;
use crate::ops::pool::max_pool2d_backward::scatter;
use crate::ops::pool::{adaptive_max_pool2d_forward, max_pool2d_backward};
use crate::shape::{ImageShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "adaptive_max_pool2d_backward",
    source: include_str!("../../../shaders/pool/adaptive_max_pool2d_backward.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads_words("argmax"),
        reads("input"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(max_pool2d_backward::native_adaptive),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of the input.
        pub in_height: u32,
        /// Columns of the input.
        pub in_width: u32,
        /// Cells along each axis.
        pub cells: u32,
        /// Quads of one pixel.
        pub quads: u32,
        /// [`Activation`] that made the input, as a number.
        pub activation: u32,
    }
}

/// The gradient by the input of an adaptive pooling of `input` to `cells` x `cells` pixels, or of the sums before the
/// `activation` that made the input, where there is one. Without one (`Linear`) the input is not read, and anything may
/// be bound for it.
pub fn call(input: ImageShape, cells: usize, activation: Activation) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        in_height: input.height as u32,
        in_width: input.width as u32,
        cells: cells as u32,
        quads: quads as u32,
        activation: activation as u32,
    };
    let grid = Grid::per_sample(input.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(grad_output: real, argmax: word, input: real, grad_input: real_mut);

/// `grad_output` and `argmax`: (batch, cells, cells, padded channels); `input` and `grad_input`: (batch,
/// height, width, padded channels).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    argmax: &[u32],
    input: &[T],
    grad_input: &mut [T],
) {
    let windows = params.cells * params.cells;
    let pixels = params.in_height * params.in_width;
    let shape = [step.batch, windows, pixels, params.quads * QUAD as u32].map(|x| x as usize);
    scatter(shape, grad_output, argmax, grad_input);
    let activation = Activation::from_number(params.activation);
    if activation != Activation::Linear {
        let len = shape[0] * shape[2] * shape[3];
        for (grad, y) in grad_input[..len].iter_mut().zip(input) {
            *grad = *grad * slope(activation, *y);
        }
    }
}

// The cases.

/// What the forward twin picks in `input`, and its maxima.
pub fn forward(
    shape: ImageShape,
    cells: usize,
    samples: usize,
    input: &[f64],
) -> (Vec<f64>, Vec<u32>) {
    let mut maxima = vec![0.0; samples * cells * cells * shape.padded_channels()];
    let mut argmax = vec![0; maxima.len()];
    let call = adaptive_max_pool2d_forward::call(shape, cells);
    adaptive_max_pool2d_forward::twin(
        call.params(),
        &batch(samples),
        input,
        &mut maxima,
        &mut argmax,
    );
    (maxima, argmax)
}

/// Gradients are whole numbers, so that sums over overlapping cells are exact, and so are inputs and slopes.
fn launch(shape: ImageShape, cells: usize, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(9);
    let len = samples * shape.padded_elements();
    let input: Vec<f64> = random.integers(len).into_iter().map(f64::from).collect();
    let (maxima, argmax) = forward(shape, cells, samples, &input);
    Launch {
        call: call(shape, cells, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(random.integers(maxima.len())),
            Argument::Words(argmax),
            Argument::Floats(input.iter().map(|x| *x as f32).collect()),
            Argument::Poisoned(len),
        ],
    }
}

/// Full batches, and batches of half of what the buffers hold; activations in turn.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut activations = ACTIVATIONS.into_iter().cycle();
    for (height, width) in [(1, 1), (2, 3), (4, 4), (5, 7), (6, 13), (32, 9), (1, 33)] {
        for (channels, cells, samples) in [(1, 4, 1), (7, 4, 3), (33, 4, 2), (5, 3, 2), (1, 4, 257)]
        {
            let shape = ImageShape::new(channels, height, width);
            let activation = activations.next().expect("has no end");
            let mut launch = launch(shape, cells, samples, activation);
            cases.push(launch.clone().exact());
            launch.step.batch = launch.step.batch.div_ceil(2);
            cases.push(launch.exact());
        }
    }
    cases
}
