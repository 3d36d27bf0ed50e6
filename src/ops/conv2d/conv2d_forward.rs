//! `conv2d_forward`: host side, twin, native kernel and cases of `shaders/conv2d/conv2d_forward.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::choice::choose;
use crate::kernel::native::Part;
use crate::kernel::native::product::{Matrix, multiply_rows};
use crate::kernel::numbers::{Numbers, PORTABLE, Random, conv};
use crate::kernel::numbers::{bias, conv_weight, images_in_batch};
use crate::kernel::target::Target;
use crate::kernel::tile::{BATCH_TILES, Product, Tile};
use crate::kernel::{
    Call, Kernel, Params as _, Real, Slice, Step, params, reads, tile, twin, writes,
};
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors::finish;
use crate::ops::conv2d::geometry::{Geometry, SLACK, geometry};
use crate::ops::conv2d::window::pixel_under;
use crate::shape::{ConvShape, ImageShape, QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_forward",
    source: include_str!("../../../shaders/conv2d/conv2d_forward.wgsl"),
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
    ],
    params: Params::FIELDS,
    variants: &tile::variants(&BATCH_TILES),
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
        /// Channels of the output, unpadded.
        pub out_channels: u32,
        /// Rows of the window.
        pub kernel_height: u32,
        /// Columns of the window.
        pub kernel_width: u32,
        /// Step of the window along both axes.
        pub stride: u32,
        /// Pixels of zeros on every side of the input.
        pub padding: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
    }
}

/// `output`, of shape `shape.output()`, = activation(conv2d(input, weight) + bias).
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    let tiles = tiles(shape);
    let (tile, choice) = choose(KERNEL.name, &shape.sizes(), target, &tiles);
    call_tiled(shape, activation, &tile).with_choice(choice)
}

/// The tiles that serve, the default first.
///
/// # Panics
/// As [`call`].
pub(super) fn tiles(shape: &ConvShape) -> Vec<Tile> {
    let output = shape.output().expect("the window fits into the input");
    tile::batch_tiles(&Product {
        groups: 1,
        rows: Product::BATCH * output.pixels(),
        columns: quads(output),
        depth: shape.padded_fan_in() / QUAD,
    })
}

/// [`call`] by a tile of [`BATCH_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(shape: &ConvShape, activation: Activation, tile: &Tile) -> Call {
    let output = shape.output().expect("the window fits into the input");
    let grid = tile.output_grid(output);
    Call::new(&KERNEL, tile.variant, &params(shape, activation), grid)
        .with_flops(shape.flops())
        .with_in_channels(shape.input.channels)
}

/// The Params of a convolution.
///
/// # Panics
/// As [`call`].
pub(super) fn params(shape: &ConvShape, activation: Activation) -> Params {
    let output = shape.output().expect("the window fits into the input");
    Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: quads(shape.input) as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_channels: output.channels as u32,
        kernel_height: shape.kernel_height as u32,
        kernel_width: shape.kernel_width as u32,
        stride: shape.stride as u32,
        padding: shape.padding as u32,
        activation: activation as u32,
    }
}

const fn quads(image: ImageShape) -> usize {
    image.padded_channels() / QUAD
}

// The twin.

twin!(input: real, weight: real, bias: real, output: real_mut);

/// output = activation(conv2d(input, weight) + bias), channels-last and padded as in the shader.
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html>.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    let out_channels = params.out_channels as usize;
    let out_stride = padded(out_channels);
    let activation = Activation::from_number(params.activation);
    let mut sums = vec![0.0; out_stride];
    let mut at = 0;
    for n in 0..step.batch {
        for y in 0..params.out_height {
            for x in 0..params.out_width {
                for (sum, bias) in sums.iter_mut().zip(bias) {
                    *sum = bias.wide();
                }
                add_window(params, [n, y, x], input, weight, &mut sums);
                for (o, &sum) in sums.iter().enumerate() {
                    output[at] = if o < out_channels {
                        activate(activation, T::of(sum))
                    } else {
                        T::zero()
                    };
                    at += 1;
                }
            }
        }
    }
}

/// Adds to the sums of all output channels the products of the window of output pixel `[n, y, x]`.
fn add_window<T: Real>(
    params: &Params,
    pixel: [u32; 3],
    input: &[T],
    weight: &[T],
    sums: &mut [f64],
) {
    let in_stride = 4 * params.in_quads as usize;
    let image = [params.in_height, params.in_width];
    let steps = (params.stride, params.padding);
    let taps = 0..params.kernel_height * params.kernel_width;
    for (tap, weights) in taps.zip(weight.chunks_exact(in_stride * sums.len())) {
        let tap = [tap / params.kernel_width, tap % params.kernel_width];
        let Some(pixel) = pixel_under(image, steps, pixel, tap) else {
            continue;
        };
        let values = &input[pixel * in_stride..][..in_stride];
        for (value, weights) in values.iter().zip(weights.chunks_exact(sums.len())) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += value.wide() * weight.wide();
            }
        }
    }
}

