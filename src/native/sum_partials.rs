//! `sum_partials`: partial sums in the order of a balanced tree, which any grouping of machines or
//! threads by powers of two can keep.

use pulp::{Arch, Simd};
use rayon::prelude::*;

use super::Part;
use crate::kernels::Call;
use crate::kernels::sum_partials::Params;
use crate::reference::Slice;
use crate::shape::QUAD;

/// Floats that a thread sums at a time.
pub(super) const BLOCK: usize = 1024;

/// output (`len`) = the sum of partials (splits, `len`): of eight,
/// `((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))`.
pub(super) fn run(call: &Call, _part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [partials, output] = slices else {
        panic!("sum_partials binds two buffers");
    };
    let params: &Params = call.params();
    let len = params.quads as usize * QUAD;
    let partials: Vec<&[f32]> = partials.real()[..params.splits as usize * len]
        .chunks_exact(len)
        .collect();
    let blocks = output.real_mut()[..len].par_chunks_mut(BLOCK);
    blocks.enumerate().for_each(|(at, block)| {
        let parts: Vec<&[f32]> = partials
            .iter()
            .map(|part| &part[at * BLOCK..][..block.len()])
            .collect();
        add_tree(&parts, block);
    });
}

/// `sum`, of [`BLOCK`] floats at most, = the sum of `parts`, pairs first.
pub(super) fn add_tree(parts: &[&[f32]], sum: &mut [f32]) {
    match parts {
        [] => sum.fill(0.0),
        [one] => sum.copy_from_slice(one),
        _ => {
            let (left, right) = parts.split_at(parts.len().next_power_of_two() / 2);
            let mut other = [0.0; BLOCK];
            add_tree(left, sum);
            add_tree(right, &mut other[..sum.len()]);
            add(&other[..sum.len()], sum);
        }
    }
}

#[pulp::with_simd(add = Arch::new())]
#[inline(always)]
fn add_simd<'a, S: Simd>(_simd: S, other: &'a [f32], sum: &'a mut [f32]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_parts_are_summed_in_pairs_of_pairs() {
        let parts: Vec<[f32; 1]> = (0..8).map(|i| [1.1_f32.powi(i * 13)]).collect();
        let p = |i: usize| parts[i][0];
        let wanted = ((p(0) + p(1)) + (p(2) + p(3))) + ((p(4) + p(5)) + (p(6) + p(7)));
        let mut sum = [0.0];
        let parts: Vec<&[f32]> = parts.iter().map(|part| &part[..]).collect();
        add_tree(&parts, &mut sum);
        assert_eq!(sum[0], wanted);
        add_tree(&parts[..3], &mut sum);
        assert_eq!(sum[0], (p(0) + p(1)) + p(2));
    }
}
