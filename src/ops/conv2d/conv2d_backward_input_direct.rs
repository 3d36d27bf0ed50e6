//! `conv2d_backward_input_direct`: host side and cases of `shaders/conv2d/conv2d_backward_input_direct.wgsl`.
//! Params, twin and native kernel are those of [`conv2d_backward_input`], whose results it has.

use crate::activation::Activation;
use crate::kernel::case::{Case, Launch, Tolerance};
use crate::kernel::numbers::{Numbers, conv};
use crate::kernel::{Call, Grid, Kernel, Params as _, Variant, reads, twin, variants_of, writes};
use crate::ops::conv2d::conv2d_backward_input;
use crate::ops::conv2d::conv2d_backward_input::{EXACT, Params, native, params, twin};
use crate::shape::{ConvShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_input_direct",
    source: include_str!("../../../shaders/conv2d/conv2d_backward_input_direct.wgsl"),
    bindings: &[
        reads("grad_output"),
        reads("weight"),
        reads("input"),
        writes("grad_input"),
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
    /// Pixels of a line.
    pub pixels: usize,
    /// Quads of channels.
    pub columns: usize,
    /// All of it, by the names that the shader knows them by.
    pub variant: Variant,
}

macro_rules! direct {
    ($width:literal columns, $pixels:literal pixels by $quads:literal) => {
        Direct {
            kernel_width: $width,
            pixels: $pixels,
            columns: $quads,
            variant: &[
                ("KERNEL_WIDTH", $width),
                ("PIXELS", $pixels),
                ("COLUMNS", $quads),
            ],
        }
    };
}

/// Those that won on an NVIDIA H200 (docs/performance.md).
pub const DIRECT: [Direct; 2] = [
    direct!(3 columns, 8 pixels by 2),
    direct!(3 columns, 15 pixels by 1),
];

/// Threads in a workgroup.
const THREADS: u32 = 64;
/// Threads of a batch from which it beats tiles: with 61,440 it took 80 microseconds where tiles took 104;
/// with 24,576, 50 and 38; with 7,680, 24 and 18.
const ENOUGH_THREADS: usize = 40 << 10;

impl Direct {
    /// Whether it serves convolutions of `shape`.
    pub fn serves(&self, shape: &ConvShape) -> bool {
        shape.stride == 1 && shape.kernel_width == self.kernel_width
    }

    /// Threads for a sample.
    fn threads(&self, shape: &ConvShape) -> usize {
        let input = shape.input;
        let columns = (input.padded_channels() / QUAD).div_ceil(self.columns);
        input.height * input.width.div_ceil(self.pixels) * columns
    }
}

/// What serves convolutions of `shape`, the best guess first; and whether that is a better one than tiles for
/// batches of `capacity`.
pub fn choices(capacity: usize, shape: &ConvShape) -> (Vec<Direct>, bool) {
    let serves = |it: &&Direct| it.serves(shape);
    let direct: Vec<Direct> = DIRECT.iter().filter(serves).copied().collect();
    let is_better = |it: &Direct| capacity * it.threads(shape) >= ENOUGH_THREADS;
    let first = direct.first().is_some_and(is_better);
    (direct, first)
}

/// What [`conv2d_backward_input::call`] computes.
///
/// # Panics
/// If the window does not fit, or `direct` does not serve.
pub fn call(shape: &ConvShape, activation: Activation, direct: &Direct) -> Call {
    assert!(direct.serves(shape), "{direct:?} does not serve {shape:?}");
    let grid = Grid::per_sample(direct.threads(shape), THREADS);
    Call::new(&KERNEL, direct.variant, &params(shape, activation), grid).with_flops(shape.flops())
}

// The twin.

twin!(grad_output: real, weight: real, input: real, grad_input: real_mut);

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
        ..conv2d_backward_input::launch(numbers, samples, shape, activation)
    }
}

/// Sizes that nothing divides, which `direct` serves: lines shorter than a thread's and longer, outputs of
/// fewer lines than the window has, channels that fill no thread; padded ones.
pub fn shapes(direct: &Direct) -> [ConvShape; 6] {
    let width = direct.kernel_width;
    [
        conv([1, 3, width], 1, [3, width], 1),
        conv([3, 4, width + 3], 33, [3, width], 1),
        conv([9, 5, 19], 6, [4, width], 1),
        conv([13, 7, 16], 9, [2, width], 1),
        conv([5, 5, 17], 6, [3, width], 1).padded_by(1),
        conv([9, 1, 2], 7, [2, width], 1).padded_by(4),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for direct in &DIRECT {
        let shapes = shapes(direct);
        for shape in &shapes {
            for activation in EXACT {
                cases.push(launch(Numbers::Integers, (3, 4), shape, activation, direct).exact());
            }
        }
        let shape = &shapes[2];
        let terms = shape.kernel_height * shape.kernel_width * shape.out_channels;
        let floats = launch(Numbers::Floats, (3, 4), shape, Activation::Tanh, direct);
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_follow_shape_and_batch() {
        let is_better = |capacity, input| {
            let (direct, is_better) = choices(capacity, &conv(input, 32, [3, 3], 1));
            assert_eq!(direct.len(), 2);
            is_better
        };
        assert!(!is_better(128, [16, 15, 15]) && is_better(1024, [16, 15, 15]));
        assert!(!is_better(1024, [32, 6, 6]));
        let (direct, _) = choices(1024, &conv([16, 15, 15], 32, [3, 5], 1));
        assert!(direct.is_empty());
    }
}
