//! Twin of `shaders/max_pool2d_forward.wgsl`.

use std::ops::Range;

use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::max_pool2d_forward::Params;
use crate::shape::QUAD;

twin!(input: real, output: real_mut, argmax: word_mut);

/// The maximum over `rows` and `columns` of channel `c` of `image`, (height, `width`, `stride`
/// channels), and its pixel: the first maximum in row-major order, or the last NaN, as in
/// <https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html>.
pub(super) fn window_maximum<T: Real>(
    image: &[T],
    width: usize,
    stride: usize,
    c: usize,
    rows: &Range<usize>,
    columns: &Range<usize>,
) -> (T, u32) {
    let mut maximum = T::neg_infinity();
    let mut picked = rows.start * width + columns.start;
    for y in rows.clone() {
        for x in columns.clone() {
            let value = image[(y * width + x) * stride + c];
            if value > maximum || value.is_nan() {
                maximum = value;
                picked = y * width + x;
            }
        }
    }
    (maximum, picked as u32)
}

/// input: (batch, height, width, padded channels); output and argmax: (batch, output height,
/// output width, padded channels), argmax as `y * width + x` within the sample's plane.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    output: &mut [T],
    argmax: &mut [u32],
) {
    let width = params.in_width as usize;
    let stride = QUAD * params.quads as usize;
    let sample_len = params.in_height as usize * width * stride;
    let mut index = 0;
    for image in input.chunks(sample_len).take(step.batch as usize) {
        for row in 0..params.out_height {
            for column in 0..params.out_width {
                for c in 0..stride {
                    let [rows, columns] = [row, column].map(|at| {
                        let start = at * params.window;
                        start as usize..(start + params.window) as usize
                    });
                    (output[index], argmax[index]) =
                        window_maximum(image, width, stride, c, &rows, &columns);
                    index += 1;
                }
            }
        }
    }
}
