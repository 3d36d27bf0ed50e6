//! `linear_backward_weight`: host side, twin, native kernel and cases of `shaders/linear/linear_backward_weight.wgsl`.

use std::ops::Range;

use pulp::{Arch, Simd};

use super::large_weight::{sum_bias, sum_weight};
use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::choice::choose;
use crate::kernel::limits::bias_at;
use crate::kernel::native::Part;
use crate::kernel::native::product::{Matrix, multiply};
use crate::kernel::numbers::{Numbers, Random, with_stale_rows};
use crate::kernel::target::Target;
use crate::kernel::tile::{Tile, WEIGHT_TILES};
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, shards, tile, twin, writes,
};
use crate::shape::{QUAD, padded};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "linear_backward_weight",
    source: include_str!("../../../shaders/linear/linear_backward_weight.wgsl"),
    bindings: &[reads("input"), reads("grad_output"), writes("partials")],
    params: Params::FIELDS,
    variants: &tile::variants(&WEIGHT_TILES),
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
        /// Quads of one output row.
        pub out_quads: u32,
        /// Partial sums.
        pub splits: u32,
        /// Samples that one of them covers.
        pub samples_per_split: u32,
        /// Quads from a split's weight to its bias.
        pub bias_at: u32,
        /// 1, or 0 where there is none: its gradient is zero. See [`Call::without_bias`].
        pub bias: f32,
    }
}

/// Floats of a weight that is large for the processor.
const LARGE: usize = 1 << 13;

/// Partial sums that [`call`] makes of batches of up to `capacity` samples.
pub fn splits(
    capacity: usize,
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    target: &Target,
) -> usize {
    let call = call(capacity, rows_per_sample, in_features, out_features, target);
    call.params::<Params>().splits as usize
}

/// partials (splits, weight and bias) of the gradients by both, by ranges of samples.
pub fn call(
    capacity: usize,
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    target: &Target,
) -> Call {
    let weight = [1, padded(in_features) / QUAD, padded(out_features) / QUAD];
    let tiles = tile::weight_tiles(weight, capacity * rows_per_sample);
    let sizes = [rows_per_sample, in_features, out_features];
    let (tile, choice) = choose(KERNEL.name, &sizes, target, &tiles);
    let [rows, ins, outs] = sizes;
    let call = call_tiled(capacity, rows, ins, outs, &tile).with_choice(choice);
    if !target.is_cpu() {
        return call;
    }
    let call = call.with_params(&Params {
        splits: 1,
        samples_per_split: capacity as u32,
        ..*call.params()
    });
    // A copy per shard of a large weight would not stay in the caches.
    if rows == 1 && padded(ins) * padded(outs) > LARGE {
        call.for_sum_of_shards()
    } else {
        call
    }
}

/// [`call`] by a tile of [`WEIGHT_TILES`].
pub fn call_tiled(
    capacity: usize,
    rows_per_sample: usize,
    in_features: usize,
    out_features: usize,
    tile: &Tile,
) -> Call {
    let in_quads = padded(in_features) / QUAD;
    let out_quads = padded(out_features) / QUAD;
    let weight_len = padded(in_features) * padded(out_features);
    let threads = tile.weight_threads([1, in_quads, out_quads]);
    let (samples_per_split, splits) = tile::splits(capacity, rows_per_sample, threads);
    let params = Params {
        rows_per_sample: rows_per_sample as u32,
        in_quads: in_quads as u32,
        out_quads: out_quads as u32,
        splits: splits as u32,
        samples_per_split: samples_per_split as u32,
        bias_at: (bias_at(weight_len) / QUAD) as u32,
        bias: 1.0,
    };
    let grid = Grid::fixed(splits * threads, tile.workgroup_size());
    let call = Call::new(&KERNEL, tile.variant, &params, grid);
    call.with_flops(2 * rows_per_sample * in_features * out_features)
}

// The twin.

twin!(input: real, grad_output: real, partials: real_mut);

/// partials (splits of weight, zeros and bias): input^T * `grad_output` and the sums of
/// `grad_output`, each over its range of samples.
pub fn twin<T: Real>(
    params: &Params,
    step: &Step,
    input: &[T],
    grad_output: &[T],
    partials: &mut [T],
) {
    let in_features = 4 * params.in_quads as usize;
    let out_features = 4 * params.out_quads as usize;
    let bias_at = 4 * params.bias_at as usize;
    let parts = partials.chunks_mut(bias_at + out_features);
    for (split, part) in (0..params.splits).zip(parts) {
        part.fill(T::zero());
        let first = split * params.samples_per_split;
        let end = (first + params.samples_per_split).min(step.batch);
        let rows = || first * params.rows_per_sample..end * params.rows_per_sample;
        for i in 0..in_features {
            for o in 0..out_features {
                let product = |row: u32| {
                    let (input_at, grad_at) =
                        (row as usize * in_features, row as usize * out_features);
                    input[input_at + i].wide() * grad_output[grad_at + o].wide()
                };
                part[i * out_features + o] = T::of(rows().map(product).sum());
            }
        }
        for o in 0..out_features {
            let grad = |row: u32| grad_output[row as usize * out_features + o].wide();
            part[bias_at + o] = T::of(f64::from(params.bias) * rows().map(grad).sum::<f64>());
        }
    }
}

// The native kernel.

/// Ranges of samples whose sums are apart.
pub(in crate::ops) struct Ranges {
    pub(in crate::ops) splits: usize,
    pub(in crate::ops) samples_per_split: usize,
    pub(in crate::ops) samples: usize,
}

