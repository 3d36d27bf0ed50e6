//! `max_pool2d_forward`: host side, twin, native kernel and cases of `shaders/pool/max_pool2d_forward.wgsl`.

use std::ops::Range;

use pulp::{Arch, Simd};

use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Random, zero_padding};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes, writes_words,
};
use crate::ops::pool::adaptive_max_pool2d_forward;
use crate::shape::{ImageShape, PoolShape, QUAD, adaptive_window};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "max_pool2d_forward",
    source: include_str!("../../../shaders/pool/max_pool2d_forward.wgsl"),
    bindings: &[reads("input"), writes("output"), writes_words("argmax")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of the input.
        pub in_height: u32,
        /// Columns of the input.
        pub in_width: u32,
        /// Rows of the output.
        pub out_height: u32,
        /// Columns of the output.
        pub out_width: u32,
        /// Quads of one pixel.
        pub quads: u32,
        /// Side of the window, and its step.
        pub window: u32,
    }
}

/// `output`, of shape `shape.output()`, = max-pool of a batch of `shape.input`; `argmax` alike.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &PoolShape) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let quads = shape.input.padded_channels() / QUAD;
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        quads: quads as u32,
        window: shape.window as u32,
    };
    let grid = Grid::per_sample(output.pixels() * quads, 64);
    Call::new(&KERNEL, &[], &params, grid)
}

// The twin.

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
pub fn twin<T: Real>(
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

// The native kernel.

/// The maxima of all windows and where they were, as the twin picks them.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
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
pub(super) fn native_adaptive(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
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

// The cases.

/// The pooling of that input shape, channels first.
pub const fn pool_of(channels: usize, height: usize, width: usize, window: usize) -> PoolShape {
    PoolShape {
        input: ImageShape::new(channels, height, width),
        window,
    }
}

/// Poolings of odd sizes, and their batches.
pub(super) const SHAPES: [(PoolShape, usize); 8] = [
    (pool_of(1, 2, 2, 2), 1),
    (pool_of(7, 33, 5, 2), 3),
    (pool_of(33, 7, 8, 2), 5),
    (pool_of(4, 15, 15, 2), 7),
    (pool_of(5, 9, 11, 3), 2),
    (pool_of(3, 8, 11, 4), 2),
    (pool_of(2, 6, 5, 1), 33),
    (pool_of(1, 2, 3, 2), 257),
];

/// `input` pooled.
///
/// # Panics
/// If the window does not fit.
pub fn launch(shape: &PoolShape, samples: usize, input: Vec<f32>) -> Launch {
    let output = shape.output().expect("the window fits");
    let input = zero_padding(input, output.channels, output.padded_channels());
    let len = samples * output.padded_elements();
    Launch {
        call: call(shape),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(input),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// With ties and without, and a batch of less than the buffers hold.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples) in SHAPES {
        let len = samples * shape.input.padded_elements();
        let mut random = Random::new(4);
        for input in [random.floats(len), random.integers(len)] {
            cases.push(launch(&shape, samples, input).exact());
        }
    }
    let mut smaller = launch(&pool_of(3, 4, 4, 2), 5, Random::new(1).floats(5 * 64));
    smaller.step.batch = 2;
    cases.push(smaller.exact());
    cases
}
