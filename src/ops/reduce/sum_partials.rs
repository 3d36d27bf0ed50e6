//! `sum_partials`: host side, twin and cases of `shaders/reduce/sum_partials.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, Variant, params, reads, twin, writes,
};
use crate::shape::QUAD;

/// See the shader's head comment. The processor, on which every shard makes one sum, has no use for it.
pub static KERNEL: Kernel = Kernel {
    name: "sum_partials",
    source: include_str!("../../../shaders/reduce/sum_partials.wgsl"),
    bindings: &[reads("partials"), writes("output")],
    params: Params::FIELDS,
    variants: &VARIANTS,
    twin: TWIN,
    native: None,
    cases,
};

/// Threads that sum a quad. On an H200 480 partial results of 150 quads take 3.4 us with their launch, 128 of 1,200 quads
/// 2.9; one thread per quad took 3.7 for 32 of 150.
pub(in crate::ops) const VARIANTS: [Variant; 3] =
    [&[("WALKERS", 4)], &[("WALKERS", 16)], &[("WALKERS", 32)]];

/// Threads of a workgroup, where no other kernel runs beside.
pub(in crate::ops) const THREADS: u32 = 128;

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
    let (variant, grid) = workgroups(splits, quads);
    Call::new(&KERNEL, variant, &params, grid).with_workgroup_bytes(16 * THREADS)
}

/// How `splits` partial results of so many `quads` are added up.
pub(in crate::ops) fn workgroups(splits: usize, quads: usize) -> (Variant, Grid) {
    let grid = Grid::fixed(quads * walkers(splits), THREADS);
    (variant(splits), grid)
}

fn variant(splits: usize) -> Variant {
    match splits {
        0..=16 => VARIANTS[0],
        17..=64 => VARIANTS[1],
        _ => VARIANTS[2],
    }
}

/// Threads that sum `splits` partial results, a power of two: with the order in which their sums are added, all that the
/// bits of a sum depend on.
pub(in crate::ops) fn walkers(splits: usize) -> usize {
    variant(splits)[0].1 as usize
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
