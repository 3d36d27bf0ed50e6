//! `linear_forward`: host side, twin, native kernel and cases of `shaders/linear/linear_forward.wgsl`.

use rayon::prelude::*;

use crate::activation::Activation;
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::choice::choose;
use crate::kernel::native::product::{LONG, Matrix, multiply, multiply_rows};
use crate::kernel::native::{Part, Workspace};
use crate::kernel::numbers::bias;
use crate::kernel::numbers::{ACTIVATIONS, Numbers, PORTABLE, Random, with_stale_rows};
use crate::kernel::shards::{self, SHARDS};
use crate::kernel::target::Target;
use crate::kernel::tile::{BATCH_TILES, Product, Tile};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, tile, twin, writes,
};
use crate::ops::activation::activation_forward::activate;
use crate::ops::activation::vectors::finish;
use crate::ops::reduce::sum_shards::add_all;
use crate::shape::{QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "linear_forward",
    source: include_str!("../../../shaders/linear/linear_forward.wgsl"),
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
        /// Rows of one sample: pixels of a 1x1 convolution, else 1.
        pub rows_per_sample: u32,
        /// Quads of one input row.
        pub in_quads: u32,
        /// Features of an output row, unpadded.
        pub out_channels: u32,
        /// [`Activation`] as a number.
        pub activation: u32,
        /// Partial sums; 1 where the output is whole.
        pub splits: u32,
        /// Quads of the input that each sums over.
        pub split_quads: u32,
        /// Quads from one partial sum to the next.
        pub split_stride: u32,
    }
}

/// output (batch * `rows_per_sample`, `out_features`) = activation(input * weight + bias).
pub fn call(
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    activation: Activation,
    target: &Target,
) -> Call {
    let product = Product {
        groups: 1,
        rows: Product::BATCH * rows_per_sample,
        columns: padded(out_features) / QUAD,
        depth: padded(in_features) / QUAD,
    };
    let sizes = [rows_per_sample, in_features, out_features];
    let (tile, choice) = choose(KERNEL.name, &sizes, target, &tile::batch_tiles(&product));
    let [rows, ins, outs] = sizes;
    call_tiled(rows, ins, outs, activation, &tile).with_choice(choice)
}

/// Floats of a weight that does not stay in a processor's cache from one shard to the next.
pub const LARGE: usize = 1 << 18;

/// [`call`] by a tile of [`BATCH_TILES`].
pub fn call_tiled(
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    activation: Activation,
    tile: &Tile,
) -> Call {
    let params = Params {
        rows_per_sample: rows_per_sample as u32,
        in_quads: (padded(in_features) / QUAD) as u32,
        out_channels: out_features as u32,
        activation: activation as u32,
        splits: 1,
        split_quads: (padded(in_features) / QUAD) as u32,
        split_stride: 0,
    };
    let grid = Grid::per_rows(
        rows_per_sample,
        tile.group_rows(),
        tile.group_threads(padded(out_features) / QUAD),
        tile.workgroup_size(),
    );
    let call = Call::new(&KERNEL, tile.variant, &params, grid);
    call.with_flops(2 * rows_per_sample * in_features * out_features)
}

/// Threads that keep a GPU busy where each waits for memory most of the time. On an H200 128x128 outputs over 3,072
/// inputs take 20 us by 16,384 threads.
const BUSY_THREADS: u64 = 1 << 17;
/// Quads of the input that a partial sum is worth its storage for.
const LEAST_QUADS: usize = 48;

/// The same as `call`, a product of batches of up to `capacity` samples, in as many partial sums as keep a GPU busy, without
/// bias and activation; `None` where the whole sums do. The output is (splits, capacity * `rows_per_sample`,
/// `out_features` padded).
pub fn in_splits(call: &Call, capacity: usize) -> Option<Call> {
    let params: &Params = call.params();
    let depth = params.in_quads as usize;
    // Whatever the tile: all that `gpu-train tune` compares leave the same sums. Small ones have four threads a quad.
    let quads =
        capacity as u32 * params.rows_per_sample * params.out_channels.div_ceil(QUAD as u32);
    let wanted = BUSY_THREADS / u64::from(4 * quads).max(1);
    let splits = wanted.min((depth / LEAST_QUADS) as u64).min(16);
    (splits > 1).then(|| split(call, capacity, 1 << splits.ilog2()))
}

