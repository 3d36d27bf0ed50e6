//! `conv2d_backward_input`: host side, twin, native kernel and cases of `shaders/conv2d/conv2d_backward_input.wgsl`.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::choice::choose;
use crate::kernel::native::Part;
use crate::kernel::native::product::{Matrix, multiply};
use crate::kernel::numbers::{Numbers, PORTABLE, Random, conv, with_stale_rows, zero_padding};
use crate::kernel::numbers::{conv_weight, images_in_batch};
use crate::kernel::target::Target;
use crate::kernel::tile::{BATCH_TILES, Product, Tile};
use crate::kernel::{
    Call, Kernel, Params as _, Real, Slice, Step, params, reads, tile, twin, writes,
};
use crate::ops::activation::activation_backward::slope;
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors::take_slopes;
use crate::ops::conv2d::geometry::{FLOATS, Geometry, ROWS, geometry};
use crate::ops::conv2d::window::pixel_under;
use crate::shape::{ConvShape, QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_input",
    source: include_str!("../../../shaders/conv2d/conv2d_backward_input.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("weight"),
        reads("input"),
        writes("grad_input"),
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
        /// [`Activation`] that made the input, as a number.
        pub activation: u32,
    }
}

/// `grad_input`, of shape `shape.input`, from `grad_output`, of shape `shape.output()`: the gradient
/// of the sums before the `activation` that made the input, where there is one. Without one
/// (`Linear`) `input` is not read, and anything may be bound for it.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(shape: &ConvShape, activation: Activation, target: &Target) -> Call {
    let tiles = tiles(shape);
    let (tile, choice) = choose(KERNEL.name, &shape.sizes(), target, &tiles);
    call_tiled(shape, activation, &tile).with_choice(choice)
}

/// The tiles that serve, the default first.
pub(super) fn tiles(shape: &ConvShape) -> Vec<Tile> {
    let taps = shape.kernel_height * shape.kernel_width;
    tile::batch_tiles(&Product {
        groups: shape.input.pixels(),
        rows: Product::BATCH,
        columns: shape.input.padded_channels() / QUAD,
        depth: taps * padded(shape.out_channels) / QUAD,
    })
}

/// [`call`] by a tile of [`BATCH_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(shape: &ConvShape, activation: Activation, tile: &Tile) -> Call {
    let grid = tile.input_grid(shape.input);
    let params = params(shape, activation);
    Call::new(&KERNEL, tile.variant, &params, grid).with_flops(shape.flops())
}

/// The Params of a convolution.
///
/// # Panics
/// As [`call`].
pub(super) fn params(shape: &ConvShape, activation: Activation) -> Params {
    let output = shape.output().expect("the window fits into the input");
    let in_quads = shape.input.padded_channels() / QUAD;
    Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: in_quads as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_quads: (output.padded_channels() / QUAD) as u32,
        kernel_height: shape.kernel_height as u32,
        kernel_width: shape.kernel_width as u32,
        stride: shape.stride as u32,
        padding: shape.padding as u32,
        activation: activation as u32,
    }
}

// The twin.

twin!(grad_output: real, weight: real, input: real, grad_input: real_mut);

/// `grad_input`, channels-last: every output pixel's gradient spread over its window, times the slope
/// of the activation whose output `input` is.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    weight: &[T],
    input: &[T],
    grad_input: &mut [T],
) {
    let in_stride = 4 * params.in_quads as usize;
    let out_stride = 4 * params.out_quads as usize;
    let image = [params.in_height, params.in_width];
    let steps = (params.stride, params.padding);
    let pixels = step.batch * params.in_height * params.in_width;
    let mut sums = vec![0.0; pixels as usize * in_stride];
    let mut grads = grad_output.chunks(out_stride);
    for n in 0..step.batch {
        for y in 0..params.out_height {
            for x in 0..params.out_width {
                let grads = grads.next().expect("one row per output pixel");
                for tap in 0..params.kernel_height * params.kernel_width {
                    let place = [tap / params.kernel_width, tap % params.kernel_width];
                    let Some(pixel) = pixel_under(image, steps, [n, y, x], place) else {
                        continue;
                    };
                    for i in 0..in_stride {
                        let at = (tap as usize * in_stride + i) * out_stride;
                        let weights = &weight[at..][..out_stride];
                        let products = grads.iter().zip(weights).map(|(g, w)| g.wide() * w.wide());
                        sums[pixel * in_stride + i] += products.sum::<f64>();
                    }
                }
            }
        }
    }
    let activation = Activation::from_number(params.activation);
    for (index, sum) in sums.into_iter().enumerate() {
        grad_input[index] = match activation {
            Activation::Linear => T::of(sum),
            _ => T::of(sum) * slope(activation, input[index]),
        };
    }
}

// The native kernel.