// The native kernel.

/// output = activation(conv2d(input, weight) + bias), channels-last and padded.
pub(super) fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.padding > 0 {
        // The processor's programs have none: there it is an operation of its own.
        return TWIN.run(call, &part.step, slices);
    }
    let [input, weight, bias, output] = slices else {
        panic!("conv2d_forward binds four buffers");
    };
    let channels = params.out_channels as usize;
    let quads = padded(channels) / QUAD;
    let geometry = geometry!(params, params.out_height, params.out_width, quads)
        .without_padding(call.in_channels);
    let activation = Activation::from_number(params.activation);
    let samples = part.step.batch as usize;
    let together = geometry.images_together();
    let input =
        input.real()[..samples * geometry.input_len()].chunks(together * geometry.input_len());
    let output = output.real_mut()[..samples * geometry.output_len()]
        .chunks_mut(together * geometry.output_len());
    let bias = &bias.real()[..geometry.out_channels];
    let [lowered, sums, weights] = part.workspace.take(scratch(&geometry, together));
    let weight = widened(&geometry, weight.real(), weights);
    for (images, output) in input.zip(output) {
        convolve(&geometry, images, weight, lowered, sums);
        geometry.take_images(sums, geometry.columns(), output);
        finish(activation, bias, channels, output);
    }
}

/// Floats of scratch for `together` images: what is lowered, sums of [`convolve`], and the weight of
/// [`widened`].
pub(super) const fn scratch(geometry: &Geometry, together: usize) -> [usize; 3] {
    [
        geometry.lowered_len(together),
        (together * geometry.pixels() + 2) * geometry.columns() + SLACK,
        geometry.window() * geometry.columns(),
    ]
}

/// The weight as the geometry's products have it: without the rows of what they leave out, and with as
/// many columns, the last of them zero.
pub(super) fn widened<'w>(
    geometry: &Geometry,
    weight: &'w [f32],
    wide: &'w mut [f32],
) -> &'w [f32] {
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    if channels == columns && geometry.padding == 0 {
        return weight;
    }
    for (row, from) in geometry.weight_rows() {
        let (wide, padding) = wide[row * columns..][..columns].split_at_mut(channels);
        wide.copy_from_slice(&weight[from * channels..][..channels]);
        padding.fill(0.0);
    }
    wide
}

/// The sums of all windows of `images`, without bias: for every row of output pixels those of all images,
/// each of [`Geometry::columns`]. `weight` is [`widened`], `lowered` is scratch.
pub(super) fn convolve(
    geometry: &Geometry,
    images: &[f32],
    weight: &[f32],
    lowered: &mut [f32],
    sums: &mut [f32],
) {
    geometry.lower(images, lowered);
    let images = images.len() / geometry.input_len();
    let columns = geometry.columns();
    let weight = Matrix::new(weight, geometry.window(), columns);
    let (sums, spare) = sums.split_at_mut(images * geometry.pixels() * columns);
    let rows = sums.chunks_exact_mut(images * geometry.out_width * columns);
    for (y, sums) in rows.enumerate() {
        multiply_rows(sums, geometry.windows(lowered, images, y), weight, spare);
    }
}

// The cases.

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(6);
    let output = shape.output().expect("the window fits");
    Launch {
        call: call(shape, activation, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            images_in_batch(numbers, &mut random, (samples, capacity), shape.input),
            conv_weight(numbers, &mut random, shape),
            bias(numbers, &mut random, output.channels),
            Argument::Poisoned(capacity * output.padded_elements()),
        ],
    }
}

/// Sizes that no tile divides; the third makes several tiles of every height, and the last are padded.
fn shapes() -> [ConvShape; 5] {
    [
        conv([5, 8, 9], 9, [2, 3], 2),
        conv([45, 4, 4], 17, [3, 3], 1),
        conv([3, 18, 19], 7, [3, 2], 1),
        conv([5, 7, 9], 9, [3, 3], 2).padded_by(1),
        conv([6, 5, 3], 5, [3, 1], 1).padded_by(2),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &BATCH_TILES {
        let of_tile = |numbers, shape: &ConvShape, activation| {
            let mut launch = launch(numbers, (3, 4), shape, activation);
            launch.call = call_tiled(shape, activation, tile);
            launch
        };
        let shapes = shapes();
        for shape in &shapes {
            cases.push(of_tile(Numbers::Integers, shape, Activation::Relu).exact());
        }
        let floats = of_tile(Numbers::Floats, &shapes[0], Activation::Tanh);
        let terms = shapes[0].padded_fan_in() + 1;
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
