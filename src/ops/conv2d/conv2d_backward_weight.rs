//! `conv2d_backward_weight`: host side, twin, native kernel and cases of `shaders/conv2d/conv2d_backward_weight.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::choice::choose;
use crate::kernel::limits::bias_at;
use crate::kernel::native::product::{Matrix, multiply};
use crate::kernel::native::{Part, Workspace};
use crate::kernel::numbers::images_in_batch;
use crate::kernel::numbers::{Numbers, Random, conv};
use crate::kernel::target::Target;
use crate::kernel::tile::{Tile, WEIGHT_TILES};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, tile, twin, writes,
};
use crate::ops::conv2d::geometry::{Geometry, geometry};
use crate::ops::conv2d::window::pixel_under;
use crate::ops::linear::linear_backward_weight::{Ranges, add_rows};
use crate::shape::{ConvShape, QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_weight",
    source: include_str!("../../../shaders/conv2d/conv2d_backward_weight.wgsl"),
    bindings: &[reads("input"), reads("grad_output"), writes("partials")],
    params: Params::FIELDS,
    variants: &tile::variants(&WEIGHT_TILES),
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of input pixels.
        pub in_height: u32,
        /// Input pixels in a row.
        pub in_width: u32,
        /// Quads of one input pixel.
        pub in_quads: u32,
        /// Rows of output pixels.
        pub out_height: u32,
        /// Output pixels in a row.
        pub out_width: u32,
        /// Quads of one output pixel.
        pub out_quads: u32,
        /// Rows of the window.
        pub kernel_height: u32,
        /// Columns of the window.
        pub kernel_width: u32,
        /// Step of the window along both axes.
        pub stride: u32,
        /// Pixels of zeros on every side of the input.
        pub padding: u32,
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
        /// Quads from a split's weight to its bias.
        pub bias_at: u32,
        /// 1, or 0 where there is none: its gradient is zero. See [`Call::without_bias`].
        pub bias: f32,
    }
}

/// Partial sums that [`call`] makes of batches of up to `capacity` samples.
pub fn splits(capacity: usize, shape: &ConvShape, target: &Target) -> usize {
    call(capacity, shape, target).params::<Params>().splits as usize
}

/// partials (splits, weight and bias) of the gradients by both, by ranges of samples.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(capacity: usize, shape: &ConvShape, target: &Target) -> Call {
    let tiles = tiles(capacity, shape);
    let (tile, choice) = choose(KERNEL.name, &shape.sizes(), target, &tiles);
    let call = call_tiled(capacity, shape, &tile).with_choice(choice);
    if !target.is_cpu() {
        return call;
    }
    call.with_params(&Params {
        splits: 1,
        samples_per_split: capacity as u32,
        ..*call.params()
    })
}

/// The tiles that serve batches of up to `capacity` samples, the default first.
///
/// # Panics
/// As [`call`].
pub(super) fn tiles(capacity: usize, shape: &ConvShape) -> Vec<Tile> {
    let output = shape.output().expect("the window fits into the input");
    tile::weight_tiles(weight(shape), capacity * output.pixels())
}

/// [`call`] by a tile of [`WEIGHT_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(capacity: usize, shape: &ConvShape, tile: &Tile) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let in_quads = shape.input.padded_channels() / QUAD;
    let out_quads = output.padded_channels() / QUAD;
    let weight_len = shape.weight_len();
    let threads = tile.weight_threads(weight(shape));
    let (samples_per_split, splits) = tile::splits(capacity, output.pixels(), threads);
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: in_quads as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_quads: out_quads as u32,
        kernel_height: shape.kernel_height as u32,
        kernel_width: shape.kernel_width as u32,
        stride: shape.stride as u32,
        padding: shape.padding as u32,
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
        bias_at: (bias_at(weight_len) / QUAD) as u32,
        bias: 1.0,
    };
    let grid = Grid::fixed(splits * threads, tile.workgroup_size());
    Call::new(&KERNEL, tile.variant, &params, grid)
        .with_flops(shape.flops())
        .with_in_channels(shape.input.channels)
}

/// Lines of the weight, quads of a line, and quads of output channels.
const fn weight(shape: &ConvShape) -> [usize; 3] {
    let run_quads = shape.kernel_width * shape.input.padded_channels() / QUAD;
    [
        shape.kernel_height,
        run_quads,
        padded(shape.out_channels) / QUAD,
    ]
}

// The twin.

twin!(input: real, grad_output: real, partials: real_mut);

/// partials (splits of weight, zeros and bias): for every tap, the input pixels under it times the
/// gradients of their output pixels, and the sums of those gradients, each split over its range of
/// samples.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    partials: &mut [T],
) {
    let len = 4 * (params.bias_at + params.out_quads) as usize;
    for (split, partial) in (0..params.splits).zip(partials.chunks_mut(len)) {
        let first = split * params.samples_per_split;
        let end = (first + params.samples_per_split).min(step.batch);
        let mut sums = vec![0.0; len];
        for n in first..end {
            for y in 0..params.out_height {
                for x in 0..params.out_width {
                    add_pixel(params, [n, y, x], input, grad_output, &mut sums);
                }
            }
        }
        for (partial, sum) in partial.iter_mut().zip(sums) {
            *partial = T::of(sum);
        }
    }
}