/// `call` in `splits` partial sums.
fn split(call: &Call, capacity: usize, splits: u32) -> Call {
    let params: &Params = call.params();
    let out_quads = params.out_channels.div_ceil(QUAD as u32);
    let params = Params {
        splits,
        split_quads: params.in_quads.div_ceil(splits),
        split_stride: capacity as u32 * params.rows_per_sample * out_quads,
        ..*params
    };
    Call {
        grid: call.grid.times(splits),
        ..call.with_params(&params)
    }
}

// The twin.

twin!(input: real, weight: real, bias: real, output: real_mut);

/// output = activation(input * weight + bias): (rows, `in`) by (`in`, `out`), all padded.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    let in_features = 4 * params.in_quads as usize;
    let out_features = params.out_channels as usize;
    let out_stride = padded(out_features);
    let activation = Activation::from_number(params.activation);
    let is_whole = params.splits == 1;
    for (split, row) in (0..params.splits as usize).flat_map(|split| {
        (0..(step.batch * params.rows_per_sample) as usize).map(move |row| (split, row))
    }) {
        let first = (split * params.split_quads as usize * QUAD).min(in_features);
        let end = (first + params.split_quads as usize * QUAD).min(in_features);
        let terms = &input[row * in_features..][first..end];
        let at = split * params.split_stride as usize * QUAD + row * out_stride;
        let sums = output[at..][..out_stride].iter_mut().zip(bias);
        for (o, (value, bias)) in sums.enumerate() {
            let weights = weight[first * out_stride..end * out_stride].iter();
            let weights = weights.skip(o).step_by(out_stride);
            let products = terms.iter().zip(weights).map(|(x, w)| x.wide() * w.wide());
            let sum = products.sum::<f64>();
            *value = if !is_whole {
                T::of(sum)
            } else if o < out_features {
                activate(activation, T::of(sum + bias.wide()))
            } else {
                T::zero()
            };
        }
    }
}

// The native kernel.

/// Rows of a product, or a little more: whole samples.
const ROWS: usize = 16;

/// output = activation(input * weight + bias): (rows, `in`) by (`in`, `out`), all padded.
///
/// No sample's results depend on the rows beside it.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let params: &Params = call.params();
    if params.splits > 1 {
        // Threads share a batch by its samples: no program of the processor asks for partial sums.
        return TWIN.run(call, &part.step, slices);
    }
    let [input, weight, bias, output] = slices else {
        panic!("linear_forward binds four buffers");
    };
    let activation = Activation::from_number(params.activation);
    let ins = params.in_quads as usize * QUAD;
    let channels = params.out_channels as usize;
    let outs = padded(channels);
    let rows_per_sample = params.rows_per_sample as usize;
    let rows = part.step.batch as usize * rows_per_sample;
    let weight = Matrix::new(weight.real(), ins, outs);
    let bias = &bias.real()[..outs];
    let input = &input.real()[..rows * ins];
    let output = &mut output.real_mut()[..rows * outs];
    let together = if call.whole_batch {
        WHOLE_BATCH_ROWS
    } else {
        ROWS.div_ceil(rows_per_sample) * rows_per_sample
    };
    let parts = input.chunks(together * ins);
    for (input, output) in parts.zip(output.chunks_mut(together * outs)) {
        let input = Matrix::new(input, input.len() / ins, ins);
        if call.whole_batch {
            multiply_by_inputs(output, input, weight, part.workspace);
            let rows = output.par_chunks_mut(ROWS * outs);
            rows.for_each(|rows| finish(activation, bias, channels, rows));
        } else {
            let [spare] = part.workspace.take([2 * outs]);
            multiply_rows(output, input, weight, spare);
            finish(activation, bias, channels, output);
        }
    }
}

/// Rows of a whole batch that are multiplied at a time.
const WHOLE_BATCH_ROWS: usize = 128;

