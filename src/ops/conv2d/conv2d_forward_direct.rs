//! `conv2d_forward_direct`: host side and cases of `shaders/conv2d/conv2d_forward_direct.wgsl`. Params, twin
//! and native kernel are those of [`conv2d_forward`], whose results it has.

use crate::activation::Activation;
use crate::kernel::case::{Case, Launch, Tolerance};
use crate::kernel::numbers::{Numbers, conv};
use crate::kernel::tile::Product;
use crate::kernel::{Call, Grid, Kernel, Params as _, Variant, reads, twin, variants_of, writes};
use crate::ops::conv2d::conv2d_forward;
use crate::ops::conv2d::conv2d_forward::{Params, native, params, twin};
use crate::shape::{ConvShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_forward_direct",
    source: include_str!("../../../shaders/conv2d/conv2d_forward_direct.wgsl"),
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
    ],
    params: Params::FIELDS,
    variants: &variants_of!(DIRECT),
    twin: TWIN,
    native: Some(native),
    cases,
};

/// What a thread computes, as constants of its shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direct {
    /// Columns of the window.
    pub kernel_width: usize,
    /// Channels that a quad of the input has at most.
    pub lanes: usize,
    /// Pixels of a line.
    pub pixels: usize,
    /// All of it, by the names that the shader knows them by.
    pub variant: Variant,
}

macro_rules! direct {
    ($width:literal columns, $lanes:literal lanes, $pixels:literal pixels) => {
        Direct {
            kernel_width: $width,
            lanes: $lanes,
            pixels: $pixels,
            variant: &[
                ("KERNEL_WIDTH", $width),
                ("LANES", $lanes),
                ("PIXELS", $pixels),
            ],
        }
    };
}

/// Those of 15, 10, 13 and 7 pixels won on an NVIDIA H200 (docs/performance.md); 16 suit lines of 32.
pub const DIRECT: [Direct; 6] = [
    direct!(3 columns, 3 lanes, 16 pixels),
    direct!(3 columns, 3 lanes, 15 pixels),
    direct!(3 columns, 3 lanes, 10 pixels),
    direct!(3 columns, 4 lanes, 16 pixels),
    direct!(3 columns, 4 lanes, 13 pixels),
    direct!(3 columns, 4 lanes, 7 pixels),
];

/// Threads in a workgroup.
const THREADS: u32 = 64;
/// Threads of a batch of [`Product::BATCH`] from which it beats tiles: with 13,312 it did, with 6,144 it
/// took four times as long.
const ENOUGH_THREADS: usize = 12 << 10;

impl Direct {
    /// Whether it serves convolutions of `shape`.
    pub fn serves(&self, shape: &ConvShape) -> bool {
        let has_lanes = (self.lanes == QUAD) != (shape.input.channels < QUAD);
        shape.stride == 1 && shape.kernel_width == self.kernel_width && has_lanes
    }

    /// Threads for a sample.
    fn threads(&self, shape: &ConvShape) -> usize {
        let output = shape.output().expect("the window fits into the input");
        output.height * output.width.div_ceil(self.pixels) * output.padded_channels() / QUAD
    }
}

/// What serves convolutions of `shape`, the best guess first; and whether that is a better one than tiles.
///
/// # Panics
/// As [`call`].
pub fn choices(shape: &ConvShape) -> (Vec<Direct>, bool) {
    let serves = |it: &&Direct| it.serves(shape);
    let mut direct: Vec<Direct> = DIRECT.iter().filter(serves).copied().collect();
    // The fewest pixels that are computed in vain, then the most per thread.
    direct.sort_by_key(|it| it.threads(shape) * it.pixels);
    let is_better = |it: &Direct| Product::BATCH * it.threads(shape) >= ENOUGH_THREADS;
    let first = direct.first().is_some_and(is_better);
    (direct, first)
}

/// `output`, of shape `shape.output()`, = activation(conv2d(input, weight) + bias).
///
/// # Panics
/// If the window does not fit, or `direct` does not serve.
pub fn call(shape: &ConvShape, activation: Activation, direct: &Direct) -> Call {
    assert!(direct.serves(shape), "{direct:?} does not serve {shape:?}");
    let grid = Grid::per_sample(direct.threads(shape), THREADS);
    Call::new(&KERNEL, direct.variant, &params(shape, activation), grid)
        .with_flops(shape.flops())
        .with_in_channels(shape.input.channels)
}

// The twin.

twin!(input: real, weight: real, bias: real, output: real_mut);

// The cases.

/// The launch of [`call`] on a batch of `samples` in buffers for `capacity`; what lies between is NaN.
///
/// # Panics
/// As [`call`].
pub fn launch(
    numbers: Numbers,
    samples: (usize, usize),
    shape: &ConvShape,
    activation: Activation,
    direct: &Direct,
) -> Launch {
    Launch {
        call: call(shape, activation, direct),
        ..conv2d_forward::launch(numbers, samples, shape, activation)
    }
}

/// Sizes that nothing divides, which `direct` serves: lines shorter than a thread's, longer, and of one pixel;
/// padded ones, where the last has windows without a pixel.
pub fn shapes(direct: &Direct) -> [ConvShape; 5] {
    let channels = |few, many| if direct.lanes == 3 { few } else { many };
    let width = direct.kernel_width;
    [
        conv([channels(1, 4), 2, width], 1, [2, width], 1),
        conv([channels(3, 13), 5, width + 4], 33, [3, width], 1),
        conv([channels(2, 6), 4, width + 18], 7, [1, width], 1),
        conv([channels(3, 13), 5, width + 14], 9, [3, width], 1).padded_by(1),
        conv([channels(1, 5), 1, 2], 3, [2, width], 1).padded_by(4),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for direct in &DIRECT {
        let shapes = shapes(direct);
        for shape in &shapes {
            let relu = Activation::Relu;
            cases.push(launch(Numbers::Integers, (3, 4), shape, relu, direct).exact());
        }
        let terms = shapes[1].padded_fan_in() + 1;
        let floats = launch(
            Numbers::Floats,
            (3, 4),
            &shapes[1],
            Activation::Tanh,
            direct,
        );
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_follow_the_shape() {
        let chosen = |input, outputs, kernel| {
            let (direct, is_better) = choices(&conv(input, outputs, [kernel; 2], 1));
            direct.first().map(|it| (is_better, it.lanes, it.pixels))
        };
        assert_eq!(chosen([3, 32, 32], 16, 3), Some((true, 3, 15)));
        assert_eq!(chosen([3, 34, 34], 16, 3), Some((true, 3, 16)));
        assert_eq!(chosen([16, 15, 15], 32, 3), Some((true, 4, 13)));
        assert_eq!(chosen([16, 34, 34], 16, 3), Some((true, 4, 16)));
        // Few pixels, other kernels.
        assert_eq!(chosen([32, 6, 6], 45, 3), Some((false, 4, 7)));
        assert_eq!(chosen([3, 32, 32], 41, 28), None);
    }
}