/// Adds what output pixel `[n, y, x]` contributes to the gradients of all taps.
pub(super) fn add_pixel<T: Real>(
    params: &Params,
    [n, y, x]: [u32; 3],
    input: &[T],
    grad_output: &[T],
    sums: &mut [f64],
) {
    let in_stride = 4 * params.in_quads as usize;
    let out_stride = 4 * params.out_quads as usize;
    let pixel = (n * params.out_height + y) * params.out_width + x;
    let grads = &grad_output[pixel as usize * out_stride..][..out_stride];
    let (weight, bias) = sums.split_at_mut(4 * params.bias_at as usize);
    for (sum, grad) in bias.iter_mut().zip(grads) {
        *sum += f64::from(params.bias) * grad.wide();
    }
    let image = [params.in_height, params.in_width];
    let steps = (params.stride, params.padding);
    let taps = 0..params.kernel_height * params.kernel_width;
    for (tap, sums) in taps.zip(weight.chunks_mut(in_stride * out_stride)) {
        let tap = [tap / params.kernel_width, tap % params.kernel_width];
        let Some(pixel) = pixel_under(image, steps, [n, y, x], tap) else {
            continue;
        };
        let values = &input[pixel * in_stride..][..in_stride];
        for (value, sums) in values.iter().zip(sums.chunks_mut(out_stride)) {
            for (sum, grad) in sums.iter_mut().zip(grads) {
                *sum += value.wide() * grad.wide();
            }
        }
    }
}

// The native kernel.

/// partials (splits of weight, zeros and bias) of the gradients by both, by ranges of samples.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.padding > 0 {
        // The processor's programs have none: there it is an operation of its own.
        return TWIN.run(call, &part.step, slices);
    }
    let [input, grad_output, partials] = slices else {
        panic!("conv2d_backward_weight binds three buffers");
    };
    let geometry = geometry!(params).without_padding(call.in_channels);
    let ranges = Ranges {
        splits: params.splits as usize,
        samples_per_split: params.samples_per_split as usize,
        samples: part.step.batch as usize,
    };
    let bias_at = params.bias_at as usize * QUAD;
    let partials = partials
        .real_mut()
        .chunks_exact_mut(bias_at + geometry.out_channels);
    for (range, partial) in ranges.iter().zip(partials) {
        let of = |len: usize| range.start * len..range.end * len;
        let images = &input.real()[of(geometry.input_len())];
        let grads = &grad_output.real()[of(geometry.output_len())];
        partial.fill(0.0);
        let (weight, bias) = partial.split_at_mut(bias_at);
        sum(
            &geometry,
            images,
            grads,
            [weight, &mut *bias],
            part.workspace,
        );
        if params.bias == 0.0 {
            bias.fill(0.0);
        }
    }
}

/// All gradients of a row of output pixels as a matrix.
fn sum(
    geometry: &Geometry,
    images: &[f32],
    grads: &[f32],
    [weight, bias]: [&mut [f32]; 2],
    workspace: &mut Workspace,
) {
    let window = geometry.window();
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    let together = geometry.images_together();
    let is_wide = channels != columns || geometry.padding > 0;
    let [lowered, rows, wide_sums] = workspace.take([
        geometry.lowered_len(together),
        together * geometry.pixels() * columns,
        if is_wide { window * columns } else { 0 },
    ]);
    // What pads them stays zero.
    rows.fill(0.0);
    wide_sums.fill(0.0);
    let grads = grads.chunks(together * geometry.output_len());
    for (images, grads) in images.chunks(together * geometry.input_len()).zip(grads) {
        add_rows(grads, bias);
        geometry.lower(images, lowered);
        geometry.take_rows(grads, columns, rows);
        let images = grads.len() / geometry.output_len();
        let row = images * geometry.out_width;
        for (y, grads) in rows
            .chunks_exact(row * columns)
            .take(geometry.out_height)
            .enumerate()
        {
            let windows = geometry.windows(lowered, images, y).transposed();
            let sums = if is_wide {
                &mut *wide_sums
            } else {
                &mut *weight
            };
            multiply(sums, true, windows, Matrix::new(grads, row, columns));
        }
    }
    if is_wide {
        for (row, to) in geometry.weight_rows() {
            let sums = &wide_sums[row * columns..][..channels];
            weight[to * channels..][..channels].copy_from_slice(sums);
        }
    }
}

// The cases.

/// The launch of `call`, made for batches of `capacity`, on `samples`; what lies between is NaN.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch_of(
    call: Call,
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
) -> Launch {
    let mut random = Random::new(9);
    let output = shape.output().expect("the window fits");
    let mut images_of = |shape| images_in_batch(numbers, &mut random, (samples, capacity), shape);
    let splits = call.params::<Params>().splits as usize;
    Launch {
        call,
        step: batch(samples),
        arguments: vec![
            images_of(shape.input),
            images_of(output),
            Argument::Poisoned(splits * (bias_at(shape.weight_len()) + output.padded_channels())),
        ],
    }
}

/// With parts past the batch, whose sums are zero.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &WEIGHT_TILES {
        let of_tile = |numbers, samples: (usize, usize), shape: &ConvShape| {
            let call = call_tiled(samples.1, shape, tile);
            launch_of(call, numbers, samples, shape)
        };
        let plain = |inputs, outputs| conv([inputs, 4, 5], outputs, [3, 2], 1);
        let shapes = [
            plain(3, 7),
            plain(45, 33),
            plain(21, 71),
            plain(6, 5).padded_by(2),
            conv([5, 7, 9], 9, [3, 3], 2).padded_by(1),
        ];
        for shape in &shapes {
            cases.push(of_tile(Numbers::Integers, (3, 5), shape).exact());
        }
        let mut unbiased = of_tile(Numbers::Integers, (3, 5), &shapes[0]);
        unbiased.call = unbiased.call.without_bias();
        cases.push(unbiased.exact());
        let output = shapes[0].output().expect("the window fits");
        let terms = 31 * output.pixels();
        let floats = of_tile(Numbers::Floats, (31, 33), &shapes[0]);
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
