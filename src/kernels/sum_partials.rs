//! Host side of `shaders/sum_partials.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, writes};
use crate::shape::QUAD;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "sum_partials",
    source: include_str!("../../shaders/sum_partials.wgsl"),
    loops: None,
    bindings: &[reads("partials"), writes("output")],
    params: Params::FIELDS,
    variants: &[&[]],
};

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
    Call::new(&KERNEL, &[], &params, Grid::fixed(quads, 64)).for_whole_batch()
}
