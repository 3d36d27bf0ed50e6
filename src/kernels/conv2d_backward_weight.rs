//! Host side of `shaders/conv2d_backward_weight.wgsl`.

use super::choice::choose;
use super::tile::{self, Tile, WEIGHT_TILES};
use super::{Call, Grid, Kernel, Params as _, params, reads, writes};
use crate::kernel_limits::bias_at;
use crate::shape::{ConvShape, QUAD, padded};
use crate::target::Target;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "conv2d_backward_weight",
    source: include_str!("../../shaders/conv2d_backward_weight.wgsl"),
    loops: None,
    bindings: &[reads("input"), reads("grad_output"), writes("partials")],
    params: Params::FIELDS,
    variants: &tile::variants(&WEIGHT_TILES),
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
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
        /// Quads from a split\'s weight to its bias.
        pub bias_at: u32,
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
    let output = shape.output().expect("the window fits into the input");
    let rows = capacity * output.pixels();
    let tiles = tile::weight_tiles(weight(shape), rows);
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
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
        bias_at: (bias_at(weight_len) / QUAD) as u32,
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
