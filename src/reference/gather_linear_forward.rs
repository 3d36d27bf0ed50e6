//! Twin of `shaders/gather_linear_forward.wgsl`: the twins of gather and `linear_forward` in turn.

use super::{Real, gather, linear_forward, twin};
use crate::kernels::Step;
use crate::kernels::gather::Params as GatherParams;
use crate::kernels::gather_linear_forward::Params;
use crate::kernels::linear_forward::Params as LinearParams;
use crate::shape::QUAD;

twin!(
    images_0: word, images_1: word, images_2: word, images_3: word,
    order: word, weight: real, bias: real, output: real_mut
);

/// The batch of images, each as a vector of `4 in_quads` elements.
pub(super) fn vectors<T: Real>(
    [in_quads, image_words, images_per_part]: [u32; 3],
    step: &Step,
    [images_0, images_1, images_2, images_3]: [&[u32]; 4],
    order: &[u32],
) -> Vec<T> {
    let features = in_quads as usize * QUAD;
    let params = GatherParams {
        channels: features as u32,
        pixels: 1,
        image_words,
        images_per_part,
    };
    let mut vectors = vec![T::zero(); step.batch as usize * features];
    gather::run(
        &params,
        step,
        images_0,
        images_1,
        images_2,
        images_3,
        order,
        &mut vectors,
    );
    vectors
}

/// images: (images of the part, words); order: (count); weight: (`in`, `out`), padded; output:
/// (batch, `out`), padded.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    images_0: &[u32],
    images_1: &[u32],
    images_2: &[u32],
    images_3: &[u32],
    order: &[u32],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    let layout = [params.in_quads, params.image_words, params.images_per_part];
    let images = [images_0, images_1, images_2, images_3];
    let vectors: Vec<T> = vectors(layout, step, images, order);
    let linear = LinearParams {
        rows_per_sample: 1,
        in_quads: params.in_quads,
        out_channels: params.out_channels,
        activation: params.activation,
    };
    linear_forward::run(&linear, step, &vectors, weight, bias, output);
}
