//! `conv2d_max_pool2d_forward`: an image's sums stay in the cache until they are pooled.

use pulp::{Arch, Simd};

use super::Part;
use super::activation::rectified;
use super::conv2d_forward::{convolve, scratch};
use super::geometry::{Geometry, geometry};
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
    let geometry = geometry!(params, out_height, params.conv_width, quads);
    let pooled = [params.out_height as usize, params.out_width as usize];
    let pooled_len = pooled[0] * pooled[1] * geometry.out_channels;
    let relu = Activation::from_number(params.activation) == Activation::Relu;
    let samples = part.step.batch as usize;
    let bias = &bias.real()[..geometry.out_channels];
    let input = input.real()[..samples * geometry.input_len()].chunks_exact(geometry.input_len());
    let output = output.real_mut().chunks_exact_mut(pooled_len);
    let argmax = argmax.word_mut().chunks_exact_mut(pooled_len);
    let [windows, spare] = scratch(&geometry, 1);
    let [windows, spare, sums] = part.workspace.take([windows, spare, geometry.output_len()]);
    for ((image, output), argmax) in input.zip(output).zip(argmax) {
        let scratch = [&mut windows[..], &mut spare[..]];
        convolve(&geometry, image, weight.real(), sums, scratch);
        if relu {
            pool_rectified(&geometry, pooled, bias, sums, output, argmax);
        } else {
            pool_sums(&geometry, pooled, bias, sums, output, argmax);
        }
    }
}

#[pulp::with_simd(pool_rectified = Arch::new())]
#[inline(always)]
fn pool_rectified_simd<'a, S: Simd>(
    _simd: S,
    geometry: &'a Geometry,
    pooled: [usize; 2],
    bias: &'a [f32],
    sums: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
) {
    pool(geometry, pooled, bias, sums, output, argmax, rectified);
}

#[pulp::with_simd(pool_sums = Arch::new())]
#[inline(always)]
fn pool_sums_simd<'a, S: Simd>(
    _simd: S,
    geometry: &'a Geometry,
    pooled: [usize; 2],
    bias: &'a [f32],
    sums: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
) {
    pool(geometry, pooled, bias, sums, output, argmax, |x| x);
}

/// The first maximum (or the last that is no number) of every window of an image's sums.
#[inline(always)]
fn pool(
    geometry: &Geometry,
    [out_height, out_width]: [usize; 2],
    bias: &[f32],
    sums: &[f32],
    output: &mut [f32],
    argmax: &mut [u32],
    activate: impl Fn(f32) -> f32,
) {
    let channels = geometry.out_channels;
    let rows = output.chunks_exact_mut(channels);
    let rows = rows.zip(argmax.chunks_exact_mut(channels));
    for (index, (output, argmax)) in rows.enumerate().take(out_height * out_width) {
        let (row, column) = (index / out_width, index % out_width);
        let first = row * WINDOW * geometry.out_width + column * WINDOW;
        let pixels = [first, first + 1, first + geometry.out_width, first + geometry.out_width + 1];
        let [a, b, c, d] = pixels.map(|pixel| &sums[pixel * channels..][..channels]);
        for channel in 0..channels {
            let bias = bias[channel];
            let mut maximum = activate(a[channel] + bias);
            let mut picked = pixels[0] as u32;
            for (values, pixel) in [(b, pixels[1]), (c, pixels[2]), (d, pixels[3])] {
                let value = activate(values[channel] + bias);
                let better = (value > maximum) | value.is_nan();
                maximum = if better { value } else { maximum };
                picked = if better { pixel as u32 } else { picked };
            }
            output[channel] = maximum;
            argmax[channel] = picked;
        }
    }
}
