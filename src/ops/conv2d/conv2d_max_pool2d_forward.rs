//! `conv2d_max_pool2d_forward`: host side, twin, native kernel and cases of `shaders/conv2d/conv2d_max_pool2d_forward.wgsl`.

use pulp::{Arch, Simd};

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, batch};
use crate::kernel::choice::choose;
use crate::kernel::native::Part;
use crate::kernel::numbers::{Numbers, PORTABLE, Random, conv};
use crate::kernel::numbers::{bias, conv_weight, images_in_batch};
use crate::kernel::target::Target;
use crate::kernel::tile::{POOL_TILES, Product, Tile};
use crate::kernel::{
    Call, Kernel, Params as _, Real, Slice, Step, params, reads, tile, twin, writes, writes_words,
};
use crate::ops::conv2d::conv2d_forward::{convolve, scratch, widened};
use crate::ops::conv2d::geometry::{Geometry, SLACK, geometry};
use crate::ops::conv2d::{conv2d_forward, conv2d_forward as conv};
use crate::ops::pool::{max_pool2d_forward, max_pool2d_forward as pool};
use crate::shape::{ConvShape, ImageShape, PoolShape, QUAD, padded};

/// Side of the squares that are pooled.
pub const WINDOW: usize = 2;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_forward",
    source: include_str!("../../../shaders/conv2d/conv2d_max_pool2d_forward.wgsl"),
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
        writes_words("argmax"),
    ],
    params: Params::FIELDS,
    variants: &tile::variants(&POOL_TILES),
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
        /// Pixels in a row of the convolution's output.
        pub conv_width: u32,
        /// Rows of pooled pixels.
        pub out_height: u32,
        /// Pooled pixels in a row.
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

/// Whether the kernel serves: rectified (or plain) sums have their maximum where the sums have it,
/// to the bit; what other activations round to the same value they would not tell apart.
pub fn serves(activation: Activation, window: usize) -> bool {
    window == WINDOW && matches!(activation, Activation::Linear | Activation::Relu)
}

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
///
/// # Panics
/// If a window does not fit: shapes are checked when a graph is recorded.
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
    let (_, output) = outputs(shape);
    tile::pool_tiles(&Product {
        groups: 1,
        rows: Product::BATCH * output.pixels() * WINDOW * WINDOW,
        columns: output.padded_channels() / QUAD,
        depth: shape.padded_fan_in() / QUAD,
    })
}

/// [`call`] by a tile of [`POOL_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(shape: &ConvShape, activation: Activation, tile: &Tile) -> Call {
    let (_, output) = outputs(shape);
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
    let (conv, output) = outputs(shape);
    Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: (shape.input.padded_channels() / QUAD) as u32,
        conv_width: conv.width as u32,
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

/// Shapes of the convolution's output and of the pooled one.
pub(super) fn outputs(shape: &ConvShape) -> (ImageShape, ImageShape) {
    let conv = shape.output().expect("the window fits into the input");
    let pooled = PoolShape {
        input: conv,
        window: WINDOW,
    };
    let output = pooled.output().expect("the pooling fits into the input");
    (conv, output)
}

// The twin.

twin!(input: real, weight: real, bias: real, output: real_mut, argmax: word_mut);

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
    argmax: &mut [u32],
) {
    let convolved = conv::Params {
        in_height: params.in_height,
        in_width: params.in_width,
        in_quads: params.in_quads,
        out_height: (params.in_height + 2 * params.padding - params.kernel_height) / params.stride
            + 1,
        out_width: params.conv_width,
        out_channels: params.out_channels,
        kernel_height: params.kernel_height,
        kernel_width: params.kernel_width,
        stride: params.stride,
        padding: params.padding,
        activation: params.activation,
    };
    let channels = padded(params.out_channels as usize);
    let pixels = step.batch * convolved.out_height * convolved.out_width;
    let mut between = vec![T::zero(); pixels as usize * channels];
    conv2d_forward::twin(&convolved, step, input, weight, bias, &mut between);
    let pooled = pool::Params {
        in_height: convolved.out_height,
        in_width: convolved.out_width,
        out_height: params.out_height,
        out_width: params.out_width,
        quads: (channels / 4) as u32,
        window: WINDOW as u32,
    };
    max_pool2d_forward::twin(&pooled, step, &between, output, argmax);
}

// The native kernel.

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
pub(super) fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.padding > 0 {
        // The processor's programs have none: there it is an operation of its own.
        return TWIN.run(call, &part.step, slices);
    }
    let [input, weight, bias, output, argmax] = slices else {
        panic!("conv2d_max_pool2d_forward binds five buffers");
    };
    let quads = padded(params.out_channels as usize) / QUAD;
    let out_height = (params.in_height - params.kernel_height) / params.stride + 1;
    let geometry =
        geometry!(params, out_height, params.conv_width, quads).without_padding(call.in_channels);
    let pooled = [params.out_height as usize, params.out_width as usize];
    let pooled_len = pooled[0] * pooled[1] * geometry.out_channels;
    let is_relu = Activation::from_number(params.activation) == Activation::Relu;
    let samples = part.step.batch as usize;
    let together = geometry.images_together();
    let input =
        input.real()[..samples * geometry.input_len()].chunks(together * geometry.input_len());
    let output = output.real_mut().chunks_mut(together * pooled_len);
    let argmax = argmax.word_mut().chunks_mut(together * pooled_len);
    let [lowered, sums, weights] = scratch(&geometry, together);
    let [lowered, sums, weights, slack_bias] =
        part.workspace
            .take([lowered, sums, weights, geometry.out_channels + SLACK]);
    let weight = widened(&geometry, weight.real(), weights);
    slack_bias[..geometry.out_channels].copy_from_slice(&bias.real()[..geometry.out_channels]);
    for ((images, output), argmax) in input.zip(output).zip(argmax) {
        convolve(&geometry, images, weight, lowered, sums);
        let count = images.len() / geometry.input_len();
        let maxima = output.chunks_exact_mut(pooled_len);
        let maxima = maxima.zip(argmax.chunks_exact_mut(pooled_len));
        for (image, (output, argmax)) in maxima.take(count).enumerate() {
            let own = &sums[image * geometry.out_width * geometry.columns()..];
            pool(
                &geometry, count, pooled, is_relu, slack_bias, own, output, argmax,
            );
        }
    }
}

