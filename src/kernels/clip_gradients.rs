//! Host side of `shaders/clip_gradients.wgsl`.

use super::squared_norm::PARTIALS;
use super::{Call, Grid, Kernel, Params as _, Variant, params, reads, writes};
use crate::shape::QUAD;

/// Quads per thread.
const ITEMS: u32 = 16;
const VARIANT: Variant = &[("PARTIALS", (PARTIALS / QUAD) as u32), ("ITEMS", ITEMS)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "clip_gradients",
    source: include_str!("../../shaders/clip_gradients.wgsl"),
    loops: None,
    bindings: &[reads("partials"), writes("gradients")],
    params: Params::FIELDS,
    variants: &[VARIANT],
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
