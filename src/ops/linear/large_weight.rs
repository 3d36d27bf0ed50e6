//! Gradients of a large dense layer, summed over the shards of a batch without a copy per shard: a copy each would
//! not stay in the caches.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::linear_backward_weight::add_rows;
use crate::kernel::native::Workspace;
use crate::kernel::native::product::{ADDED_WHOLE, Matrix, multiply};
use crate::kernel::shards::SHARDS;
use crate::ops::reduce::sum_shards::{BLOCK, add, add_tree};

/// Rows of the weight of `ins` rows that a thread sums at a time: they stay in its cache, and there are
/// blocks for several threads. A sum does not depend on its block.
fn block_rows(ins: usize) -> usize {
    ins.div_ceil(8).clamp(32, 192)
}

thread_local! {
    /// Sums on their way up the tree.
    static LEVELS: RefCell<Workspace> = RefCell::default();
}

/// Where the rows of each shard end, after a zero.
pub(super) type Ends = [usize; SHARDS + 1];

/// The sum over `shards` of the sums of the gradients of each; `sums` holds one per shard.
pub(super) fn sum_bias(
    shards: Range<usize>,
    ends: &Ends,
    grads: &[f32],
    sums: &mut [f32],
    bias: &mut [f32],
) {
    let outs = bias.len();
    sums.fill(0.0);
    for (shard, sums) in shards.zip(sums.chunks_exact_mut(outs)) {
        add_rows(&grads[ends[shard] * outs..ends[shard + 1] * outs], sums);
    }
    for (at, bias) in bias.chunks_mut(BLOCK).enumerate() {
        let parts = sums.chunks_exact(outs);
        let parts: Vec<&[f32]> = parts
            .map(|sums| &sums[at * BLOCK..][..bias.len()])
            .collect();
        add_tree(&parts, bias);
    }
}

/// weight (`ins`, `outs`) = the sum over `shards` of input^T * grads, of which shard `s` has the rows from
/// `ends[s]` to `ends[s + 1]`; blocks of the weight on all threads.
pub(super) fn sum_weight(
    shards: Range<usize>,
    ends: &Ends,
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
            let input = input.columns(columns.clone()).transposed();
            multiply(
                sums,
                accumulate,
                input,
                Matrix::new(grads, rows.len(), outs),
            );
        };
        LEVELS.with_borrow_mut(|levels| {
            let mut levels = levels.take([weight.len(); SHARDS.ilog2() as usize]);
            let is_added_whole = |shard| ADDED_WHOLE.contains(&(ends[shard + 1] - ends[shard]));
            sum_tree(
                shards.clone(),
                &is_added_whole,
                &product,
                weight,
                &mut levels,
            );
        });
    });
}

/// `sum` = the sum of the products of `shards`, pairs first; `levels` is a scratch sum for each level of
/// the tree. The second product of a pair goes right onto the first where that `is_added_whole`: ranks that
/// have a single shard add theirs afterwards.
fn sum_tree(
    shards: Range<usize>,
    is_added_whole: &impl Fn(usize) -> bool,
    product: &impl Fn(usize, bool, &mut [f32]),
    sum: &mut [f32],
    levels: &mut [&mut [f32]],
) {
    let half = shards.start + shards.len() / 2;
    match shards.len() {
        1 => return product(shards.start, false, sum),
        2 if is_added_whole(half) => {
            product(shards.start, false, sum);
            return product(half, true, sum);
        }
        _ => {}
    }
    let [level, levels @ ..] = levels else {
        unreachable!("there is a scratch sum for each level");
    };
    sum_tree(shards.start..half, is_added_whole, product, sum, levels);
    sum_tree(half..shards.end, is_added_whole, product, level, levels);
    add(level, sum);
}
