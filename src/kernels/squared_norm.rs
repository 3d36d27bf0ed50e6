//! Host side of `shaders/squared_norm.wgsl`.

use super::{Call, Grid, Kernel, Params as _, Variant, params, reads, writes};
use crate::shape::QUAD;

/// Partial sums, whatever the number of gradients.
pub const PARTIALS: usize = 256;
const VARIANT: Variant = &[("THREADS", PARTIALS as u32)];

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "squared_norm",
    source: include_str!("../../shaders/squared_norm.wgsl"),
    loops: None,
    bindings: &[reads("gradients"), writes("partials")],
    params: Params::FIELDS,
    variants: &[VARIANT],
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
