//! Twin of `shaders/adaptive_max_pool2d_forward.wgsl`.

use super::max_pool2d_forward::window_maximum;
use super::{Real, twin};
use crate::kernels::Step;
use crate::kernels::adaptive_max_pool2d_forward::Params;
use crate::shape::{QUAD, adaptive_window};

twin!(input: real, output: real_mut, argmax: word_mut);

/// input: (batch, height, width, padded channels); output and argmax: (batch, cells, cells, padded
/// channels), argmax as `y * width + x` within the sample's plane.
pub fn run<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    output: &mut [T],
    argmax: &mut [u32],
) {
    let width = params.in_width as usize;
    let height = params.in_height as usize;
    let cells = params.cells as usize;
    let stride = QUAD * params.quads as usize;
    let window = |cell, length| {
        let (start, end) = adaptive_window(cell, cells, length);
        start..end
    };
    let mut index = 0;
    for image in input
        .chunks(height * width * stride)
        .take(step.batch as usize)
    {
        for row in 0..cells {
            for column in 0..cells {
                for c in 0..stride {
                    let rows = window(row, height);
                    let columns = window(column, width);
                    (output[index], argmax[index]) =
                        window_maximum(image, width, stride, c, &rows, &columns);
                    index += 1;
                }
            }
        }
    }
}
