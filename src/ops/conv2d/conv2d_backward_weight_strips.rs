//! `conv2d_backward_weight_strips`: host side, twin and cases of `shaders/conv2d/conv2d_backward_weight_strips.wgsl`.
//! Devices without a shader run the twin: none is given this kernel.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::limits::bias_at;
use crate::kernel::numbers::{Numbers, Random, conv, images_in_batch};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, Variant, params, reads, twin, variants_of, writes,
};
use crate::ops::conv2d::conv2d_backward_weight;
use crate::ops::conv2d::conv2d_backward_weight::add_pixel;
use crate::shape::{ConvShape, QUAD};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_weight_strips",
    source: include_str!("../../../shaders/conv2d/conv2d_backward_weight_strips.wgsl"),
    bindings: &[reads("input"), reads("grad_output"), writes("partials")],
    params: Params::FIELDS,
    variants: &variants_of!(STRIPS),
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
        /// Pixels of zeros on every side of the input.
        pub padding: u32,
        /// Pixels of a walk, at most.
        pub strip: u32,
        /// Partial sums.
        pub splits: u32,
        /// Walks that one of them covers.
        pub walks_per_split: u32,
        /// Quads from a split's weight to its bias.
        pub bias_at: u32,
        /// 1, or 0 where there is none: its gradient is zero. See [`Call::without_bias`].
        pub bias: f32,
    }
}

/// How a workgroup walks, as constants of its shader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strips {
    /// Lines and columns of taps of a thread.
    pub taps: [usize; 2],
    /// Channels that a quad of the input has at most.
    pub lanes: usize,
    /// Blocks of a workgroup.
    pub blocks: usize,
    /// Threads for each of them.
    pub walkers: usize,
    /// Threads that keep a large GPU busy: as many as its registers hold, or a few less.
    busy: usize,
    /// All of it, by the names that the shader knows them by.
    pub variant: Variant,
}

macro_rules! strips {
    ([$lines:literal, $columns:literal] taps, $lanes:literal lanes, $blocks:literal blocks by $walkers:literal,
        $busy:literal busy) => {
        Strips {
            taps: [$lines, $columns],
            lanes: $lanes,
            blocks: $blocks,
            walkers: $walkers,
            busy: $busy,
            variant: &[
                ("TAP_LINES", $lines),
                ("TAP_COLUMNS", $columns),
                ("LANES", $lanes),
                ("BLOCKS", $blocks),
                ("WALKERS", $walkers),
            ],
        }
    };
}

/// Those that won on an NVIDIA H200, of some forty (docs/performance.md): the most taps whose sums stay in
/// registers, and about as many threads as its 132 multiprocessors run at once. One and a half times as
/// many take twice as long.
pub const STRIPS: [Strips; 5] = [
    strips!([3, 1] taps, 3 lanes, 12 blocks by 16, 92_160 busy),
    strips!([7, 1] taps, 3 lanes, 32 blocks by 4, 40_960 busy),
    strips!([3, 3] taps, 4 lanes, 32 blocks by 8, 32_768 busy),
    strips!([3, 3] taps, 4 lanes, 32 blocks by 4, 32_768 busy),
    strips!([3, 1] taps, 4 lanes, 32 blocks by 8, 36_864 busy),
];

/// Pixels of a walk: of 30 rows, two of 15 are as fast as one; a walk of few pixels reads more lines of its
/// window than it sums.
const LONGEST: usize = 16;
/// Rows of output from which strips beat tiles where inputs have many channels: measured with 13 and 4.
const HIGH: usize = 8;

impl Strips {
    /// Whether it serves convolutions of `shape`.
    pub fn serves(&self, shape: &ConvShape) -> bool {
        let [lines, columns] = self.taps;
        let is_whole =
            shape.kernel_height.is_multiple_of(lines) && shape.kernel_width.is_multiple_of(columns);
        let has_lanes = (self.lanes == QUAD) != (shape.input.channels < QUAD);
        shape.stride == 1 && is_whole && has_lanes
    }

    /// Threads in a workgroup.
    pub const fn threads(&self) -> usize {
        self.blocks * self.walkers
    }

    /// Blocks of a weight, and workgroups that have them.
    fn blocks_of(&self, shape: &ConvShape) -> (usize, usize) {
        let [lines, columns] = self.taps;
        let parts = shape.kernel_height / lines * (shape.kernel_width / columns);
        let [in_quads, out_quads] = quads(shape);
        let blocks = parts * in_quads * out_quads;
        (blocks, blocks.div_ceil(self.blocks))
    }