/// `output` = input * weight, on all threads. Each takes parts of the weight's rows for all of the
/// input's: so it reads as much of a large weight as it updated, and that is still in its core's cache.
fn multiply_by_inputs(
    output: &mut [f32],
    input: Matrix<'_>,
    weight: Matrix<'_>,
    workspace: &mut Workspace,
) {
    // `gemm` sums a single row another way than several.
    let rows = input.rows().max(2);
    let input = input.repeated_to(rows);
    let len = rows * weight.row_len();
    let [sums] = workspace.take([SHARDS * len]);
    let parts = sums.par_chunks_exact_mut(len).enumerate();
    parts.for_each(|(part, sums)| {
        let inputs = shards::range(weight.rows(), part);
        sums.fill(0.0);
        for start in inputs.clone().step_by(LONG) {
            let inputs = start..inputs.end.min(start + LONG);
            let weight = weight.rows_of(inputs.clone());
            multiply(sums, true, input.columns(inputs), weight);
        }
    });
    let parts: Vec<&[f32]> = sums.chunks_exact(len).collect();
    add_all(&parts, output);
}

// The cases.

/// A batch of `samples` in buffers for `capacity`; what lies between is NaN.
pub fn launch(
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    (rows_per_sample, inputs, outputs): (usize, usize, usize),
    activation: Activation,
) -> Launch {
    let mut random = Random::new(1);
    let rows = numbers.rows(&mut random, samples * rows_per_sample, inputs);
    let of_batch = capacity * rows_per_sample;
    Launch {
        call: call(rows_per_sample, inputs, outputs, activation, &PORTABLE),
        step: batch(samples),
        arguments: vec![
            Argument::Floats(with_stale_rows(rows, of_batch * padded(inputs))),
            Argument::Floats(numbers.weight(&mut random, 1, inputs, outputs)),
            bias(numbers, &mut random, outputs),
            Argument::Poisoned(of_batch * padded(outputs)),
        ],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &BATCH_TILES {
        let of_tile = |numbers, samples, shape, activation| {
            let (rows, inputs, outputs) = shape;
            let mut launch = launch(numbers, samples, shape, activation);
            launch.call = call_tiled(rows, inputs, outputs, activation, tile);
            launch
        };
        for width in [1, 13, 71] {
            let shape = (3, 9, width);
            let launch = of_tile(Numbers::Integers, (27, 28), shape, Activation::Relu);
            cases.push(launch.exact());
        }
        for activation in ACTIVATIONS {
            let floats = of_tile(Numbers::Floats, (5, 7), (3, 255, 33), activation);
            cases.push(floats.within(Tolerance::Sum { terms: 256 }));
        }
        for splits in [2, 16] {
            let shape = (3, 9 * splits as usize, 13);
            let mut parts = of_tile(Numbers::Integers, (5, 7), shape, Activation::Relu);
            parts.call = split(&parts.call, 7, splits);
            let len = splits as usize * 7 * 3 * padded(13);
            parts.arguments[3] = Argument::Poisoned(len);
            cases.push(parts.exact());
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predictions must not depend on how many pictures come with them.
    #[test]
    fn a_row_of_a_whole_batch_does_not_depend_on_the_others() {
        for (ins, outs) in [(3_072, 128), (4_240, 12)] {
            let mut random = Random::new(3);
            let rows = random.floats(WHOLE_BATCH_ROWS * ins);
            let weight = random.floats(ins * outs);
            let product = |first: usize, count: usize| {
                let input = Matrix::new(&rows[first * ins..], count, ins);
                let mut output = vec![0.0; count * outs];
                let mut workspace = Workspace::poisoned(SHARDS * count.max(2) * outs);
                let weight = Matrix::new(&weight, ins, outs);
                multiply_by_inputs(&mut output, input, weight, &mut workspace);
                output
            };
            let all = product(0, WHOLE_BATCH_ROWS);
            for (first, count) in [(0, 1), (127, 1), (3, 2), (5, 7), (1, 64), (0, 65), (1, 127)] {
                let expected = &all[first * outs..][..count * outs];
                assert_eq!(product(first, count), expected, "{count} rows from {first}");
            }
        }
    }
}
