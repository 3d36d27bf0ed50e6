//! `avg_pool2d_forward`: host side, twin, native kernel and cases of `shaders/pool/avg_pool2d_forward.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::shape::{ImageShape, PoolShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "avg_pool2d_forward",
    source: include_str!("../../../shaders/pool/avg_pool2d_forward.wgsl"),
    bindings: &[reads("input"), writes("output")],
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

impl Params {
    /// Those of `shape`, whose window fits.
    pub(super) fn of(shape: &PoolShape) -> Self {
        let output = shape.output().expect("the window fits into the input");
        Self {
            in_height: shape.input.height as u32,
            in_width: shape.input.width as u32,
            out_height: output.height as u32,
            out_width: output.width as u32,
            quads: (shape.input.padded_channels() / QUAD) as u32,
            window: shape.window as u32,
        }
    }

    /// Floats of a sample of the input, and of one of the output.
    pub(super) fn sample_lens(&self) -> [usize; 2] {
        let stride = QUAD * self.quads as usize;
        let pixels = [
            self.in_height * self.in_width,
            self.out_height * self.out_width,
        ];
        pixels.map(|it| it as usize * stride)
    }
}

/// `output`, of shape `shape.output()`, = the means of the windows of a batch of `shape.input`.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &PoolShape) -> Call {
    let params = Params::of(shape);
    let [_, quads] = params.sample_lens().map(|it| it / QUAD);
    Call::new(&KERNEL, &[], &params, Grid::per_sample(quads, 64))
}

// The twin.

twin!(input: real, output: real_mut);

/// input: (batch, height, width, padded channels); output: (batch, output height, output width, padded channels).
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], output: &mut [T]) {
    let (window, stride) = (params.window as usize, QUAD * params.quads as usize);
    let (width, out_width) = (params.in_width as usize, params.out_width as usize);
    let [sample_len, out_len] = params.sample_lens();
    for (sample, image) in input
        .chunks(sample_len)
        .take(step.batch as usize)
        .enumerate()
    {
        for index in 0..out_len {
            let (pixel, c) = (index / stride, index % stride);
            let [row, column] = [pixel / out_width, pixel % out_width].map(|it| it * window);
            let places = (0..window * window).map(|at| (row + at / window, column + at % window));
            let terms = places.map(|(y, x)| image[(y * width + x) * stride + c].wide());
            let mean = terms.sum::<f64>() / (window * window) as f64;
            output[sample * out_len + index] = T::of(mean);
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, output] = slices else {
        panic!("avg_pool2d_forward binds two buffers");
    };
    let params: &Params = call.params();
    let (window, stride) = (params.window as usize, QUAD * params.quads as usize);
    let width = params.in_width as usize;
    let [sample_len, out_len] = params.sample_lens();
    let samples = input.real().chunks_exact(sample_len);
    let outputs = output.real_mut().chunks_exact_mut(out_len);
    let share = 1.0 / (window * window) as f32;
    for (image, output) in samples.zip(outputs).take(part.step.batch as usize) {
        for (pixel, means) in output.chunks_exact_mut(stride).enumerate() {
            let [row, column] = [
                pixel / params.out_width as usize,
                pixel % params.out_width as usize,
            ]
            .map(|it| it * window);
            means.fill(0.0);
            for y in row..row + window {
                let row = &image[(y * width + column) * stride..][..window * stride];
                for pixel in row.chunks_exact(stride) {
                    means.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
                }
            }
            for mean in means {
                *mean *= share;
            }
        }
    }
}

// The cases.

/// Images, windows and batches: windows that leave rows and columns, of one pixel, and of a whole image.
pub(super) const SHAPES: [(ImageShape, usize, usize); 6] = [
    (ImageShape::new(1, 2, 2), 2, 1),
    (ImageShape::new(7, 5, 9), 2, 3),
    (ImageShape::new(33, 4, 7), 3, 5),
    (ImageShape::new(16, 8, 8), 2, 33),
    (ImageShape::new(5, 3, 3), 3, 2),
    (ImageShape::new(3, 2, 3), 1, 257),
];

/// Whole numbers, whose mean over as many pixels as a power of two is exact, and floats. Buffers hold one
/// sample more than the batch.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (input, window, samples) in SHAPES {
        let shape = PoolShape { input, window };
        let output = shape.output().expect("fits");
        for numbers in [Numbers::Integers, Numbers::Floats] {
            let pixels = samples * input.pixels();
            let rows = numbers.rows(&mut Random::new(41), pixels, input.channels);
            let len = (samples + 1) * input.padded_elements();
            let launch = Launch {
                call: call(&shape),
                step: batch(samples),
                arguments: vec![
                    Argument::Floats(with_stale_rows(rows, len)),
                    Argument::Poisoned((samples + 1) * output.padded_elements()),
                ],
            };
            let terms = window * window;
            let is_exact = numbers == Numbers::Integers && terms.is_power_of_two();
            cases.push(if is_exact {
                launch.exact()
            } else {
                launch.within(Tolerance::Sum { terms })
            });
        }
    }
    cases
}
