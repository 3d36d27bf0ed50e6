//! `sum_partials`: host side, twin, native kernel and cases of `shaders/reduce/sum_partials.wgsl`.

use pulp::{Arch, Simd};
use rayon::prelude::*;

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, Variant, params, reads, twin, writes,
};
use crate::shape::QUAD;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "sum_partials",
    source: include_str!("../../../shaders/reduce/sum_partials.wgsl"),
    bindings: &[reads("partials"), writes("output")],
    params: Params::FIELDS,
    variants: &VARIANTS,
    twin: TWIN,
    native: Some(native),
    cases,
};

/// Quads of a workgroup, and threads that sum each. On an H200 480 partial results of 150 quads take 3.4 us
/// with their launch, 128 of 1,200 quads 2.9; one thread per quad took 3.7 for 32 of 150.
const VARIANTS: [Variant; 3] = [
    &[("QUADS", 32), ("WALKERS", 4)],
    &[("QUADS", 8), ("WALKERS", 16)],
    &[("QUADS", 4), ("WALKERS", 32)],
];

/// Threads of a workgroup, whatever the variant.
const THREADS: usize = 128;

params! {
    /// Params of the shader.
    pub struct Params {
        /// Partial results.
        pub splits: u32,
        /// Quads of each.
        pub quads: u32,
    }
}

/// output (`len`) = the sum of partials (`splits`, `len`); `len` is a multiple of four.
pub fn call(splits: usize, len: usize) -> Call {
    assert!(len.is_multiple_of(QUAD), "{len} is not padded");
    let quads = len / QUAD;
    let params = Params {
        splits: splits as u32,
        quads: quads as u32,
    };
    let variant = match splits {
        0..=16 => VARIANTS[0],
        17..=64 => VARIANTS[1],
        _ => VARIANTS[2],
    };
    let (_, walkers) = variant[1];
    let threads = (quads * walkers as usize).next_multiple_of(THREADS);
    Call::new(
        &KERNEL,
        variant,
        &params,
        Grid::fixed(threads, THREADS as u32),
    )
    .with_workgroup_bytes(16 * THREADS as u32)
    .for_sum_of_shards()
}

// The twin.

twin!(partials: real, output: real_mut);

/// output (`len`) = the sum of partials (splits, `len`).
pub fn twin<T: Real>(params: &Params, _step: &Step, partials: &[T], output: &mut [T]) {
    let len = 4 * params.quads as usize;
    for index in 0..len {
        let terms = partials[index..].iter().step_by(len);
        let sum = terms.take(params.splits as usize).map(|term| term.wide());
        output[index] = T::of(sum.sum());
    }
}

// The native kernel.
// threads by powers of two can keep.

/// Floats that a thread sums at a time.
pub(in crate::ops) const BLOCK: usize = 1024;

/// output (`len`) = the sum of partials, as many of `len` as there are: of eight,
/// `((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7))`. Where ranks share a batch, each has less.
fn native(call: &Call, _part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [partials, output] = slices else {
        panic!("sum_partials binds two buffers");
    };
    let params: &Params = call.params();
    let len = params.quads as usize * QUAD;
    let partials: Vec<&[f32]> = partials.real().chunks_exact(len).collect();
    add_all(&partials, &mut output.real_mut()[..len]);
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

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (splits, len) in [(1, 4), (2, 36), (7, 256), (33, 260), (257, 1028)] {
        let mut random = Random::new(13);
        let launch = |partials: Vec<f32>| Launch {
            call: call(splits, len),
            step: batch(1),
            arguments: vec![Argument::Floats(partials), Argument::Poisoned(len)],
        };
        cases.push(launch(random.integers(splits * len)).exact());
        let floats = launch(random.floats(splits * len));
        cases.push(floats.within(Tolerance::Sum { terms: splits }));
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
