//! `conv2d_backward_input`: gradients times the weight, spread over the windows.

use super::Part;
use super::activation::take_slopes;
use super::geometry::{FLOATS, Geometry, ROWS, geometry};
use super::product::{Matrix, multiply};
use crate::activation::Activation;
use crate::kernels::Call;
use crate::kernels::conv2d_backward_input::Params;
use crate::reference::Slice;

/// `grad_input`, channels-last: every output pixel's gradient spread over its window, times the slope
/// of the activation whose output `input` is.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [grad_output, weight, input, grad_input] = slices else {
        panic!("conv2d_backward_input binds four buffers");
    };
    let params: &Params = call.params();
    let geometry = geometry!(params);
    let samples = part.step.batch as usize;
    let grads = &grad_output.real()[..samples * geometry.output_len()];
    let grad_input = &mut grad_input.real_mut()[..samples * geometry.input_len()];
    let weight = &weight.real()[..geometry.window() * geometry.out_channels];
    if geometry.is_pointwise() {
        let weight = Matrix::new(weight, geometry.in_channels, geometry.out_channels);
        let rows = samples * geometry.pixels();
        let grads = Matrix::new(grads, rows, geometry.out_channels);
        multiply(grad_input, false, grads, weight.transposed());
    } else {
        spread(&geometry, weight, grads, grad_input, part);
    }
    let activation = Activation::from_number(params.activation);
    if activation != Activation::Linear {
        take_slopes(activation, input.real(), grad_input);
    }
}

/// All gradients of an image as a matrix.
fn spread(
    geometry: &Geometry,
    weight: &[f32],
    grads: &[f32],
    grad_input: &mut [f32],
    part: &mut Part<'_>,
) {
    let together = images_together(geometry);
    let window = geometry.window();
    let weight = Matrix::new(weight, window, geometry.out_channels).transposed();
    let [windows] = part.workspace.take([together * geometry.pixels() * window]);
    grad_input.fill(0.0);
    let images = grad_input.chunks_mut(together * geometry.input_len());
    for (grads, images) in grads.chunks(together * geometry.output_len()).zip(images) {
        let rows = grads.len() / geometry.out_channels;
        multiply(
            windows,
            false,
            Matrix::new(grads, rows, geometry.out_channels),
            weight,
        );
        let windows = windows.chunks_exact(geometry.pixels() * window);
        for (windows, image) in windows.zip(images.chunks_exact_mut(geometry.input_len())) {
            geometry.raise(windows, image);
        }
    }
}

/// Images whose windows are one matrix: enough rows for a product, and no more than the caches hold.
fn images_together(geometry: &Geometry) -> usize {
    let rows = ROWS.min(FLOATS / geometry.window()).max(2);
    (rows / geometry.pixels()).max(1)
}