    /// Whether at least `part` of 8 of its threads have a block of their own.
    fn is_filled(&self, shape: &ConvShape, part: usize) -> bool {
        let (blocks, tiles) = self.blocks_of(shape);
        8 * blocks >= part * tiles * self.blocks
    }
}

/// What serves convolutions of `shape`, the best guess first; and whether that is a better one than tiles.
pub fn choices(shape: &ConvShape) -> (Vec<Strips>, bool) {
    let serves = |it: &&Strips| it.serves(shape) && it.is_filled(shape, 4);
    let strips: Vec<Strips> = STRIPS.iter().filter(serves).copied().collect();
    let is_high = shape.output().is_some_and(|it| it.height >= HIGH);
    let is_better =
        |it: &Strips| it.is_filled(shape, 6) && (is_high || shape.input.channels < QUAD);
    let first = strips.first().is_some_and(is_better);
    (strips, first)
}

/// Quads of an input pixel and of an output pixel.
const fn quads(shape: &ConvShape) -> [usize; 2] {
    [
        shape.input.padded_channels() / QUAD,
        shape.out_channels.div_ceil(QUAD),
    ]
}

/// partials (splits, weight and bias) of the gradients by both, by ranges of walks, which batches of up to
/// `capacity` samples have.
///
/// # Panics
/// If the window does not fit into the input: shapes are checked when a graph is recorded.
pub fn call(capacity: usize, shape: &ConvShape, strips: &Strips) -> Call {
    assert!(strips.serves(shape), "{strips:?} does not serve {shape:?}");
    let output = shape.output().expect("the window fits into the input");
    let strip = output.height.div_ceil(output.height.div_ceil(LONGEST));
    let walks = capacity * output.height.div_ceil(strip) * output.width;
    let (_, tiles) = strips.blocks_of(shape);
    let threads = tiles * strips.threads();
    let wanted = (strips.busy / threads).max(1);
    let walks_per_split = walks.div_ceil(wanted).next_multiple_of(strips.walkers);
    let splits = walks.div_ceil(walks_per_split);
    let [in_quads, out_quads] = quads(shape);
    let params = Params {
        in_height: shape.input.height as u32,
        in_width: shape.input.width as u32,
        in_quads: in_quads as u32,
        out_height: output.height as u32,
        out_width: output.width as u32,
        out_quads: out_quads as u32,
        kernel_height: shape.kernel_height as u32,
        kernel_width: shape.kernel_width as u32,
        padding: shape.padding as u32,
        strip: strip as u32,
        splits: splits as u32,
        walks_per_split: walks_per_split as u32,
        bias_at: (bias_at(shape.weight_len()) / QUAD) as u32,
        bias: 1.0,
    };
    let workgroup_size = strips.threads();
    let grid = Grid::fixed(splits * threads, workgroup_size as u32);
    Call::new(&KERNEL, strips.variant, &params, grid)
        .with_workgroup_bytes((16 * strips.lanes * workgroup_size) as u32)
        .with_flops(shape.flops())
        .with_in_channels(shape.input.channels)
}

// The twin.

twin!(input: real, grad_output: real, partials: real_mut);

/// partials (splits of weight, zeros and bias), each the sum of what the pixels of its walks contribute.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    partials: &mut [T],
) {
    let dense = conv2d_backward_weight::Params {
        in_height: params.in_height,
        in_width: params.in_width,
        in_quads: params.in_quads,
        out_height: params.out_height,
        out_width: params.out_width,
        out_quads: params.out_quads,
        kernel_height: params.kernel_height,
        kernel_width: params.kernel_width,
        stride: 1,
        padding: params.padding,
        splits: 1,
        samples_per_split: step.batch,
        bias_at: params.bias_at,
        bias: params.bias,
    };
    let strips = params.out_height.div_ceil(params.strip);
    let walks = step.batch * strips * params.out_width;
    let len = 4 * (params.bias_at + params.out_quads) as usize;
    for (split, partial) in (0..params.splits).zip(partials.chunks_mut(len)) {
        let first = split * params.walks_per_split;
        let end = (first + params.walks_per_split).min(walks);
        let mut sums = vec![0.0; len];
        for walk in first..end {
            let (strip, x) = (walk / params.out_width, walk % params.out_width);
            let first = strip % strips * params.strip;
            for y in first..(first + params.strip).min(params.out_height) {
                let pixel = [strip / strips, y, x];
                add_pixel(&dense, pixel, input, grad_output, &mut sums);
            }
        }
        for (partial, sum) in partial.iter_mut().zip(sums) {
            *partial = T::of(sum);
        }
    }
}

