//! `linear_backward_weight`: inputs, transposed, times gradients.

use std::cell::RefCell;
use std::ops::Range;

use pulp::{Arch, Simd};
use rayon::prelude::*;

use super::product::{Matrix, multiply};
use super::sum_partials::{BLOCK as SUMMED, add, add_tree};
use super::{Part, Workspace};
use crate::kernels::Call;
use crate::kernels::linear_backward_weight::Params;
use crate::reference::Slice;
use crate::shape::QUAD;
use crate::shards::{self, SHARDS};

/// Rows of the weight of `ins` rows that a thread sums at a time: they stay in its cache, and there are
/// blocks for several threads. A sum does not depend on its block.
fn block_rows(ins: usize) -> usize {
    ins.div_ceil(8).clamp(32, 192)
}

thread_local! {
    /// Sums on their way up the tree.
    static LEVELS: RefCell<Workspace> = RefCell::default();
}

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
        sum_shards(
            &ends,
            [input, grads],
            [ins, outs],
            &mut weight[..ins * outs],
        );
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
        multiply(
            weight,
            false,
            input.transposed(),
            Matrix::new(grads, rows.len(), outs),
        );
        add_rows(grads, bias);
    }
}

/// Adds the rows of `grads` to `sums`, which is as long as one of them.
#[pulp::with_simd(add_rows = Arch::new())]
#[inline(always)]
pub(super) fn add_rows_simd<'a, S: Simd>(_simd: S, grads: &'a [f32], sums: &'a mut [f32]) {
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

/// The sum over shards of the sums of the gradients of each; `sums` holds one per shard.
fn sum_bias(ends: &[usize; SHARDS + 1], grads: &[f32], sums: &mut [f32], bias: &mut [f32]) {
    let outs = bias.len();
    sums.fill(0.0);
    for (shard, sums) in sums.chunks_exact_mut(outs).enumerate() {
        add_rows(&grads[ends[shard] * outs..ends[shard + 1] * outs], sums);
    }
    for (at, bias) in bias.chunks_mut(SUMMED).enumerate() {
        let parts = sums.chunks_exact(outs);
        let parts: Vec<&[f32]> = parts
            .map(|sums| &sums[at * SUMMED..][..bias.len()])
            .collect();
        add_tree(&parts, bias);
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
    let rows = block_rows(ins);
    let blocks = weight.par_chunks_mut(rows * outs).enumerate();
    blocks.for_each(|(block, weight)| {
        let columns = block * rows..block * rows + weight.len() / outs;
        let product = |shard: usize, accumulate: bool, sums: &mut [f32]| {
            let rows = ends[shard]..ends[shard + 1];
            let input = Matrix::new(&input[rows.start * ins..rows.end * ins], rows.len(), ins);
            let grads = &grads[rows.start * outs..rows.end * outs];
            let grads = Matrix::new(grads, rows.len(), outs);
            multiply(
                sums,
                accumulate,
                input.columns(columns.clone()).transposed(),
                grads,
            );
        };
        LEVELS.with_borrow_mut(|levels| {
            let mut levels = levels.take([weight.len(); SHARDS.ilog2() as usize - 1]);
            sum_tree(0..SHARDS, &product, weight, &mut levels);
        });
    });
}

/// `sum` = the sum of the products of `shards`, pairs first; `levels` is a scratch sum for each level of
/// the tree but the lowest, where the second product is added while it is made.
fn sum_tree(
    shards: Range<usize>,
    product: &impl Fn(usize, bool, &mut [f32]),
    sum: &mut [f32],
    levels: &mut [&mut [f32]],
) {
    let Some((level, levels)) = levels.split_first_mut() else {
        product(shards.start, false, sum);
        return product(shards.start + 1, true, sum);
    };
    let half = shards.start + shards.len() / 2;
    sum_tree(shards.start..half, product, sum, levels);
    sum_tree(half..shards.end, product, level, levels);
    add(level, sum);
}
