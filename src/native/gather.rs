//! `gather`.

use pulp::{Arch, Simd};

use super::Part;
use crate::kernels::Call;
use crate::kernels::gather::Params;
use crate::reference::Slice;
use crate::shape::padded;

/// The batch's images, scaled to 0..=1, channels-last and padded.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [images @ .., order, output] = slices else {
        panic!("gather binds six buffers");
    };
    let params: &Params = call.params();
    let (channels, pixels) = (params.channels as usize, params.pixels as usize);
    let words = params.image_words as usize;
    let positions = part.step.batch_start as usize..;
    let numbers = &order.word()[positions][..part.step.batch as usize];
    let output = output
        .real_mut()
        .chunks_exact_mut(pixels * padded(channels));
    for (&number, output) in numbers.iter().zip(output) {
        let images = images[(number / params.images_per_part) as usize].word();
        let first = (number % params.images_per_part) as usize * words;
        let bytes: &[u8] = bytemuck::cast_slice(&images[first..first + words]);
        let bytes = &bytes[..channels * pixels];
        match channels {
            _ if pixels == 1 => scale(bytes, output),
            3 => interleave_three(bytes, output),
            _ => interleave(bytes, channels, output),
        }
        if pixels == 1 {
            output[channels..].fill(0.0);
        }
    }
}

#[inline(always)]
fn scaled(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

#[pulp::with_simd(scale = Arch::new())]
#[inline(always)]
fn scale_simd<'a, S: Simd>(_simd: S, bytes: &'a [u8], output: &'a mut [f32]) {
    for (float, byte) in output.iter_mut().zip(bytes) {
        *float = scaled(*byte);
    }
}

#[pulp::with_simd(interleave_three = Arch::new())]
#[inline(always)]
fn interleave_three_simd<'a, S: Simd>(_simd: S, bytes: &'a [u8], output: &'a mut [f32]) {
    let (red, rest) = bytes.split_at(bytes.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    let (output, _) = output.as_chunks_mut::<4>();
    for (((pixel, red), green), blue) in output.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [scaled(*red), scaled(*green), scaled(*blue), 0.0];
    }
}

/// Any number of planes.
fn interleave(bytes: &[u8], channels: usize, output: &mut [f32]) {
    let pixels = bytes.len() / channels;
    for (at, pixel) in output.chunks_exact_mut(padded(channels)).enumerate() {
        for (channel, float) in pixel.iter_mut().enumerate() {
            let byte = (channel < channels).then(|| bytes[channel * pixels + at]);
            *float = byte.map_or(0.0, scaled);
        }
    }
}
