//! `conv2d_forward`: windows as rows of a matrix, times the weight.

use super::activation::finish;
use super::geometry::{Geometry, SLACK, geometry};
use super::product::{Matrix, multiply_rows};
use super::Part;
use crate::activation::Activation;
use crate::kernels::Call;
use crate::kernels::conv2d_forward::Params;
use crate::reference::Slice;
use crate::shape::{QUAD, padded};

/// output = activation(conv2d(input, weight) + bias), channels-last and padded.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, weight, bias, output] = slices else {
        panic!("conv2d_forward binds four buffers");
    };
    let params: &Params = call.params();
    let channels = params.out_channels as usize;
    let quads = padded(channels) / QUAD;
    let geometry = geometry!(params, params.out_height, params.out_width, quads);
    let activation = Activation::from_number(params.activation);
    let samples = part.step.batch as usize;
    let together = geometry.images_per_product();
    let input = input.real()[..samples * geometry.input_len()].chunks(together * geometry.input_len());
    let output = output.real_mut()[..samples * geometry.output_len()]
        .chunks_mut(together * geometry.output_len());
    let bias = &bias.real()[..geometry.out_channels];
    let [windows, spare] = part.workspace.take(scratch(&geometry, together));
    for (images, output) in input.zip(output) {
        let scratch = [&mut windows[..], &mut spare[..]];
        convolve(&geometry, images, weight.real(), output, scratch);
        finish(activation, bias, channels, output);
    }
}

/// Floats of scratch that [`convolve`] takes for `images` images.
pub(super) const fn scratch(geometry: &Geometry, images: usize) -> [usize; 2] {
    let windows = if geometry.is_pointwise() {
        0
    } else {
        images * geometry.pixels() * geometry.window() + SLACK
    };
    [windows, 2 * geometry.out_channels]
}

/// The sums of all windows of `images`, without bias; `windows` and `spare` are scratch of the lengths
/// that [`scratch`] says.
pub(super) fn convolve(
    geometry: &Geometry,
    images: &[f32],
    weight: &[f32],
    output: &mut [f32],
    [windows, spare]: [&mut [f32]; 2],
) {
    let rows = images.len() / geometry.input_len() * geometry.pixels();
    let weight = Matrix::new(weight, geometry.window(), geometry.out_channels);
    if geometry.is_pointwise() {
        let images = Matrix::new(images, rows, geometry.in_channels);
        return multiply_rows(output, images, weight, spare);
    }
    geometry.lower(images, windows);
    let windows = &windows[..rows * geometry.window()];
    multiply_rows(output, Matrix::new(windows, rows, geometry.window()), weight, spare);
}
