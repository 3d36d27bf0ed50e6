//! `conv2d_max_pool2d_forward`: an image's sums stay in the cache until they are pooled.

use pulp::{Arch, Simd};

use super::Part;
use super::conv2d_forward::{convolve, scratch, widened};
use super::geometry::{Geometry, SLACK, geometry};
use crate::activation::Activation;
use crate::kernels::Call;
use crate::kernels::conv2d_max_pool2d_forward::{Params, WINDOW};
use crate::reference::Slice;
use crate::shape::{QUAD, padded};

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, weight, bias, output, argmax] = slices else {
        panic!("conv2d_max_pool2d_forward binds five buffers");
    };
    let params: &Params = call.params();
    let quads = padded(params.out_channels as usize) / QUAD;
    let out_height = (params.in_height - params.kernel_height) / params.stride + 1;
    let geometry =
        geometry!(params, out_height, params.conv_width, quads).without_padding(call.in_channels);
    let pooled = [params.out_height as usize, params.out_width as usize];
    let pooled_len = pooled[0] * pooled[1] * geometry.out_channels;
    let is_relu = Activation::from_number(params.activation) == Activation::Relu;
    let samples = part.step.batch as usize;
    let together = geometry.images_together();
    let input =
        input.real()[..samples * geometry.input_len()].chunks(together * geometry.input_len());
    let output = output.real_mut().chunks_mut(together * pooled_len);
    let argmax = argmax.word_mut().chunks_mut(together * pooled_len);
    let [lowered, sums, weights] = scratch(&geometry, together);
    let [lowered, sums, weights, slack_bias] =
        part.workspace
            .take([lowered, sums, weights, geometry.out_channels + SLACK]);
    let weight = widened(&geometry, weight.real(), weights);
    slack_bias[..geometry.out_channels].copy_from_slice(&bias.real()[..geometry.out_channels]);
    for ((images, output), argmax) in input.zip(output).zip(argmax) {
        convolve(&geometry, images, weight, lowered, sums);
        let count = images.len() / geometry.input_len();
        let maxima = output.chunks_exact_mut(pooled_len);
        let maxima = maxima.zip(argmax.chunks_exact_mut(pooled_len));
        for (image, (output, argmax)) in maxima.take(count).enumerate() {
            let own = &sums[image * geometry.out_width * geometry.columns()..];
            pool(
                &geometry, count, pooled, is_relu, slack_bias, own, output, argmax,
            );
        }
    }
}

/// The first maximum (or the last that is no number) of every window of an image's sums, one of `images`
/// that [`convolve`] gave. They end in [`SLACK`] as the bias does: vectors are whole, and what lies behind
/// the last channel is overwritten by the next window.
#[pulp::with_simd(pool = Arch::new())]
#[inline(always)]
fn pool_simd<'a, S: Simd>(
    simd: S,
    geometry: &'a Geometry,
    images: usize,
    [out_height, out_width]: [usize; 2],
    is_relu: bool,
    bias: &'a [f32],
    sums: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
) {
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    let mut at = 0;
    for row in 0..out_height {
        for column in 0..out_width {
            let first = (row * geometry.out_width + column) * WINDOW;
            let below = first + geometry.out_width;
            let pixels = [first, first + 1, below, below + 1];
            // Lines of all images lie between the two.
            let first = (row * images * geometry.out_width + column) * WINDOW;
            let below = first + images * geometry.out_width;
            let sums_at = [first, first + 1, below, below + 1].map(|it| it * columns);
            for channel in (0..channels).step_by(S::F32_LANES) {
                let bias = vector(simd, bias, channel);
                let value = |at: usize| {
                    let sum = vector(simd, sums, at + channel);
                    let sum = simd.add_f32s(sum, bias);
                    let zero = simd.splat_f32s(0.0);
                    let is_positive = simd.greater_than_f32s(sum, zero);
                    // 0 for what is no number, as `max` gives it.
                    if is_relu {
                        simd.select_f32s(is_positive, sum, zero)
                    } else {
                        sum
                    }
                };
                let [first, others @ ..] = sums_at;
                let (mut maximum, mut picked) = (value(first), simd.splat_u32s(pixels[0] as u32));
                for (at, pixel) in others.into_iter().zip(&pixels[1..]) {
                    let value = value(at);
                    let is_number = simd.equal_f32s(value, value);
                    let is_more = simd.greater_than_f32s(value, maximum);
                    let is_better = simd.or_m32s(is_more, simd.not_m32s(is_number));
                    maximum = simd.select_f32s(is_better, value, maximum);
                    picked = simd.select_u32s(is_better, simd.splat_u32s(*pixel as u32), picked);
                }
                let at = at + channel;
                let lanes = at..(at + S::F32_LANES).min(output.len());
                if let Some(output) = S::as_mut_simd_f32s(&mut output[lanes.clone()])
                    .0
                    .first_mut()
                    && let Some(argmax) = S::as_mut_simd_u32s(&mut argmax[lanes.clone()])
                        .0
                        .first_mut()
                {
                    (*output, *argmax) = (maximum, picked);
                } else {
                    simd.partial_store_f32s(&mut output[lanes.clone()], maximum);
                    simd.partial_store_u32s(&mut argmax[lanes], picked);
                }
            }
            at += channels;
        }
    }
}

/// A vector from `at` on.
#[inline(always)]
fn vector<S: Simd>(_simd: S, floats: &[f32], at: usize) -> S::f32s {
    let (vectors, _) = S::as_simd_f32s(&floats[at..][..S::F32_LANES]);
    vectors[0]
}
