//! `conv2d_backward_weight`: windows, transposed, times gradients.

use super::geometry::{Geometry, geometry};
use super::linear_backward_weight::{Ranges, add_rows};
use super::product::{Matrix, multiply};
use super::{Part, Workspace};
use crate::kernels::Call;
use crate::kernels::conv2d_backward_weight::Params;
use crate::reference::Slice;
use crate::shape::QUAD;

/// partials (splits of weight, zeros and bias) of the gradients by both, by ranges of samples.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, grad_output, partials] = slices else {
        panic!("conv2d_backward_weight binds three buffers");
    };
    let params: &Params = call.params();
    let geometry = geometry!(params).without_padding(call.in_channels);
    let ranges = Ranges {
        splits: params.splits as usize,
        samples_per_split: params.samples_per_split as usize,
        samples: part.step.batch as usize,
    };
    let bias_at = params.bias_at as usize * QUAD;
    let partials = partials
        .real_mut()
        .chunks_exact_mut(bias_at + geometry.out_channels);
    for (range, partial) in ranges.iter().zip(partials) {
        let of = |len: usize| range.start * len..range.end * len;
        let images = &input.real()[of(geometry.input_len())];
        let grads = &grad_output.real()[of(geometry.output_len())];
        partial.fill(0.0);
        let (weight, bias) = partial.split_at_mut(bias_at);
        sum(&geometry, images, grads, [weight, bias], part.workspace);
    }
}

/// All gradients of a row of output pixels as a matrix.
fn sum(
    geometry: &Geometry,
    images: &[f32],
    grads: &[f32],
    [weight, bias]: [&mut [f32]; 2],
    workspace: &mut Workspace,
) {
    let window = geometry.window();
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    let together = geometry.images_together();
    let is_wide = channels != columns || geometry.padding > 0;
    let [lowered, rows, wide_sums] = workspace.take([
        geometry.lowered_len(together),
        together * geometry.pixels() * columns,
        if is_wide { window * columns } else { 0 },
    ]);
    // What pads them stays zero.
    rows.fill(0.0);
    wide_sums.fill(0.0);
    let grads = grads.chunks(together * geometry.output_len());
    for (images, grads) in images.chunks(together * geometry.input_len()).zip(grads) {
        add_rows(grads, bias);
        geometry.lower(images, lowered);
        geometry.take_rows(grads, columns, rows);
        let images = grads.len() / geometry.output_len();
        let row = images * geometry.out_width;
        for (y, grads) in rows
            .chunks_exact(row * columns)
            .take(geometry.out_height)
            .enumerate()
        {
            let windows = geometry.windows(lowered, images, y).transposed();
            let sums = if is_wide {
                &mut *wide_sums
            } else {
                &mut *weight
            };
            multiply(sums, true, windows, Matrix::new(grads, row, columns));
        }
    }
    if is_wide {
        for (row, to) in geometry.weight_rows() {
            let sums = &wide_sums[row * columns..][..channels];
            weight[to * channels..][..channels].copy_from_slice(sums);
        }
    }
}
