//! `conv2d_backward_input_max_unpool2d`: host side, twin and cases of
//! `shaders/conv2d/conv2d_backward_input_max_unpool2d.wgsl`. The processor takes the gradients behind a pooling another way.

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance};
use crate::kernel::choice::choose;
use crate::kernel::numbers::{Numbers, Random, conv};
use crate::kernel::target::Target;
use crate::kernel::tile::{BATCH_TILES, Tile};
use crate::kernel::{
    Call, Kernel, Params as _, Real, Step, params, reads, reads_words, tile, twin, writes,
};
use crate::ops::conv2d::conv2d_backward_input;
use crate::ops::conv2d::conv2d_backward_input::{EXACT, tiles};
use crate::ops::conv2d::conv2d_max_pool2d_forward::WINDOW;
use crate::ops::pool::max_pool2d_backward;
use crate::shape::{ConvShape, ImageShape, PoolShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_input_max_unpool2d",
    source: include_str!("../../../shaders/conv2d/conv2d_backward_input_max_unpool2d.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("weight"),
        reads("input"),
        reads_words("argmax"),
        writes("grad_input"),
    ],
    params: Params::FIELDS,
    variants: &tile::variants(&BATCH_TILES),
    twin: TWIN,
    native: None,
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
        /// [`Activation`] before the pooling, as a number.
        pub activation: u32,
        /// Rows of what the pooling read.
        pub unpooled_height: u32,
        /// Columns of what the pooling read.
        pub unpooled_width: u32,
    }
}

/// The gradient by what a pooling of 2x2 read, of shape `unpooled`, or by what went into the `activation` before it:
/// from that of the output of the convolution `shape`, whose input the pooling made.
///
/// # Panics
/// If the window does not fit into the input, or the input is not what a pooling makes of `unpooled`.
pub fn call(
    shape: &ConvShape,
    activation: Activation,
    unpooled: ImageShape,
    target: &Target,
) -> Call {
    let (tile, choice) = choose(KERNEL.name, &shape.sizes(), target, &tiles(shape));
    call_tiled(shape, activation, unpooled, &tile).with_choice(choice)
}

/// [`call`] by a tile of [`BATCH_TILES`].
///
/// # Panics
/// As [`call`].
pub fn call_tiled(
    shape: &ConvShape,
    activation: Activation,
    unpooled: ImageShape,
    tile: &Tile,
) -> Call {
    assert_eq!(pooling(unpooled).output(), Some(shape.input));
    let of = conv2d_backward_input::params(shape, activation);
    let params = Params {
        in_height: of.in_height,
        in_width: of.in_width,
        in_quads: of.in_quads,
        out_height: of.out_height,
        out_width: of.out_width,
        out_quads: of.out_quads,
        kernel_height: of.kernel_height,
        kernel_width: of.kernel_width,
        stride: of.stride,
        padding: of.padding,
        activation: of.activation,
        unpooled_height: unpooled.height as u32,
        unpooled_width: unpooled.width as u32,
    };
    let grid = tile.input_grid(shape.input);
    Call::new(&KERNEL, tile.variant, &params, grid).with_flops(shape.flops())
}

/// The pooling that reads images of shape `input`.
fn pooling(input: ImageShape) -> PoolShape {
    PoolShape {
        input,
        window: WINDOW,
    }
}

// The twin.

twin!(grad_output: real, weight: real, input: real, argmax: word, grad_input: real_mut);

/// What `conv2d_backward_input` and then `max_pool2d_backward` do.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    grad_output: &[T],
    weight: &[T],
    input: &[T],
    argmax: &[u32],
    grad_input: &mut [T],
) {
    let conv = conv2d_backward_input::Params {
        in_height: params.in_height,
        in_width: params.in_width,
        in_quads: params.in_quads,
        out_height: params.out_height,
        out_width: params.out_width,
        out_quads: params.out_quads,
        kernel_height: params.kernel_height,
        kernel_width: params.kernel_width,
        stride: params.stride,
        padding: params.padding,
        activation: params.activation,
    };
    let pixels = params.in_height * params.in_width;
    let len = (step.batch * pixels) as usize * params.in_quads as usize * QUAD;
    let mut pooled = vec![T::of(0.0); len];
    conv2d_backward_input::twin(&conv, step, grad_output, weight, input, &mut pooled);
    let unpooled = params.unpooled_height * params.unpooled_width;
    let shape = [step.batch, pixels, unpooled, params.in_quads * QUAD as u32].map(|it| it as usize);
    max_pool2d_backward::scatter(shape, &pooled, argmax, grad_input);
}

// The cases.

/// The launch of `conv2d_backward_input`, whose input a pooling made of images of shape `unpooled`.
///
/// # Panics
/// As [`call`].
pub fn launch(
    numbers: Numbers,
    samples: (usize, usize),
    shape: &ConvShape,
    activation: Activation,
    unpooled: ImageShape,
    tile: &Tile,
) -> Launch {
    let conv = conv2d_backward_input::launch(numbers, samples, shape, activation);
    let mut arguments = conv.arguments;
    let len = samples.1 * unpooled.padded_elements();
    let images: Vec<f64> = Random::new(8)
        .floats(len)
        .into_iter()
        .map(f64::from)
        .collect();
    let (_, argmax) = max_pool2d_backward::forward(&pooling(unpooled), samples.1, &images);
    arguments.splice(3.., [Argument::Words(argmax), Argument::Poisoned(len)]);
    Launch {
        call: call_tiled(shape, activation, unpooled, tile),
        arguments,
        ..conv
    }
}

/// What a pooling makes a 4x5 image of: with pixels beyond its windows along neither axis, both, and either.
pub const UNPOOLED: [[usize; 2]; 4] = [[8, 10], [9, 11], [8, 11], [9, 10]];

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &BATCH_TILES {
        let plain = |channels| conv([channels, 4, 5], 5, [3, 2], 1);
        let shapes = [plain(3), plain(45).padded_by(1), plain(71).padded_by(2)];
        for (shape, [height, width]) in shapes.iter().zip(&UNPOOLED[1..]) {
            let unpooled = ImageShape::new(shape.input.channels, *height, *width);
            let of =
                |numbers, activation| launch(numbers, (7, 9), shape, activation, unpooled, tile);
            for activation in EXACT {
                cases.push(of(Numbers::Integers, activation).exact());
            }
            let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
            let floats = of(Numbers::Floats, Activation::Tanh);
            cases.push(floats.within(Tolerance::Sum { terms }));
        }
    }
    cases
}
