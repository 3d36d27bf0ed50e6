//! `conv2d_max_pool2d_backward_input`: host side, twin, native kernel and cases of `shaders/conv2d/conv2d_max_pool2d_backward_input.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Case, Launch, Tolerance};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random};
use crate::kernel::tile::BATCH_TILES;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, reads, reads_words, twin, writes,
};
use crate::ops::activation::vectors::take_slopes;
use crate::ops::conv2d::conv2d_backward_input;
use crate::ops::conv2d::conv2d_backward_input::Params;
use crate::ops::conv2d::conv2d_max_pool2d_backward_weight::picks;
use crate::ops::conv2d::conv2d_max_pool2d_backward_weight::{picks_of, shapes, unpooled};
use crate::ops::conv2d::conv2d_max_pool2d_forward::WINDOW;
use crate::ops::conv2d::geometry::geometry;
use crate::ops::conv2d::picks::{Windows, add_input_gradients, positions};
use crate::shape::{ConvShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_backward_input",
    source: include_str!("../../../shaders/conv2d/conv2d_max_pool2d_backward_input.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads_words("argmax"),
        reads("weight"),
        reads("input"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

/// What [`conv2d_backward_input::call`] computes, but from the gradient of the pooled output before
/// its activation, and the pixels that were picked.
///
/// # Panics
/// If a window does not fit: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation) -> Call {
    let dense = conv2d_backward_input::call_tiled(shape, activation, &BATCH_TILES[0]);
    let params: &Params = dense.params();
    let quads = shape.input.padded_elements() / QUAD;
    let call = Call::new(&KERNEL, &[], params, Grid::per_sample(quads, 64));
    call.with_flops(shape.flops() / (WINDOW * WINDOW))
}

// The twin.

twin!(grad_output: real, argmax: word, weight: real, input: real, grad_input: real_mut);

/// The gradient of [`conv2d_backward_input`], that of every window being the gradient of the pixel it
/// picked.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    argmax: &[u32],
    weight: &[T],
    input: &[T],
    grad_input: &mut [T],
) {
    let shape = [params.out_height, params.out_width, params.out_quads];
    let grads = unpooled(shape, step, grad_output, argmax);
    conv2d_backward_input::twin(params, step, &grads, weight, input, grad_input);
}

// The native kernel.
// picked.

/// `grad_input`, channels-last, times the slope of the activation whose output `input` is.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.padding > 0 {
        // The processor's programs have none: there it is an operation of its own.
        return TWIN.run(call, &part.step, slices);
    }
    let [grad_output, argmax, weight, input, grad_input] = slices else {
        panic!("conv2d_max_pool2d_backward_input binds five buffers");
    };
    let geometry = geometry!(params);
    let windows = Windows::of(&geometry);
    let len = geometry.input_len();
    let [image, by_channel] = part
        .workspace
        .take([len + Windows::SLACK, geometry.out_channels * windows.len()]);
    by_channel.fill(0.0);
    let rows = weight.real().chunks_exact(geometry.out_channels);
    for (row, at) in rows.zip(positions(&geometry)) {
        let windows = by_channel.chunks_exact_mut(windows.len());
        for (window, weight) in windows.zip(row) {
            window[at] = *weight;
        }
    }
    let activation = Activation::from_number(params.activation);
    let grad_input = grad_input.real_mut().chunks_exact_mut(len);
    for (sample, grads) in grad_input.take(part.step.batch as usize).enumerate() {
        let picks = picks_of(&geometry, sample, grad_output.real(), argmax.word());
        image.fill(0.0);
        add_input_gradients(&windows, picks, by_channel, image);
        grads.copy_from_slice(&image[..len]);
        if activation != Activation::Linear {
            take_slopes(activation, &input.real()[sample * len..][..len], grads);
        }
    }
}

// The cases.

/// The launch of `conv2d_backward_input` with gradients of the pooled output.
///
/// # Panics
/// If a window does not fit.
pub fn launch(
    numbers: Numbers,
    samples: (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let dense = conv2d_backward_input::launch(numbers, samples, shape, activation);
    let mut arguments = dense.arguments;
    arguments.splice(0..1, picks(numbers, &mut Random::new(8), samples, shape));
    Launch {
        call: call(shape, activation),
        arguments,
        ..dense
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in &shapes() {
        for activation in conv2d_backward_input::EXACT {
            cases.push(launch(Numbers::Integers, (3, 5), shape, activation).exact());
        }
        let floats = launch(Numbers::Floats, (7, 9), shape, Activation::Tanh);
        let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
