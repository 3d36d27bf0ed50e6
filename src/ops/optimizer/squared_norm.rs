//! `squared_norm`: host side, twin, native kernel and cases of `shaders/optimizer/squared_norm.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::native::Part;
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Slice, Step, Variant, params, reads, twin, writes,
};
use crate::shape::QUAD;

/// Partial sums, whatever the number of gradients.
pub const PARTIALS: usize = 256;
const VARIANT: Variant = &[("THREADS", PARTIALS as u32)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "squared_norm",
    source: include_str!("../../../shaders/optimizer/squared_norm.wgsl"),
    bindings: &[reads("gradients"), writes("partials")],
    params: Params::FIELDS,
    variants: &[VARIANT],
    twin: TWIN,
    native: Some(native),
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of the gradients.
        pub quads: u32,
    }
}

/// partials ([`PARTIALS`]) = sums of the squares of `len` gradients, a multiple of four.
pub fn call(len: usize) -> Call {
    let params = Params {
        quads: (len / QUAD) as u32,
    };
    Call::new(&KERNEL, VARIANT, &params, Grid::fixed(PARTIALS, 64)).for_whole_batch()
}

// The twin.

twin!(gradients: real, partials: real_mut);

/// partials = sums of the squares of every so many quads of the gradients.
pub fn twin<T: Real>(params: &Params, _step: &Step, gradients: &[T], partials: &mut [T]) {
    let quads: Vec<&[T]> = gradients.chunks_exact(QUAD).collect();
    let quads = &quads[..params.quads as usize];
    let stride = partials.len();
    for (index, partial) in partials.iter_mut().enumerate() {
        let own = quads.iter().skip(index).step_by(stride);
        let squares = own.flat_map(|quad| quad.iter().map(|it| it.wide() * it.wide()));
        *partial = T::of(squares.sum());
    }
}

// The native kernel.

/// partials = sums of the squares of every so many quads of the gradients, in f64.
fn native(call: &Call, _part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    let [gradients, partials] = slices else {
        panic!("squared_norm binds two buffers");
    };
    let params: &Params = call.params();
    let partials = partials.real_mut();
    let mut sums = vec![0.0_f64; partials.len()];
    let (quads, _) = gradients.real()[..params.quads as usize * QUAD].as_chunks::<QUAD>();
    for quads in quads.chunks(sums.len()) {
        for (sum, quad) in sums.iter_mut().zip(quads) {
            *sum += quad.iter().map(|it| f64::from(*it).powi(2)).sum::<f64>();
        }
    }
    for (partial, sum) in partials.iter_mut().zip(sums) {
        *partial = sum as f32;
    }
}

// The cases.

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 28, 1_020, 1_028, 5_000, 70_004] {
        let mut random = Random::new(17);
        let launch = |gradients: Vec<f32>| Launch {
            call: call(len),
            step: batch(1),
            arguments: vec![Argument::Floats(gradients), Argument::Poisoned(PARTIALS)],
        };
        cases.push(launch(random.integers(len)).exact());
        let terms = len.div_ceil(PARTIALS).max(4);
        let floats = launch(random.floats(len));
        cases.push(floats.within(Tolerance::Sum { terms }));
    }
    cases
}
