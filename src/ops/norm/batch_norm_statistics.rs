//! `batch_norm_statistics`: host side, twin, native kernel and cases of
//! `shaders/norm/batch_norm_statistics.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::{Call, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes};
use crate::ops::norm::rows;
use crate::ops::norm::rows::{WORKGROUP_SIZE, of_split};
use crate::shape::{ImageShape, QUAD};

/// Rows of the statistics of a part: mean, sum of squared deviations from it, count.
pub const ROWS: usize = 3;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "batch_norm_statistics",
    source: include_str!("../../../shaders/norm/batch_norm_statistics.wgsl"),
    bindings: &[reads("input"), writes("partials")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Pixels of one sample.
        pub pixels: u32,
        /// Quads of one pixel.
        pub quads: u32,
        /// Parts of the batch.
        pub splits: u32,
        /// Quads that a workgroup sums side by side.
        pub columns: u32,
    }
}

/// partials (`splits`, [`ROWS`], padded channels) of a batch of `shape`.
pub fn call(shape: ImageShape, splits: usize) -> Call {
    let quads = shape.padded_channels() / QUAD;
    let params = Params {
        pixels: shape.pixels() as u32,
        quads: quads as u32,
        splits: splits as u32,
        columns: rows::columns(quads) as u32,
    };
    let call = Call::new(&KERNEL, &[], &params, rows::grid(quads, splits));
    call.with_workgroup_bytes(16 * WORKGROUP_SIZE)
}

// The twin.

twin!(input: real, partials: real_mut);

/// input: (batch, pixels, padded channels); partials: (splits, 3, padded channels). The deviations are those
/// from the mean of the part, so that a large mean costs no digits.
pub fn twin<T: Real>(params: &Params, step: &Step, input: &[T], partials: &mut [T]) {
    let channels = QUAD * params.quads as usize;
    let (rows, splits) = (
        (step.batch * params.pixels) as usize,
        params.splits as usize,
    );
    for split in 0..splits {
        let rows = of_split(rows, splits, split);
        let count = rows.len() as f64;
        let part = &mut partials[split * ROWS * channels..][..ROWS * channels];
        for c in 0..channels {
            let values = || rows.clone().map(|row| input[row * channels + c].wide());
            let mean = values().sum::<f64>() / count.max(1.0);
            let squares: f64 = values().map(|x| (x - mean) * (x - mean)).sum();
            part[c] = T::of(mean);
            part[channels + c] = T::of(squares);
            part[2 * channels + c] = T::of(count);
        }
    }
}

// The native kernel.

fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, partials] = slices else {
        panic!("batch_norm_statistics binds two buffers");
    };
    let params: &Params = call.params();
    let channels = QUAD * params.quads as usize;
    let (rows, splits) = (
        (part.step.batch * params.pixels) as usize,
        params.splits as usize,
    );
    let partials = partials.real_mut().chunks_exact_mut(ROWS * channels);
    for (split, part) in partials.take(splits).enumerate() {
        let range = of_split(rows, splits, split);
        let rows = &input.real()[range.start * channels..range.end * channels];
        let (mean, rest) = part.split_at_mut(channels);
        let (squares, count) = rest.split_at_mut(channels);
        count.fill(range.len() as f32);
        rows::sum(rows, mean);
        for mean in &mut *mean {
            *mean /= range.len().max(1) as f32;
        }
        rows::squares(rows, mean, squares);
    }
}

// The cases.

/// Images, batches of them, and parts: one row, parts without rows, blocks of columns that end within one.
pub(super) const SHAPES: [(ImageShape, usize, usize); 9] = [
    (ImageShape::new(1, 1, 1), 1, 1),
    (ImageShape::new(1, 1, 1), 3, 7),
    (ImageShape::new(7, 3, 11), 3, 2),
    (ImageShape::new(33, 4, 4), 5, 3),
    (ImageShape::new(16, 9, 9), 7, 8),
    (ImageShape::new(67, 8, 8), 2, 5),
    (ImageShape::new(257, 2, 2), 9, 4),
    (ImageShape::new(5, 1, 257), 7, 128),
    (ImageShape::new(3, 2, 1), 257, 33),
];

/// (batch, pixels, padded channels) of numbers from -1 to 1 plus `shift`, in a buffer for one sample more.
pub(super) fn images(
    random: &mut Random,
    shape: ImageShape,
    samples: usize,
    shift: f32,
) -> Argument {
    let mut rows = Numbers::Floats.rows(random, samples * shape.pixels(), shape.channels);
    for row in rows.chunks_exact_mut(shape.padded_channels()) {
        for x in &mut row[..shape.channels] {
            *x += shift;
        }
    }
    let len = (samples + 1) * shape.padded_elements();
    Argument::Floats(with_stale_rows(rows, len))
}

/// With and without a mean that is large beside what varies. All numbers are positive, so that the
/// magnitudes that the tolerance is made of are those of the terms.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, samples, splits) in SHAPES {
        for shift in [1.0, 100.0] {
            let input = images(&mut Random::new(19), shape, samples, shift);
            let len = splits * ROWS * shape.padded_channels();
            let launch = Launch {
                call: call(shape, splits),
                step: batch(samples),
                arguments: vec![input, Argument::Poisoned(len)],
            };
            let terms = (samples * shape.pixels()).div_ceil(splits);
            cases.push(launch.within(Tolerance::Sum { terms }));
        }
    }
    cases
}
