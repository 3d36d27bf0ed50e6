//! `adaptive_max_pool2d_forward`: host side, twin and cases of `shaders/pool/adaptive_max_pool2d_forward.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::numbers::{Random, zero_padding};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, params, reads, twin, writes, writes_words,
};
use crate::ops::pool::max_pool2d_forward;
use crate::ops::pool::max_pool2d_forward::window_maximum;
use crate::shape::{ImageShape, QUAD, adaptive_window};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "adaptive_max_pool2d_forward",
    source: include_str!("../../../shaders/pool/adaptive_max_pool2d_forward.wgsl"),
    bindings: &[reads("input"), writes("output"), writes_words("argmax")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(max_pool2d_forward::native_adaptive),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of the input.
        pub in_height: u32,
        /// Columns of the input.
        pub in_width: u32,
        /// Cells along each axis.
        pub cells: u32,
        /// Quads of one pixel.
        pub quads: u32,
    }
}

/// `output`, of `cells` x `cells` pixels, = adaptive max-pool of a batch of `input`; `argmax` alike.
pub fn call(input: ImageShape, cells: usize) -> Call {
    let quads = input.padded_channels() / QUAD;
    let params = Params {
        in_height: input.height as u32,
        in_width: input.width as u32,
        cells: cells as u32,
        quads: quads as u32,
    };
    let grid = Grid::per_sample(cells * cells * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

twin!(input: real, output: real_mut, argmax: word_mut);

/// input: (batch, height, width, padded channels); output and argmax: (batch, cells, cells, padded
/// channels), argmax as `y * width + x` within the sample's plane.
pub fn twin<T: Real>(
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

// The cases.

/// `values` pooled to `cells` by `cells`.
pub fn launch(input: ImageShape, cells: usize, samples: usize, values: Vec<f32>) -> Launch {
    let values = zero_padding(values, input.channels, input.padded_channels());
    let len = samples * cells * cells * input.padded_channels();
    Launch {
        call: call(input, cells),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(values),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// Sides from one pixel, which every cell repeats, over those that 4 does not divide; with ties and
/// without. Then batches of all sizes, and one less than the buffers hold.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (height, width) in [(1, 1), (2, 3), (4, 4), (5, 7), (6, 13), (32, 9), (1, 33)] {
        for (channels, cells, samples) in [(1, 4, 1), (7, 4, 3), (33, 4, 2), (5, 3, 2)] {
            let shape = ImageShape::new(channels, height, width);
            let len = samples * shape.padded_elements();
            let mut random = Random::new(5);
            for values in [random.floats(len), random.integers(len)] {
                cases.push(launch(shape, cells, samples, values).exact());
            }
        }
    }
    for samples in [1, 7, 33, 255, 257] {
        let shape = ImageShape::new(3, 3, 5);
        let values = Random::new(6).floats(samples * shape.padded_elements());
        let mut launch = launch(shape, 4, samples, values);
        cases.push(launch.clone().exact());
        launch.step.batch -= 1;
        cases.push(launch.exact());
    }
    cases
}
