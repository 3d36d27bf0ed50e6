//! `clip_gradients`: host side, twin and cases of `shaders/optimizer/clip_gradients.wgsl`.

use crate::kernel::case::{Argument, Case, Launch, Tolerance, batch};
use crate::kernel::numbers::Random;
use crate::kernel::{
    Call, Grid, Kernel, Params as _, Real, Step, Variant, params, reads, twin, writes,
};
use crate::ops::optimizer::squared_norm::PARTIALS;
use crate::shape::QUAD;

/// Quads per thread.
const ITEMS: u32 = 16;
const VARIANT: Variant = &[("PARTIALS", (PARTIALS / QUAD) as u32), ("ITEMS", ITEMS)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "clip_gradients",
    source: include_str!("../../../shaders/optimizer/clip_gradients.wgsl"),
    bindings: &[reads("partials"), writes("gradients")],
    params: Params::FIELDS,
    variants: &[VARIANT],
    twin: TWIN,
    native: None,
    cases,
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Quads of the gradients.
        pub quads: u32,
        /// Largest norm that they may have together.
        pub max_norm: f32,
    }
}

/// Shortens `len` gradients, a multiple of four, to a norm of at most `max_norm`.
///
/// Source: <https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html>.
pub fn call(len: usize, max_norm: f64) -> Call {
    let quads = len / QUAD;
    let params = Params {
        quads: quads as u32,
        max_norm: max_norm as f32,
    };
    let threads = quads.div_ceil(ITEMS as usize);
    Call::new(&KERNEL, VARIANT, &params, Grid::fixed(threads, 64)).for_whole_batch()
}

// The twin.

twin!(partials: real, gradients: real_mut);

/// gradients *= min(1, `max_norm` / (norm + 1e-6)), where norm is the root of the sum of partials.
pub fn twin<T: Real>(params: &Params, _step: &Step, partials: &[T], gradients: &mut [T]) {
    let squares: f64 = partials.iter().map(|it| it.wide()).sum();
    let factor = f64::from(params.max_norm) / (squares.sqrt() + 1e-6);
    if factor >= 1.0 {
        return;
    }
    for gradient in &mut gradients[..params.quads as usize * QUAD] {
        *gradient = T::of(gradient.wide() * factor);
    }
}

// The cases.

/// Norms of 16 times the root of `square`: longer than allowed, shorter, and nothing at all.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for len in [4, 60, 64, 68, 1_028, 70_004] {
        for (square, max_norm) in [(1.0, 1.5), (1.0, 100.0), (0.0, 1.0), (3e-9, 1e-3)] {
            let mut random = Random::new(19);
            let launch = Launch {
                call: call(len, max_norm),
                step: batch(1),
                arguments: vec![
                    Argument::Floats(vec![square; PARTIALS]),
                    Argument::Floats(random.floats(len)),
                ],
            };
            cases.push(launch.within(Tolerance::Elementwise));
        }
    }
    cases
}
