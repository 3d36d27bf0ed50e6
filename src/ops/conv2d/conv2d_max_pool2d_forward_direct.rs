//! `conv2d_max_pool2d_forward_direct`: host side and cases of
//! `shaders/conv2d/conv2d_max_pool2d_forward_direct.wgsl`. Params, twin and native kernel are those of
//! [`conv2d_max_pool2d_forward`], whose results it has.

use crate::activation::Activation;
use crate::kernel::case::{Case, Launch};
use crate::kernel::numbers::{Numbers, conv};
use crate::kernel::tile::Product;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Variant, reads, twin, variants_of, writes, writes_words,
};
use crate::ops::conv2d::conv2d_max_pool2d_forward;
use crate::ops::conv2d::conv2d_max_pool2d_forward::{Params, native, outputs, params, twin};
use crate::shape::{ConvShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_max_pool2d_forward_direct",
    source: include_str!("../../../shaders/conv2d/conv2d_max_pool2d_forward_direct.wgsl"),
    bindings: &[
        reads("input"),
        reads("weight"),
        reads("bias"),
        writes("output"),
        writes_words("argmax"),
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
    /// Rows and columns of the convolution's window.
    pub kernel: [usize; 2],
    /// Channels that a quad of the input has at most.
    pub lanes: usize,
    /// Squares of a line.
    pub squares: usize,
    /// All of it, by the names that the shader knows them by.
    pub variant: Variant,
}

macro_rules! direct {
    ([$height:literal, $width:literal] kernel, $lanes:literal lanes, $squares:literal squares) => {
        Direct {
            kernel: [$height, $width],
            lanes: $lanes,
            squares: $squares,
            variant: &[
                ("KERNEL_HEIGHT", $height),
                ("KERNEL_WIDTH", $width),
                ("LANES", $lanes),
                ("SQUARES", $squares),
            ],
        }
    };
}

/// Those that won on an NVIDIA H200 (docs/performance.md): more channels or squares per thread were slower.
pub const DIRECT: [Direct; 3] = [
    direct!([3, 3] kernel, 3 lanes, 3 squares),
    direct!([3, 3] kernel, 4 lanes, 2 squares),
    direct!([3, 3] kernel, 4 lanes, 3 squares),
];

/// Threads in a workgroup.
const THREADS: u32 = 64;
/// Threads of a batch of [`Product::BATCH`] from which it beats tiles: measured with 18,432 and more;
/// without a pooling, 6,000 threads took four times as long as tiles.
const ENOUGH_THREADS: usize = 16 << 10;

impl Direct {
    /// Whether it serves convolutions of `shape`.
    pub fn serves(&self, shape: &ConvShape) -> bool {
        let kernel = [shape.kernel_height, shape.kernel_width];
        let has_lanes = (self.lanes == QUAD) != (shape.input.channels < QUAD);
        shape.stride == 1 && kernel == self.kernel && has_lanes
    }

    /// Threads for a sample.
    fn threads(&self, shape: &ConvShape) -> usize {
        let (_, output) = outputs(shape);
        output.height * output.width.div_ceil(self.squares) * output.padded_channels() / QUAD
    }
}

/// What serves convolutions of `shape`, the best guess first; and whether that is a better one than tiles.
///
/// # Panics
/// As [`call`].
pub fn choices(shape: &ConvShape) -> (Vec<Direct>, bool) {
    let serves = |it: &&Direct| it.serves(shape);
    let direct: Vec<Direct> = DIRECT.iter().filter(serves).copied().collect();
    let is_better = |it: &Direct| Product::BATCH * it.threads(shape) >= ENOUGH_THREADS;
    let first = direct.first().is_some_and(is_better);
    (direct, first)
}

/// The pooled output of `activation(conv2d(input, weight) + bias)`, and where each maximum was.
///
/// # Panics
/// If a window does not fit, or `direct` does not serve.
pub fn call(shape: &ConvShape, activation: Activation, direct: &Direct) -> Call {
    assert!(direct.serves(shape), "{direct:?} does not serve {shape:?}");
    let grid = Grid::per_sample(direct.threads(shape), THREADS);
    Call::new(&KERNEL, direct.variant, &params(shape, activation), grid)
        .with_flops(shape.flops())
        .with_in_channels(shape.input.channels)
}

// The twin.

twin!(input: real, weight: real, bias: real, output: real_mut, argmax: word_mut);

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
        ..conv2d_max_pool2d_forward::launch(numbers, samples, shape)
    }
}

/// Sizes that nothing divides, which `direct` serves: lines of squares that end within a thread's, rows and
/// columns that fill no square, one square; padded ones, where the last has windows without a pixel.
pub fn shapes(direct: &Direct) -> [ConvShape; 6] {
    let few = direct.lanes == 3;
    let channels = |few_channels, many| if few { few_channels } else { many };
    let [height, width] = direct.kernel;
    let of = |inputs, [rows, columns]: [usize; 2], outputs| {
        let input = [inputs, rows + height - 1, columns + width - 1];
        conv(input, outputs, direct.kernel, 1)
    };
    [
        of(channels(1, 4), [2, 2], 1),
        of(channels(3, 13), [7, 9], 5),
        of(channels(2, 33), [4, 8], 33),
        of(channels(3, 6), [5, 14], 16),
        of(channels(3, 13), [5, 11], 9).padded_by(1),
        of(channels(2, 5), [1, 2], 16).padded_by(4),
    ]
}

/// Of whole numbers alone, whose ties go to the first; and without activation, as those of
/// [`conv2d_max_pool2d_forward`].
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for direct in &DIRECT {
        for shape in &shapes(direct) {
            let linear = Activation::Linear;
            cases.push(launch(Numbers::Integers, (3, 4), shape, linear, direct).exact());
        }
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
            direct.first().map(|it| (is_better, it.lanes, it.squares))
        };
        // The cnn's.
        assert_eq!(chosen([3, 32, 32], 16, 3), Some((true, 3, 3)));
        assert_eq!(chosen([16, 15, 15], 32, 3), Some((true, 4, 2)));
        // Few pixels, other kernels.
        assert_eq!(chosen([32, 6, 6], 45, 3), Some((false, 4, 2)));
        assert_eq!(chosen([3, 32, 32], 41, 28), None);
        assert_eq!(chosen([3, 32, 32], 8, 1), None);
    }
}
