//! `conv2d_max_pool2d_backward_weight`: the windows under the pixels that were picked.

use super::Part;
use super::geometry::{Geometry, geometry};
use super::linear_backward_weight::{Ranges, add_rows};
use super::picks::{Picks, Windows, add_weight_gradients, positions};
use crate::kernels::Call;
use crate::kernels::conv2d_backward_weight::Params;
use crate::kernels::conv2d_max_pool2d_forward::WINDOW;
use crate::reference::Slice;
use crate::shape::QUAD;

/// partials (splits of weight, zeros and bias) of the gradients by both, by ranges of samples.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, grad_output, argmax, partials] = slices else {
        panic!("conv2d_max_pool2d_backward_weight binds four buffers");
    };
    let params: &Params = call.params();
    let geometry = geometry!(params);
    let windows = Windows::of(&geometry);
    let channels = geometry.out_channels;
    let ranges = Ranges {
        splits: params.splits as usize,
        samples_per_split: params.samples_per_split as usize,
        samples: part.step.batch as usize,
    };
    let bias_at = params.bias_at as usize * QUAD;
    let [image, sums] = part.workspace.take([
        geometry.input_len() + Windows::SLACK,
        channels * windows.len(),
    ]);
    let partials = partials.real_mut().chunks_exact_mut(bias_at + channels);
    for (range, partial) in ranges.iter().zip(partials) {
        partial.fill(0.0);
        sums.fill(0.0);
        let (weight, bias) = partial.split_at_mut(bias_at);
        for sample in range {
            let picks = picks_of(&geometry, sample, grad_output.real(), argmax.word());
            add_rows(picks.grads, bias);
            let at = sample * geometry.input_len();
            image[..geometry.input_len()]
                .copy_from_slice(&input.real()[at..][..geometry.input_len()]);
            add_weight_gradients(&windows, picks, image, sums);
        }
        for (row, at) in weight.chunks_exact_mut(channels).zip(positions(&geometry)) {
            let sums = sums.chunks_exact(windows.len());
            for (weight, sums) in row.iter_mut().zip(sums) {
                *weight = sums[at];
            }
        }
    }
}

/// Those of a sample of the batch.
pub(super) fn picks_of<'a>(
    geometry: &Geometry,
    sample: usize,
    grads: &'a [f32],
    argmax: &'a [u32],
) -> Picks<'a> {
    let windows = (geometry.out_height / WINDOW) * (geometry.out_width / WINDOW);
    let len = windows * geometry.out_channels;
    Picks {
        grads: &grads[sample * len..][..len],
        pixels: &argmax[sample * len..][..len],
    }
}
