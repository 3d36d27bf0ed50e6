//! `conv2d_forward`: windows as rows of a matrix, times the weight.

use super::Part;
use super::activation::finish;
use super::geometry::{Geometry, SLACK, geometry};
use super::product::{Matrix, multiply};
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
    let input =
        input.real()[..samples * geometry.input_len()].chunks(together * geometry.input_len());
    let output = output.real_mut()[..samples * geometry.output_len()]
        .chunks_mut(together * geometry.output_len());
    let bias = &bias.real()[..geometry.out_channels];
    let [windows, sums] = part.workspace.take(scratch(&geometry, together));
    for (images, output) in input.zip(output) {
        let scratch = [&mut windows[..], &mut sums[..]];
        convolve(&geometry, together, images, weight.real(), output, scratch);
        finish(activation, bias, channels, output);
    }
}

/// Floats of scratch that [`convolve`] takes for `together` images.
pub(super) const fn scratch(geometry: &Geometry, together: usize) -> [usize; 2] {
    let windows = together * geometry.pixels() * geometry.window() + SLACK;
    [windows, together * geometry.output_len()]
}

/// The sums of all windows of `images`, without bias; `windows` and `sums` are scratch of the lengths
/// that [`scratch`] says.
///
/// Products are always of the rows of `together` images, so that no image's results depend on how many
/// come with it: `gemm` sums few rows in another order.
pub(super) fn convolve(
    geometry: &Geometry,
    together: usize,
    images: &[f32],
    weight: &[f32],
    output: &mut [f32],
    [windows, sums]: [&mut [f32]; 2],
) {
    let is_whole = images.len() == together * geometry.input_len();
    let windows = if is_whole && geometry.is_pointwise() {
        images
    } else {
        geometry.lower(images, windows);
        windows
    };
    let windows = Matrix::new(windows, together * geometry.pixels(), geometry.window());
    let weight = Matrix::new(weight, geometry.window(), geometry.out_channels);
    if is_whole {
        return multiply(output, false, windows, weight);
    }
    multiply(sums, false, windows, weight);
    output.copy_from_slice(&sums[..output.len()]);
}
