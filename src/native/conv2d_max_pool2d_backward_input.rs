//! `conv2d_max_pool2d_backward_input`: the weight, spread over the windows of the pixels that were
//! picked.

use super::Part;
use super::activation::take_slopes;
use super::conv2d_max_pool2d_backward_weight::picks_of;
use super::geometry::geometry;
use super::picks::{Windows, add_input_gradients, positions};
use crate::activation::Activation;
use crate::kernels::Call;
use crate::kernels::conv2d_backward_input::Params;
use crate::reference::Slice;

/// `grad_input`, channels-last, times the slope of the activation whose output `input` is.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, argmax, weight, input, grad_input] = slices else {
        panic!("conv2d_max_pool2d_backward_input binds five buffers");
    };
    let params: &Params = call.params();
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
