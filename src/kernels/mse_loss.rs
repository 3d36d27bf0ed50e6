//! Host side of `shaders/mse_loss.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, reads, reads_words, writes, writes_words};

/// Floats in a row of metrics: sum of squared errors, sum of absolute errors, how many predictions
/// round to their target, samples.
pub const METRICS: usize = 4;

/// Threads of the one workgroup: a power of two.
const WORKGROUP_SIZE: u32 = 128;

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "mse_loss",
    source: include_str!("../../shaders/mse_loss.wgsl"),
    loops: None,
    bindings: &[
        reads("prediction"),
        reads_words("order"),
        reads("targets"),
        writes("grad_prediction"),
        writes("metrics"),
        writes_words("faults"),
    ],
    params: Params::FIELDS,
    variants: &[&[]],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Rows of metrics and faults.
        pub rows: u32,
    }
}

/// The mean squared error of a batch of single outputs: its gradient, and row `Step::row` of
/// `rows` rows of metrics.
pub fn call(rows: usize) -> Call {
    let params = Params { rows: rows as u32 };
    let grid = Grid::fixed(WORKGROUP_SIZE as usize, WORKGROUP_SIZE);
    // A vec4 of sums per thread.
    Call::new(&KERNEL, &[], &params, grid).with_workgroup_bytes(16 * WORKGROUP_SIZE)
}
