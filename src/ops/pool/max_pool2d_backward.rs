//! `max_pool2d_backward`: host side, twin, native kernel and cases of `shaders/pool/max_pool2d_backward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, reads_words, twin, writes,
};
use crate::ops::activation::activation_backward::slope;
use crate::ops::activation::vectors::take_slopes;
use crate::ops::pool::max_pool2d_forward::SHAPES;
use crate::ops::pool::{adaptive_max_pool2d_backward, max_pool2d_forward};
use crate::shape::{PoolShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "max_pool2d_backward",
    source: include_str!("../../../shaders/pool/max_pool2d_backward.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("output"),
        reads_words("argmax"),
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
        /// Rows of the input.
        pub in_height: u32,
        /// Columns of the input.
        pub in_width: u32,
        /// Rows of the output.
        pub out_height: u32,
        /// Columns of the output.
        pub out_width: u32,
        /// Quads of one pixel.
        pub quads: u32,
        /// Side of the window, and its step.
        pub window: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// The gradient by the input of the pooling `shape`, or by what went into the `activation` before it.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &PoolShape, activation: Activation) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let quads = shape.input.padded_channels() / QUAD;
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        quads: quads as u32,
        window: shape.window as u32,
        activation: activation as u32,
    };
    let blocks =
        shape.input.height.div_ceil(shape.window) * shape.input.width.div_ceil(shape.window);
    let grid = Grid::per_sample(blocks * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(grad_output: real, output: real, argmax: word, grad_input: real_mut);

/// Adds the gradient of every window to the element it picked, windows in row-major order; the
/// sum in f64. `grad_output` and `argmax`: (batch, `windows`, padded channels); `grad_input`:
/// (batch, `pixels`, padded channels).
pub(in crate::ops) fn scatter<T: Real>(
    [batch, windows, pixels, stride]: [usize; 4],
    grad_output: &[T],
    argmax: &[u32],
    grad_input: &mut [T],
) {
    for sample in 0..batch {
        let mut sums = vec![0.0; pixels * stride];
        for window in 0..windows {
            for c in 0..stride {
                let at = (sample * windows + window) * stride + c;
                sums[argmax[at] as usize * stride + c] += grad_output[at].wide();
            }
        }
        let grad_sample = &mut grad_input[sample * pixels * stride..][..pixels * stride];
        for (grad, sum) in grad_sample.iter_mut().zip(sums) {
            *grad = T::of(sum);
        }
    }
}

/// `grad_output`, `output` and `argmax`: (batch, output height, output width, padded channels);
/// `grad_input`: (batch, height, width, padded channels).
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    output: &[T],
    argmax: &[u32],
    grad_input: &mut [T],
) {
    let activation = Activation::from_number(params.activation);
    let len = (step.batch * params.out_height * params.out_width * params.quads * 4) as usize;
    let pairs = grad_output.iter().zip(output).take(len);
    let grads: Vec<T> = pairs
        .map(|(&grad, &y)| grad * slope(activation, y))
        .collect();
    let windows = params.out_height * params.out_width;
    let pixels = params.in_height * params.in_width;
    let shape = [step.batch, windows, pixels, params.quads * QUAD as u32].map(|x| x as usize);
    scatter(shape, &grads, argmax, grad_input);
}

// The native kernel.
// picked, windows in row-major order.

/// The gradient by the input of the pooling, or by what went into the activation before it.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, output, argmax, grad_input] = slices else {
        panic!("max_pool2d_backward binds four buffers");
    };
    let params: &Params = call.params();
    let activation = Activation::from_number(params.activation);
    let channels = params.quads as usize * QUAD;
    let out_len = (params.out_height * params.out_width) as usize * channels;
    let len = part.step.batch as usize * out_len;
    let [grads] = part.workspace.take([len]);
    grads.copy_from_slice(&grad_output.real()[..len]);
    take_slopes(activation, &output.real()[..len], grads);
    let in_len = (params.in_height * params.in_width) as usize * channels;
    native_scatter(
        [channels, out_len, in_len],
        grads,
        argmax.word(),
        grad_input.real_mut(),
    );
}

/// The gradient by the input of the adaptive pooling, whose windows may overlap.
pub(super) fn native_adaptive(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, argmax, input, grad_input] = slices else {
        panic!("adaptive_max_pool2d_backward binds four buffers");
    };
    let params: &adaptive_max_pool2d_backward::Params = call.params();
    let channels = params.quads as usize * QUAD;
    let out_len = (params.cells * params.cells) as usize * channels;
    let in_len = (params.in_height * params.in_width) as usize * channels;
    let grads = &grad_output.real()[..part.step.batch as usize * out_len];
    let grad_input = grad_input.real_mut();
    native_scatter(
        [channels, out_len, in_len],
        grads,
        argmax.word(),
        grad_input,
    );
    let activation = Activation::from_number(params.activation);
    if activation != Activation::Linear {
        let len = part.step.batch as usize * in_len;
        take_slopes(activation, &input.real()[..len], &mut grad_input[..len]);
    }
}

/// Adds every gradient to the pixel that its window picked; all other pixels get zero.
fn native_scatter(
    [channels, out_len, in_len]: [usize; 3],
    grads: &[f32],
    argmax: &[u32],
    grad_input: &mut [f32],
) {
    let samples = grads
        .chunks_exact(out_len)
        .zip(argmax.chunks_exact(out_len));
    for ((grads, argmax), image) in samples.zip(grad_input.chunks_exact_mut(in_len)) {
        image.fill(0.0);
        let windows = grads
            .chunks_exact(channels)
            .zip(argmax.chunks_exact(channels));
        for (grads, argmax) in windows {
            for (channel, (grad, pixel)) in grads.iter().zip(argmax).enumerate() {
                image[*pixel as usize * channels + channel] += grad;
            }
        }
    }
}

// The cases.

/// What the forward twin picks in `input`, and its maxima.
///
/// # Panics
/// If the window does not fit.
pub fn forward(shape: &PoolShape, samples: usize, input: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let output = shape.output().expect("the window fits");
    let mut maxima = vec![0.0; samples * output.padded_elements()];
    let mut argmax = vec![0; maxima.len()];
    let call = max_pool2d_forward::call(shape);
    let params = call.params();
    max_pool2d_forward::twin(params, &batch(samples), input, &mut maxima, &mut argmax);
    (maxima, argmax)
}

fn launch(shape: &PoolShape, samples: usize, activation: Activation) -> Launch {
    let mut random = Random::new(9);
    let len = samples * shape.input.padded_elements();
    let input: Vec<f64> = random.integers(len).into_iter().map(f64::from).collect();
    let (maxima, argmax) = forward(shape, samples, &input);
    Launch {
        call: call(shape, activation),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(random.integers(maxima.len())),
            Argument::Floats(maxima.iter().map(|&y| y as f32).collect()),
            Argument::Words(argmax),
            Argument::Poisoned(len),
        ],
    }
}

/// All values are whole numbers, and so are the slopes of all three activations. Full batches, and
/// batches of half of what the buffers hold.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples) in SHAPES {
        for activation in [Activation::Linear, Activation::Relu, Activation::Tanh] {
            let mut launch = launch(&shape, samples, activation);
            cases.push(launch.clone().exact());
            launch.step.batch = launch.step.batch.div_ceil(2);
            cases.push(launch.exact());
        }
    }
    cases
}