impl Ranges {
    pub(in crate::ops) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        let end = |split: usize| (split * self.samples_per_split).min(self.samples);
        (0..self.splits).map(move |split| end(split)..end(split + 1))
    }
}

/// partials (splits of weight, zeros and bias): input^T * `grad_output` and the sums of
/// `grad_output`, each over its range of samples. A call for the whole batch gives their sum over all
/// shards instead, in the order of `sum_shards`, without a copy per shard.
fn native(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [input, grad_output, partials] = slices else {
        panic!("linear_backward_weight binds three buffers");
    };
    let params: &Params = call.params();
    let rows_per_sample = params.rows_per_sample as usize;
    let ins = params.in_quads as usize * QUAD;
    let outs = params.out_quads as usize * QUAD;
    let bias_at = params.bias_at as usize * QUAD;
    let samples = part.step.batch as usize;
    let (input, grads) = (input.real(), grad_output.real());
    if call.whole_batch {
        let ends = std::array::from_fn(|shard| match shard {
            0 => 0,
            _ => shards::range(samples, shard - 1).end * rows_per_sample,
        });
        let (weight, bias) = partials.real_mut().split_at_mut(bias_at);
        weight[ins * outs..].fill(0.0);
        sum_weight(
            part.shards.clone(),
            &ends,
            [input, grads],
            [ins, outs],
            &mut weight[..ins * outs],
        );
        if params.bias == 0.0 {
            return bias[..outs].fill(0.0);
        }
        let [sums] = part.workspace.take([part.shards.len() * outs]);
        return sum_bias(part.shards.clone(), &ends, grads, sums, &mut bias[..outs]);
    }
    let ranges = Ranges {
        splits: params.splits as usize,
        samples_per_split: params.samples_per_split as usize,
        samples,
    };
    let partials = partials.real_mut().chunks_exact_mut(bias_at + outs);
    for (range, partial) in ranges.iter().zip(partials) {
        let rows = range.start * rows_per_sample..range.end * rows_per_sample;
        let input = Matrix::new(&input[rows.start * ins..rows.end * ins], rows.len(), ins);
        let grads = &grads[rows.start * outs..rows.end * outs];
        partial.fill(0.0);
        let (weight, bias) = partial.split_at_mut(bias_at);
        multiply(
            weight,
            false,
            input.transposed(),
            Matrix::new(grads, rows.len(), outs),
        );
        if params.bias != 0.0 {
            add_rows(grads, bias);
        }
    }
}

/// Adds the rows of `grads` to `sums`, which is as long as one of them.
#[pulp::with_simd(add_rows = Arch::new())]
#[inline(always)]
pub(in crate::ops) fn add_rows_simd<'a, S: Simd>(_simd: S, grads: &'a [f32], sums: &'a mut [f32]) {
    // Short rows side by side, so that vectors are full.
    let together = WIDTH / sums.len();
    let mut wide = [0.0; WIDTH];
    let mut rest = grads;
    if together > 1 {
        let wide = &mut wide[..together * sums.len()];
        let rows = grads.chunks_exact(wide.len());
        rest = rows.remainder();
        for rows in rows {
            add_to(rows, wide);
        }
    }
    for row in wide.chunks_exact(sums.len()).take(together) {
        add_to(row, sums);
    }
    for row in rest.chunks_exact(sums.len()) {
        add_to(row, sums);
    }
}

/// Floats of short rows that are added together.
const WIDTH: usize = 64;

#[inline(always)]
fn add_to(values: &[f32], sums: &mut [f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

// The cases.

/// The launch of `call`, made for batches of `capacity`, on `samples`; what lies between is NaN.
pub fn launch_of(
    call: Call,
    numbers: Numbers,
    (samples, capacity): (usize, usize),
    (rows_per_sample, inputs, outputs): (usize, usize, usize),
) -> Launch {
    let mut random = Random::new(4);
    let mut batch_of = |width: usize| {
        let rows = numbers.rows(&mut random, samples * rows_per_sample, width);
        with_stale_rows(rows, capacity * rows_per_sample * padded(width))
    };
    let splits = call.params::<Params>().splits as usize;
    Launch {
        call,
        step: batch(samples),
        arguments: vec![
            Argument::Floats(batch_of(inputs)),
            Argument::Floats(batch_of(outputs)),
            Argument::Poisoned(
                splits * (bias_at(padded(inputs) * padded(outputs)) + padded(outputs)),
            ),
        ],
    }
}

/// With parts past the batch, whose sums are zero.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for tile in &WEIGHT_TILES {
        let of_tile = |numbers, samples: (usize, usize), shape| {
            let (rows, inputs, outputs) = shape;
            let call = call_tiled(samples.1, rows, inputs, outputs, tile);
            launch_of(call, numbers, samples, shape)
        };
        for shape in [(3, 3, 7), (3, 45, 33), (3, 131, 71)] {
            cases.push(of_tile(Numbers::Integers, (7, 9), shape).exact());
        }
        let mut unbiased = of_tile(Numbers::Integers, (7, 9), (3, 3, 7));
        unbiased.call = unbiased.call.without_bias();
        cases.push(unbiased.exact());
        let floats = of_tile(Numbers::Floats, (127, 129), (9, 33, 17));
        cases.push(floats.within(Tolerance::Sum { terms: 127 * 9 }));
    }
    cases
}
