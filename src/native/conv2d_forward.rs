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
    let [windows, sums, weights] = part.workspace.take(scratch(&geometry, together));
    let weight = widened(&geometry, weight.real(), weights);
    for (images, output) in input.zip(output) {
        let scratch = [&mut windows[..], &mut sums[..]];
        convolve(&geometry, together, images, weight, output, scratch);
        finish(activation, bias, channels, output);
    }
}

/// Floats of scratch for `together` images: windows and sums of [`convolve`], and the weight of
/// [`widened`].
pub(super) const fn scratch(geometry: &Geometry, together: usize) -> [usize; 3] {
    let rows = together * geometry.pixels();
    [
        rows * geometry.window() + SLACK,
        rows * geometry.columns(),
        geometry.window() * geometry.columns(),
    ]
}

/// The weight with as many columns as the geometry's products have, the last of them zero.
pub(super) fn widened<'w>(
    geometry: &Geometry,
    weight: &'w [f32],
    wide: &'w mut [f32],
) -> &'w [f32] {
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    if channels == columns {
        return weight;
    }
    wide.fill(0.0);
    let rows = wide
        .chunks_exact_mut(columns)
        .zip(weight.chunks_exact(channels));
    for (wide, row) in rows {
        wide[..channels].copy_from_slice(row);
    }
    wide
}

/// The sums of all windows of `images`, without bias; `weight` is [`widened`], `windows` and `sums` are
/// scratch of the lengths that [`scratch`] says.
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
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    let windows = Matrix::new(windows, together * geometry.pixels(), geometry.window());
    let weight = Matrix::new(weight, geometry.window(), columns);
    if is_whole && channels == columns {
        return multiply(output, false, windows, weight);
    }
    multiply(sums, false, windows, weight);
    let rows = output
        .chunks_exact_mut(channels)
        .zip(sums.chunks_exact(columns));
    for (output, sums) in rows {
        output.copy_from_slice(&sums[..channels]);
    }
}
