//! `linear_backward_weight`: inputs, transposed, times gradients.

use std::ops::Range;

use pulp::{Arch, Simd};
use rayon::prelude::*;

use super::Part;
use super::product::{Matrix, multiply};
use super::sum_partials::{self, add_tree};
use crate::kernels::Call;
use crate::kernels::linear_backward_weight::Params;
use crate::reference::Slice;
use crate::shape::QUAD;
use crate::shards::{self, SHARDS};

/// Rows of the weight that a thread sums at a time.
const BLOCK: usize = 64;
/// Rows and vectors of columns that are summed in registers.
const ROWS: usize = QUAD;
const VECTORS: usize = 2;

/// Ranges of samples whose sums are apart.
pub(super) struct Ranges {
    pub(super) splits: usize,
    pub(super) samples_per_split: usize,
    pub(super) samples: usize,
}

impl Ranges {
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        let end = |split: usize| (split * self.samples_per_split).min(self.samples);
        (0..self.splits).map(move |split| end(split)..end(split + 1))
    }
}

/// partials (splits of weight, zeros and bias): input^T * `grad_output` and the sums of
/// `grad_output`, each over its range of samples. A call for the whole batch gives their sum over all
/// shards instead, in the order of `sum_partials`, without a copy per shard.
pub(super) fn run(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
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
        sum_shards(&ends, [input, grads], [ins, outs], &mut weight[..ins * outs]);
        let [sums] = part.workspace.take([SHARDS * outs]);
        return sum_bias(&ends, grads, sums, &mut bias[..outs]);
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
        multiply(weight, false, input.transposed(), Matrix::new(grads, rows.len(), outs));
        add_rows(grads, bias);
    }
}

/// Adds the rows of `grads` to `sums`, which is as long as one of them.
#[pulp::with_simd(add_rows = Arch::new())]
#[inline(always)]
pub(super) fn add_rows_simd<'a, S: Simd>(_simd: S, grads: &'a [f32], sums: &'a mut [f32]) {
    for row in grads.chunks_exact(sums.len()) {
        for (sum, grad) in sums.iter_mut().zip(row) {
            *sum += grad;
        }
    }
}

/// The sum over shards of the sums of the gradients of each; `sums` holds one per shard.
fn sum_bias(ends: &[usize; SHARDS + 1], grads: &[f32], sums: &mut [f32], bias: &mut [f32]) {
    let outs = bias.len();
    sums.fill(0.0);
    for (shard, sums) in sums.chunks_exact_mut(outs).enumerate() {
        add_rows(&grads[ends[shard] * outs..ends[shard + 1] * outs], sums);
    }
    for (at, bias) in bias.chunks_mut(sum_partials::BLOCK).enumerate() {
        let block = at * sum_partials::BLOCK..at * sum_partials::BLOCK + bias.len();
        let parts = sums.chunks_exact(outs).map(|sums| &sums[block.clone()]);
        add_tree(&parts.collect::<Vec<_>>(), bias);
    }
}

/// weight (`ins`, `outs`) = the sum over shards of input^T * grads, of which shard `s` has the rows from
/// `ends[s]` to `ends[s + 1]`; blocks of the weight on all threads.
fn sum_shards(
    ends: &[usize; SHARDS + 1],
    [input, grads]: [&[f32]; 2],
    [ins, outs]: [usize; 2],
    weight: &mut [f32],
) {
    let blocks = weight.par_chunks_mut(BLOCK * outs).enumerate();
    blocks.for_each(|(block, weight)| {
        sum_block(ends, &input[block * BLOCK..], ins, grads, outs, weight);
    });
}

/// The rows of `weight`, whose inputs are the first of every row of `input`.
///
/// `gemm` is half as fast at sums of so few samples, and would need a pass for every level of the tree.
#[pulp::with_simd(sum_block = Arch::new())]
#[inline(always)]
fn sum_block_simd<'a, S: Simd>(
    simd: S,
    ends: &'a [usize; SHARDS + 1],
    input: &'a [f32],
    ins: usize,
    grads: &'a [f32],
    outs: usize,
    weight: &'a mut [f32],
) {
    let width = VECTORS * S::F32_LANES;
    for (at, weight) in weight.chunks_exact_mut(ROWS * outs).enumerate() {
        let tile = Tile {
            simd,
            ends,
            input: &input[at * ROWS..],
            ins,
            grads,
            outs,
        };
        let whole = outs / width * width;
        for column in (0..whole).step_by(width) {
            tile.sum::<VECTORS>(column, weight);
        }
        for column in (whole..outs).step_by(S::F32_LANES) {
            tile.sum::<1>(column, weight);
        }
    }
}

/// What a tile of [`ROWS`] rows is summed from.
struct Tile<'a, S> {
    simd: S,
    ends: &'a [usize; SHARDS + 1],
    input: &'a [f32],
    ins: usize,
    grads: &'a [f32],
    outs: usize,
}

impl<S: Simd> Tile<'_, S> {
    /// `N` vectors of columns from `column` on, fewer at the end of the row; pairs of shards first, as
    /// a binary counter carries.
    #[inline(always)]
    fn sum<const N: usize>(&self, column: usize, weight: &mut [f32]) {
        let width = (N * S::F32_LANES).min(self.outs - column);
        let zero = [[self.simd.splat_f32s(0.0); N]; ROWS];
        let mut levels = [zero; SHARDS.ilog2() as usize + 1];
        for shard in 0..SHARDS {
            let mut sums = self.shard(shard, column, width, zero);
            let mut level = 0;
            while shard >> level & 1 == 1 {
                for (sums, left) in sums.iter_mut().zip(&levels[level]) {
                    for (sum, left) in sums.iter_mut().zip(left) {
                        *sum = self.simd.add_f32s(*left, *sum);
                    }
                }
                level += 1;
            }
            levels[level] = sums;
        }
        let [.., all] = levels;
        for (row, sums) in weight.chunks_exact_mut(self.outs).zip(all) {
            let row = row[column..][..width].chunks_mut(S::F32_LANES);
            for (floats, sum) in row.zip(sums) {
                self.simd.partial_store_f32s(floats, sum);
            }
        }
    }

    /// The sum over one shard.
    #[inline(always)]
    fn shard<const N: usize>(
        &self,
        shard: usize,
        column: usize,
        width: usize,
        mut sums: [[S::f32s; N]; ROWS],
    ) -> [[S::f32s; N]; ROWS] {
        for row in self.ends[shard]..self.ends[shard + 1] {
            let grads = &self.grads[row * self.outs + column..][..width];
            let (whole, _) = S::as_simd_f32s(grads);
            let grads: [S::f32s; N] = match whole.as_array() {
                Some(whole) => *whole,
                None => {
                    let mut vectors = grads.chunks(S::F32_LANES);
                    std::array::from_fn(|_| {
                        self.simd.partial_load_f32s(vectors.next().unwrap_or_default())
                    })
                }
            };
            let inputs = &self.input[row * self.ins..][..ROWS];
            for (sums, input) in sums.iter_mut().zip(inputs) {
                let input = self.simd.splat_f32s(*input);
                for (sum, grad) in sums.iter_mut().zip(grads) {
                    *sum = self.simd.mul_add_e_f32s(input, grad, *sum);
                }
            }
        }
        sums
    }
}