/// The first maximum (or the last that is no number) of every window of an image's sums, one of `images`
/// that [`convolve`] gave. They end in [`SLACK`] as the bias does: vectors are whole, and what lies behind
/// the last channel is overwritten by the next window.
#[pulp::with_simd(pool = Arch::new())]
#[inline(always)]
fn pool_simd<'a, S: Simd>(
    simd: S,
    geometry: &'a Geometry,
    images: usize,
    [out_height, out_width]: [usize; 2],
    is_relu: bool,
    bias: &'a [f32],
    sums: &'a [f32],
    output: &'a mut [f32],
    argmax: &'a mut [u32],
) {
    let (channels, columns) = (geometry.out_channels, geometry.columns());
    let mut at = 0;
    for row in 0..out_height {
        for column in 0..out_width {
            let first = (row * geometry.out_width + column) * WINDOW;
            let below = first + geometry.out_width;
            let pixels = [first, first + 1, below, below + 1];
            // Lines of all images lie between the two.
            let first = (row * images * geometry.out_width + column) * WINDOW;
            let below = first + images * geometry.out_width;
            let sums_at = [first, first + 1, below, below + 1].map(|it| it * columns);
            for channel in (0..channels).step_by(S::F32_LANES) {
                let bias = vector(simd, bias, channel);
                let value = |at: usize| {
                    let sum = vector(simd, sums, at + channel);
                    let sum = simd.add_f32s(sum, bias);
                    let zero = simd.splat_f32s(0.0);
                    let is_positive = simd.greater_than_f32s(sum, zero);
                    // 0 for what is no number, as `max` gives it.
                    if is_relu {
                        simd.select_f32s(is_positive, sum, zero)
                    } else {
                        sum
                    }
                };
                let [first, others @ ..] = sums_at;
                let (mut maximum, mut picked) = (value(first), simd.splat_u32s(pixels[0] as u32));
                for (at, pixel) in others.into_iter().zip(&pixels[1..]) {
                    let value = value(at);
                    let is_number = simd.equal_f32s(value, value);
                    let is_more = simd.greater_than_f32s(value, maximum);
                    let is_better = simd.or_m32s(is_more, simd.not_m32s(is_number));
                    maximum = simd.select_f32s(is_better, value, maximum);
                    picked = simd.select_u32s(is_better, simd.splat_u32s(*pixel as u32), picked);
                }
                let at = at + channel;
                let lanes = at..(at + S::F32_LANES).min(output.len());
                if let Some(output) = S::as_mut_simd_f32s(&mut output[lanes.clone()])
                    .0
                    .first_mut()
                    && let Some(argmax) = S::as_mut_simd_u32s(&mut argmax[lanes.clone()])
                        .0
                        .first_mut()
                {
                    (*output, *argmax) = (maximum, picked);
                } else {
                    simd.partial_store_f32s(&mut output[lanes.clone()], maximum);
                    simd.partial_store_u32s(&mut argmax[lanes], picked);
                }
            }
            at += channels;
        }
    }
}

/// A vector from `at` on.
#[inline(always)]
fn vector<S: Simd>(_simd: S, floats: &[f32], at: usize) -> S::f32s {
    let (vectors, _) = S::as_simd_f32s(&floats[at..][..S::F32_LANES]);
    vectors[0]
}

// The cases.

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN. With the rectifier.
///
/// # Panics
/// If a window does not fit.
pub fn launch(numbers: Numbers, (samples, capacity): (usize, usize), shape: &ConvShape) -> Launch {
    let mut random = Random::new(16);
    let pooled = PoolShape {
        input: shape.output().expect("the window fits"),
        window: WINDOW,
    };
    let output = pooled.output().expect("the pooling fits");
    let len = capacity * output.padded_elements();
    Launch {
        call: call(shape, Activation::Relu, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            images_in_batch(numbers, &mut random, (samples, capacity), shape.input),
            conv_weight(numbers, &mut random, shape),
            bias(numbers, &mut random, output.channels),
            Argument::Poisoned(len),
            Argument::Poisoned(len),
        ],
    }
}

/// Sizes that no tile divides; the third makes several tiles of every height, and the last are padded.
fn shapes() -> [ConvShape; 5] {
    [
        conv([5, 9, 9], 7, [2, 3], 2),
        conv([33, 5, 6], 33, [2, 1], 1),
        conv([3, 21, 20], 7, [3, 2], 1),
        conv([5, 7, 10], 9, [3, 3], 2).padded_by(1),
        conv([6, 5, 3], 5, [3, 1], 1).padded_by(2),
    ]
}

/// Of whole numbers alone, whose ties go to the first; and without activation: where the rectifier
/// makes all of a square zero, every argmax is right.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &POOL_TILES {
        for shape in shapes() {
            let mut launch = launch(Numbers::Integers, (3, 4), &shape);
            launch.call = call_tiled(&shape, Activation::Linear, tile);
            cases.push(launch.exact());
        }
    }
    cases
}