// The cases.

/// The launch of [`call`], made for batches of `capacity`, on `samples`; what lies between is NaN.
///
/// # Panics
/// If the window does not fit into the input.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    shape: &ConvShape,
    strips: &Strips,
) -> Launch {
    let mut random = Random::new(9);
    let call = call(capacity, shape, strips);
    let output = shape.output().expect("the window fits");
    let mut images_of = |shape| images_in_batch(numbers, &mut random, (samples, capacity), shape);
    let len = bias_at(shape.weight_len()) + output.padded_channels();
    Launch {
        step: batch(samples),
        arguments: vec![
            images_of(shape.input),
            images_of(output),
            Argument::Poisoned(call.splits() * len),
        ],
        call,
    }
}

/// Sizes that nothing divides, which `strips` serve: blocks and strips that are not full, several workgroups
/// of blocks, walks of two lengths; padded ones, where the last has windows without a pixel.
pub fn shapes(strips: &Strips) -> [ConvShape; 5] {
    let [lines, columns] = strips.taps;
    let few = strips.lanes == 3;
    let of = |channels: [usize; 2], kernel: [usize; 2], more: [usize; 2]| {
        let [few_channels, many] = channels;
        let input = if few { few_channels } else { many };
        let [height, width] = [0, 1].map(|axis| kernel[axis] + more[axis]);
        conv([input, height, width], 7, kernel, 1)
    };
    let wide = of([3, 21], [lines, 2 * columns], [2, 4]);
    [
        of([1, 5], [lines, columns], [0, 2]),
        ConvShape {
            out_channels: 45,
            ..wide
        },
        of([3, 13], [2 * lines, columns], [18, 0]),
        of([3, 13], [lines, columns], [16, 3]).padded_by(1),
        of([2, 6], [lines, 2 * columns], [0, 1]).padded_by(lines + 1),
    ]
}

/// With parts past the batch, whose sums are zero.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for strips in &STRIPS {
        let shapes = shapes(strips);
        for shape in &shapes {
            cases.push(launch(Numbers::Integers, (3, 5), shape, strips).exact());
        }
        let terms = 7 * shapes[2].output().expect("the window fits").pixels();
        let floats = launch(Numbers::Floats, (7, 9), &shapes[2], strips);
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the shader counts on, and every adapter has.
    #[test]
    fn workgroups_suit_every_adapter() {
        for strips in &STRIPS {
            assert!(strips.walkers.is_multiple_of(4), "{strips:?}");
            assert!((64..=256).contains(&strips.threads()), "{strips:?}");
            assert!(strips.lanes * strips.threads() <= 1024, "{strips:?}");
        }
    }

    /// Workgroups and walks of a thread as they were measured.
    #[test]
    fn choices_follow_the_shape() {
        let chosen = |capacity, input, outputs, kernel| {
            let shape = conv(input, outputs, [kernel; 2], 1);
            let (strips, is_better) = choices(&shape);
            let first = strips.first()?;
            let call = call(capacity, &shape, first);
            let params: &Params = call.params();
            let groups = call.grid.threads(1) / u64::from(call.grid.workgroup_size);
            let each = params.walks_per_split as usize / first.walkers;
            Some((is_better, params.strip, groups, each))
        };
        // The cnn's, and the shallow one's.
        let (first, second) = ([3, 32, 32], [16, 15, 15]);
        assert_eq!(chosen(128, first, 16, 3), Some((true, 15, 480, 1)));
        assert_eq!(chosen(1024, first, 16, 3), Some((true, 15, 480, 8)));
        assert_eq!(chosen(128, second, 32, 3), Some((true, 13, 104, 2)));
        assert_eq!(chosen(1024, second, 32, 3), Some((true, 13, 128, 13)));
        let third = chosen(128, [32, 6, 6], 45, 3).expect("strips serve");
        assert!(!third.0, "{third:?}");
        assert_eq!(chosen(128, first, 41, 28), Some((true, 5, 312, 20)));
        assert_eq!(chosen(1024, first, 41, 28), Some((true, 5, 312, 160)));
        // Other kernels and few blocks.
        assert_eq!(chosen(128, second, 32, 5), None);
        assert_eq!(chosen(128, second, 4, 3), None);
    }
}
