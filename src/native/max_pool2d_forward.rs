//! `max_pool2d_forward`.

use pulp::{Arch, Simd};

use super::Part;
use crate::kernels::Call;
use crate::kernels::max_pool2d_forward::Params;
use crate::reference::Slice;
use crate::shape::QUAD;

/// The maxima of all windows and where they were, as the twin picks them.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output, argmax] = slices else {
        panic!("max_pool2d_forward binds three buffers");
    };
    let params: &Params = call.params();
    let samples = part.step.batch as usize;
    let channels = params.quads as usize * QUAD;
    let in_len = (params.in_height * params.in_width) as usize * channels;
    let out_len = (params.out_height * params.out_width) as usize * channels;
    let images = input.real()[..samples * in_len].chunks_exact(in_len);
    let output = output.real_mut().chunks_exact_mut(out_len);
    let argmax = argmax.word_mut().chunks_exact_mut(out_len);
    for ((image, output), argmax) in images.zip(output).zip(argmax) {
        pool(params, image, output, argmax);
    }
}

#[pulp::with_simd(pool = Arch::new())]
#[inline(always)]
fn pool_simd<'a, S: Simd>(
    _simd: S,
    params: &'a Params,
    image: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
) {
    let channels = params.quads as usize * QUAD;
    let (width, window) = (params.in_width as usize, params.window as usize);
    let rows = output.chunks_exact_mut(channels);
    let rows = rows.zip(argmax.chunks_exact_mut(channels));
    for (index, (output, argmax)) in rows.enumerate() {
        let (row, column) = (index / params.out_width as usize, index % params.out_width as usize);
        let first = row * window * width + column * window;
        output.copy_from_slice(&image[first * channels..][..channels]);
        argmax.fill(first as u32);
        for at in 1..window * window {
            let pixel = first + at / window * width + at % window;
            let values = &image[pixel * channels..][..channels];
            for ((maximum, picked), &value) in output.iter_mut().zip(&mut *argmax).zip(values) {
                let better = (value > *maximum) | value.is_nan();
                *maximum = if better { value } else { *maximum };
                *picked = if better { pixel as u32 } else { *picked };
            }
        }
    }
}
