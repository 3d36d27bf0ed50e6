//! `max_pool2d_backward` and `adaptive_max_pool2d_backward`: gradients go to the pixels that were
//! picked, windows in row-major order.

use super::Part;
use super::activation::take_slopes;
use crate::activation::Activation;
use crate::kernels::{Call, adaptive_max_pool2d_backward, max_pool2d_backward};
use crate::reference::Slice;
use crate::shape::QUAD;

/// The gradient by the input of the pooling, or by what went into the activation before it.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, output, argmax, grad_input] = slices else {
        panic!("max_pool2d_backward binds four buffers");
    };
    let params: &max_pool2d_backward::Params = call.params();
    let activation = Activation::from_number(params.activation);
    let channels = params.quads as usize * QUAD;
    let out_len = (params.out_height * params.out_width) as usize * channels;
    let len = part.step.batch as usize * out_len;
    let [grads] = part.workspace.take([len]);
    grads.copy_from_slice(&grad_output.real()[..len]);
    take_slopes(activation, &output.real()[..len], grads);
    let in_len = (params.in_height * params.in_width) as usize * channels;
    scatter(
        [channels, out_len, in_len],
        grads,
        argmax.word(),
        grad_input.real_mut(),
    );
}

/// The gradient by the input of the adaptive pooling, whose windows may overlap.
pub(super) fn run_adaptive(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, argmax, grad_input] = slices else {
        panic!("adaptive_max_pool2d_backward binds three buffers");
    };
    let params: &adaptive_max_pool2d_backward::Params = call.params();
    let channels = params.quads as usize * QUAD;
    let out_len = (params.cells * params.cells) as usize * channels;
    let in_len = (params.in_height * params.in_width) as usize * channels;
    let grads = &grad_output.real()[..part.step.batch as usize * out_len];
    scatter(
        [channels, out_len, in_len],
        grads,
        argmax.word(),
        grad_input.real_mut(),
    );
}

/// Adds every gradient to the pixel that its window picked; all other pixels get zero.
fn scatter(
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
