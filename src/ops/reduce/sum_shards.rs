//! `sum_shards`: host side, twin, native kernel and cases of `shaders/reduce/sum_shards.wgsl`.

use pulp::{Arch, Simd};
use rayon::prelude::*;

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::shards::SHARDS;
use crate::kernel::target::Target;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, params, reads, twin, writes,
};
use crate::shape::QUAD;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "sum_shards",
    source: include_str!("../../../shaders/reduce/sum_shards.wgsl"),
    bindings: &[reads("partials"), writes("output")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Partial results of a shard.
        pub splits: u32,
        /// Quads of each.
        pub quads: u32,
        /// Quads from a shard to the next.
        pub stride: u32,
    }
}

/// output (`len`) = the sum over shards, each of which has partials (`splits`, `len`); `len` is a multiple of four.
pub fn call(splits: usize, len: usize, target: &Target) -> Call {
    call_strided(splits, len, target.shard_stride(splits * len))
}

fn call_strided(splits: usize, len: usize, stride: usize) -> Call {
    assert!(len.is_multiple_of(QUAD), "{len} is not padded");
    let quads = len / QUAD;
    let params = Params {
        splits: splits as u32,
        quads: quads as u32,
        stride: (stride / QUAD) as u32,
    };
    Call::new(&KERNEL, &[], &params, Grid::fixed(quads, 64)).for_sum_of_shards()
}

// The twin.

twin!(partials: real, output: real_mut);

/// output (`len`) = the sum of partials (shards, splits, `len`), of as many shards as there are.
pub fn twin<T: Real>(params: &Params, _step: &Step, partials: &[T], output: &mut [T]) {
    let (len, stride) = (QUAD * params.quads as usize, QUAD * params.stride as usize);
    for index in 0..len {
        let shards = partials.chunks_exact(stride).map(|shard| {
            let terms = shard[index..].iter().step_by(len);
            let terms = terms.take(params.splits as usize).map(|term| term.wide());
            terms.sum::<f64>()
        });
        output[index] = T::of(shards.sum());
    }
}

// The native kernel.

/// Floats that a thread sums at a time.
pub(in crate::ops) const BLOCK: usize = 1024;

/// output (`len`) = the sum of partials, each of a shard that made one, as many as there are: of eight,
/// `((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))`. Where ranks share a batch, each has less.
fn native(call: &Call, _part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [partials, output] = slices else {
        panic!("sum_shards binds two buffers");
    };
    let params: &Params = call.params();
    let (len, stride) = (QUAD * params.quads as usize, QUAD * params.stride as usize);
    let mut sums = Vec::new();
    if params.splits > 1 {
        // On the processor alone there is but one.
        for shard in partials.real().chunks_exact(stride) {
            let (first, others) = shard[..params.splits as usize * len].split_at(len);
            sums.push(first.to_vec());
            for other in others.chunks_exact(len) {
                add(other, sums.last_mut().expect("was pushed"));
            }
        }
    }
    let shards: Vec<&[f32]> = match params.splits {
        1 => partials.real().chunks_exact(stride).collect(),
        _ => sums.iter().map(Vec::as_slice).collect(),
    };
    add_all(&shards, &mut output.real_mut()[..len]);
}

/// `sum` = the sum of `parts`, pairs first, on all threads.
pub(in crate::ops) fn add_all(parts: &[&[f32]], sum: &mut [f32]) {
    let blocks = sum.par_chunks_mut(BLOCK).enumerate();
    blocks.for_each(|(at, block)| {
        let parts = parts.iter().map(|part| &part[at * BLOCK..][..block.len()]);
        add_tree(&parts.collect::<Vec<_>>(), block);
    });
}

/// `sum`, of [`BLOCK`] floats at most, = the sum of `parts`, pairs first.
pub(in crate::ops) fn add_tree(parts: &[&[f32]], sum: &mut [f32]) {
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

/// `sum` += `other`.
#[pulp::with_simd(add = Arch::new())]
#[inline(always)]
pub(in crate::ops) fn add_simd<'a, S: Simd>(_simd: S, other: &'a [f32], sum: &'a mut [f32]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}

// The cases.

/// The sum of the shards of `numbers`, each of which has `splits` of `len`; they lie `stride` floats from each other,
/// NaN between them.
pub fn launch(numbers: &[f32], [splits, len, stride]: [usize; 3]) -> Launch {
    let mut partials = Vec::new();
    for shard in numbers.chunks(splits * len) {
        let end = partials.len() + stride;
        partials.extend(shard);
        partials.resize(end, f32::NAN);
    }
    Launch {
        call: call_strided(splits, len, stride),
        step: batch(1),
        arguments: vec![Argument::Floats(partials), Argument::Poisoned(len)],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shards in [1, 2, 4, SHARDS] {
        for (splits, len, stride) in [(1, 4, 4), (1, 36, 64), (2, 256, 512), (7, 260, 1_920)] {
            let mut random = Random::new(29);
            let terms = shards * splits;
            let sizes = [splits, len, stride];
            cases.push(launch(&random.integers(terms * len), sizes).exact());
            let floats = launch(&random.floats(terms * len), sizes);
            cases.push(floats.within(Tolerance::Sum { terms }));
        }
    }
    cases
}

#[cfg(test)]
mod native_tests {
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
