//! Twin of `shaders/gather_linear_backward_weight.wgsl`: the twins of gather and
//! `linear_backward_weight` in turn.

use super::gather_linear_forward::vectors;
use super::{Real, linear_backward_weight, twin};
use crate::kernels::Step;
use crate::kernels::gather_linear_backward_weight::Params;
use crate::kernels::linear_backward_weight::Params as LinearParams;

twin!(
    images_0: word, images_1: word, images_2: word, images_3: word,
    order: word, grad_output: real, partials: real_mut
);

/// images: (images of the part, words); order: (count); `grad_output`: (batch, `out`), padded;
/// partials: (splits of weight, zeros and bias).
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    images_0: &[u32],
    images_1: &[u32],
    images_2: &[u32],
    images_3: &[u32],
    order: &[u32],
    grad_output: &[T],
    partials: &mut [T],
) {
    let layout = [params.in_quads, params.image_words, params.images_per_part];
    let images = [images_0, images_1, images_2, images_3];
    let vectors: Vec<T> = vectors(layout, step, images, order);
    let linear = LinearParams {
        rows_per_sample: 1,
        in_quads: params.in_quads,
        out_quads: params.out_quads,
        splits: params.splits,
        samples_per_split: params.samples_per_split,
        bias_at: params.bias_at,
    };
    linear_backward_weight::run(&linear, step, &vectors, grad_output, partials);
}
