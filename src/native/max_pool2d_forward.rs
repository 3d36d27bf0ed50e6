//! `max_pool2d_forward` and `adaptive_max_pool2d_forward`.

use std::ops::Range;

use pulp::{Arch, Simd};

use super::Part;
use crate::kernels::{Call, adaptive_max_pool2d_forward, max_pool2d_forward};
use crate::reference::Slice;
use crate::shape::{QUAD, adaptive_window};

/// The maxima of all windows and where they were, as the twin picks them.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &max_pool2d_forward::Params = call.params();
    let window = params.window as usize;
    let ranges = |count: u32| {
        (0..count as usize)
            .map(|at| at * window..(at + 1) * window)
            .collect()
    };
    let pooling = Pooling {
        rows: ranges(params.out_height),
        columns: ranges(params.out_width),
        height: params.in_height as usize,
        width: params.in_width as usize,
        channels: params.quads as usize * QUAD,
    };
    pooling.run(part, slices);
}

/// The same of windows that divide the image into cells.
pub(super) fn run_adaptive(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &adaptive_max_pool2d_forward::Params = call.params();
    let cells = params.cells as usize;
    let ranges = |length: u32| {
        let range = |cell| adaptive_window(cell, cells, length as usize);
        (0..cells)
            .map(range)
            .map(|(start, end)| start..end)
            .collect()
    };
    let pooling = Pooling {
        rows: ranges(params.in_height),
        columns: ranges(params.in_width),
        height: params.in_height as usize,
        width: params.in_width as usize,
        channels: params.quads as usize * QUAD,
    };
    pooling.run(part, slices);
}

/// Windows over images of one shape.
struct Pooling {
    /// Lines of each row of windows.
    rows: Vec<Range<usize>>,
    /// Pixels of a line of each column of windows.
    columns: Vec<Range<usize>>,
    height: usize,
    width: usize,
    channels: usize,
}

impl Pooling {
    fn run(&self, part: &Part<'_>, slices: &mut [Slice<'_, f32>]) {
        let [input, output, argmax] = slices else {
            panic!("poolings bind three buffers");
        };
        let in_len = self.height * self.width * self.channels;
        let out_len = self.rows.len() * self.columns.len() * self.channels;
        let images = input.real()[..part.step.batch as usize * in_len].chunks_exact(in_len);
        let output = output.real_mut().chunks_exact_mut(out_len);
        let argmax = argmax.word_mut().chunks_exact_mut(out_len);
        for ((image, output), argmax) in images.zip(output).zip(argmax) {
            pool(self, image, output, argmax);
        }
    }
}

#[pulp::with_simd(pool = Arch::new())]
#[inline(always)]
fn pool_simd<'a, S: Simd>(
    _simd: S,
    pooling: &'a Pooling,
    image: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
) {
    let channels = pooling.channels;
    let maxima = output.chunks_exact_mut(channels);
    let mut maxima = maxima.zip(argmax.chunks_exact_mut(channels));
    for rows in &pooling.rows {
        for (columns, (maxima, picked)) in pooling.columns.iter().zip(&mut maxima) {
            let first = rows.start * pooling.width + columns.start;
            maxima.copy_from_slice(&image[first * channels..][..channels]);
            picked.fill(first as u32);
            for row in rows.clone() {
                for column in columns.clone() {
                    let pixel = row * pooling.width + column;
                    let values = &image[pixel * channels..][..channels];
                    let pairs = maxima.iter_mut().zip(&mut *picked);
                    for ((maximum, picked), &value) in pairs.zip(values) {
                        let better = (value > *maximum) | value.is_nan();
                        *maximum = if better { value } else { *maximum };
                        *picked = if better { pixel as u32 } else { *picked };
                    }
                }
            }
        }
    }
}
