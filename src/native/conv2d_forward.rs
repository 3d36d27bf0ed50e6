//! `conv2d_forward`: windows as rows of a matrix, times the weight.

use super::Part;
use super::activation::finish;
use super::geometry::{Geometry, SLACK, geometry};
use super::product::{Matrix, multiply_rows};
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
    let geometry = geometry!(params, params.out_height, params.out_width, quads)
        .without_padding(call.in_channels);
    let activation = Activation::from_number(params.activation);
    let samples = part.step.batch as usize;
    let together = geometry.images_together();
    let input =
        input.real()[..samples * geometry.input_len()].chunks(together * geometry.input_len());
    let output = output.real_mut()[..samples * geometry.output_len()]
        .chunks_mut(together * geometry.output_len());
    let bias = &bias.real()[..geometry.out_channels];
    let [lowered, sums, weights] = part.workspace.take(scratch(&geometry, together));
    let weight = widened(&geometry, weight.real(), weights);
    for (images, output) in input.zip(output) {
        convolve(&geometry, images, weight, lowered, sums);
        geometry.take_images(sums, geometry.columns(), output);
        finish(activation, bias, channels, output);
    }
}

/// Floats of scratch for `together` images: what is lowered, sums of [`convolve`], and the weight of
/// [`widened`].
pub(super) const fn scratch(geometry: &Geometry, together: usize) -> [usize; 3] {
    [
        geometry.lowered_len(together),
        (together * geometry.pixels() + 2) * geometry.columns() + SLACK,
        geometry.window() * geometry.columns(),
    ]
}

/// The weight as the geometry's products have it: without the rows of what they leave out, and with as
/// many columns, the last of them zero.
pub(super) fn widened<'w>(
    geometry: &Geometry,
    weight: &'w [f32],
    wide: &'w mut [f32],
) -> &'w [f32] {
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    if channels == columns && geometry.padding == 0 {
        return weight;
    }
    for (row, from) in geometry.weight_rows() {
        let (wide, padding) = wide[row * columns..][..columns].split_at_mut(channels);
        wide.copy_from_slice(&weight[from * channels..][..channels]);
        padding.fill(0.0);
    }
    wide
}

/// The sums of all windows of `images`, without bias: for every row of output pixels those of all images,
/// each of [`Geometry::columns`]. `weight` is [`widened`], `lowered` is scratch.
pub(super) fn convolve(
    geometry: &Geometry,
    images: &[f32],
    weight: &[f32],
    lowered: &mut [f32],
    sums: &mut [f32],
) {
    geometry.lower(images, lowered);
    let images = images.len() / geometry.input_len();
    let columns = geometry.columns();
    let weight = Matrix::new(weight, geometry.window(), columns);
    let (sums, spare) = sums.split_at_mut(images * geometry.pixels() * columns);
    let rows = sums.chunks_exact_mut(images * geometry.out_width * columns);
    for (y, sums) in rows.enumerate() {
        multiply_rows(sums, geometry.windows(lowered, images, y), weight, spare);
    }
}
