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
    let [windows, sums] = part.workspace.take(scratch(&geometry, 1));
    for ((image, output), argmax) in input.zip(output).zip(argmax) {
        let scratch = [&mut windows[..], &mut []];
        convolve(&geometry, 1, image, weight.real(), sums, scratch);
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
    let (in_groups, whole) = (channels / GROUP * GROUP, channels);
    let mut rows = output
        .chunks_exact_mut(channels)
        .zip(argmax.chunks_exact_mut(channels));
    for row in 0..out_height {
        let line = row * WINDOW * geometry.out_width;
        for (column, (output, argmax)) in (0..out_width).zip(&mut rows) {
            let first = line + column * WINDOW;
            let below = first + geometry.out_width;
            let window = Window {
                pixels: [first, first + 1, below, below + 1],
                sums,
                bias,
            };
            for at in (0..in_groups).step_by(GROUP) {
                window.pool::<GROUP>(at, output, argmax, &activate);
            }
            for at in (in_groups..whole).step_by(QUAD) {
                window.pool::<QUAD>(at, output, argmax, &activate);
            }
        }
    }
}

/// Channels that are pooled together: no vector is longer.
const GROUP: usize = 16;

/// The pixels of a window, and what is pooled.
struct Window<'a> {
    pixels: [usize; WINDOW * WINDOW],
    sums: &'a [f32],
    bias: &'a [f32],
}

impl Window<'_> {
    /// Pools `N` channels from `at` on.
    #[inline(always)]
    fn pool<const N: usize>(
        &self,
        at: usize,
        output: &mut [f32],
        argmax: &mut [u32],
        activate: &impl Fn(f32) -> f32,
    ) {
        let bias: [f32; N] = std::array::from_fn(|channel| self.bias[at..][..N][channel]);
        let value = |pixel: usize| -> [f32; N] {
            let sums = &self.sums[pixel * self.bias.len() + at..][..N];
            std::array::from_fn(|channel| activate(sums[channel] + bias[channel]))
        };
        let [first, others @ ..] = self.pixels;
        let (mut maximum, mut picked) = (value(first), [first as u32; N]);
        for pixel in others {
            let values = value(pixel);
            for channel in 0..N {
                let value = values[channel];
                let better = (value > maximum[channel]) | value.is_nan();
                maximum[channel] = if better { value } else { maximum[channel] };
                picked[channel] = if better {
                    pixel as u32
                } else {
                    picked[channel]
                };
            }
        }
        output[at..][..N].copy_from_slice(&maximum);
        argmax[at..][..N].copy_from_slice(&picked);
    }
}