/// `grad_input`, channels-last: every output pixel's gradient spread over its window, times the slope
/// of the activation whose output `input` is.
pub(super) fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.padding > 0 {
        // The processor's programs have none: there it is an operation of its own.
        return TWIN.run(call, &part.step, slices);
    }
    let [grad_output, weight, input, grad_input] = slices else {
        panic!("conv2d_backward_input binds four buffers");
    };
    let geometry = geometry!(params);
    let samples = part.step.batch as usize;
    let grads = &grad_output.real()[..samples * geometry.output_len()];
    let grad_input = &mut grad_input.real_mut()[..samples * geometry.input_len()];
    let weight = &weight.real()[..geometry.window() * geometry.out_channels];
    if geometry.is_pointwise() {
        let weight = Matrix::new(weight, geometry.in_channels, geometry.out_channels);
        let rows = samples * geometry.pixels();
        let grads = Matrix::new(grads, rows, geometry.out_channels);
        multiply(grad_input, false, grads, weight.transposed());
    } else {
        spread(&geometry, weight, grads, grad_input, part);
    }
    let activation = Activation::from_number(params.activation);
    if activation != Activation::Linear {
        take_slopes(activation, input.real(), grad_input);
    }
}

/// All gradients of an image as a matrix.
fn spread(
    geometry: &Geometry,
    weight: &[f32],
    grads: &[f32],
    grad_input: &mut [f32],
    part: &mut Part<'_>,
) {
    let together = images_together(geometry);
    let window = geometry.window();
    let weight = Matrix::new(weight, window, geometry.out_channels).transposed();
    let [windows] = part.workspace.take([together * geometry.pixels() * window]);
    grad_input.fill(0.0);
    let images = grad_input.chunks_mut(together * geometry.input_len());
    for (grads, images) in grads.chunks(together * geometry.output_len()).zip(images) {
        let rows = grads.len() / geometry.out_channels;
        multiply(
            windows,
            false,
            Matrix::new(grads, rows, geometry.out_channels),
            weight,
        );
        let windows = windows.chunks_exact(geometry.pixels() * window);
        for (windows, image) in windows.zip(images.chunks_exact_mut(geometry.input_len())) {
            geometry.raise(windows, image);
        }
    }
}

/// Images whose windows are one matrix: enough rows for a product, and no more than the caches hold.
fn images_together(geometry: &Geometry) -> usize {
    let rows = ROWS.min(FLOATS / geometry.window()).max(2);
    (rows / geometry.pixels()).max(1)
}

// The cases.

/// Activations whose slopes are whole numbers.
pub const EXACT: [Activation; 2] = [Activation::Linear, Activation::Relu];

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN. Without an activation
/// the input is NaN as well: it is not read.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    activation: Activation,
) -> Launch {
    let mut random = Random::new(7);
    let input = shape.input;
    let activated = match activation {
        Activation::Linear => Vec::new(),
        _ => activated(&mut random, samples, shape, activation),
    };
    let output = shape.output().expect("the window fits");
    Launch {
        call: call(shape, activation, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            images_in_batch(numbers, &mut random, (samples, capacity), output),
            conv_weight(numbers, &mut random, shape),
            Argument::Floats(with_stale_rows(
                activated,
                capacity * input.padded_elements(),
            )),
            Argument::Poisoned(capacity * input.padded_elements()),
        ],
    }
}

/// An input that `activation` made: between its limits, padding zero; a fifth of relu's are zeros.
fn activated(
    random: &mut Random,
    samples: usize,
    shape: &ConvShape,
    activation: Activation,
) -> Vec<f32> {
    let rows = samples * shape.input.pixels();
    let sums = random.floats(rows * shape.input.padded_channels());
    let sums = sums.into_iter().map(|x| activate(activation, 2.5 * x));
    let (channels, padded) = (shape.input.channels, shape.input.padded_channels());
    zero_padding(sums.collect(), channels, padded)
}

/// Samples, and what their buffers hold.
const SAMPLES: (usize, usize) = (7, 9);

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &BATCH_TILES {
        let of_tile = |numbers, shape: &ConvShape, activation| {
            let mut launch = launch(numbers, SAMPLES, shape, activation);
            launch.call = call_tiled(shape, activation, tile);
            launch
        };
        let plain = |channels| conv([channels, 4, 5], 5, [3, 2], 1);
        let shapes = [
            plain(3),
            plain(45),
            plain(71),
            plain(6).padded_by(2),
            conv([9, 5, 7], 6, [3, 3], 2).padded_by(1),
        ];
        for shape in &shapes {
            for activation in EXACT {
                cases.push(of_tile(Numbers::Integers, shape, activation).exact());
            }
        }
        let shape = &shapes[0];
        let floats = of_tile(Numbers::Floats, shape, Activation::Tanh);
        let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
