//! Floor 4: the kernels of the processor, on slices, for speed.
//!
//! They have the names, Params, bindings and cases of the GPU's kernels. Products come from the crate
//! `gemm`; what lies between them is plain loops that [`pulp`] compiles for the widest vectors there
//! are. A kernel that has none runs as its twin in f32, which is fast enough.
//!
//! Most kernels run on one shard of the batch at a time ([`crate::shards`]) and know only its samples:
//! [`Part`]. Those whose [`Call::whole_batch`] is set get all of it and use all threads of the pool
//! they run in. Either way, results do not depend on the number of threads.

#![expect(
    clippy::inline_always,
    reason = "what is compiled for wide vectors must be inlined into the function that is"
)]
#![expect(
    clippy::needless_lifetimes,
    reason = "the macro of pulp asks for named lifetimes"
)]

mod activation;
mod adam_step;
mod conv2d_backward_input;
mod conv2d_backward_weight;
mod conv2d_forward;
mod conv2d_max_pool2d_backward_input;
mod conv2d_max_pool2d_backward_weight;
mod conv2d_max_pool2d_forward;
mod gather;
mod geometry;
mod linear_backward_weight;
mod linear_forward;
mod max_pool2d_backward;
mod max_pool2d_forward;
mod mse_loss;
mod picks;
mod product;
mod squared_norm;
mod sum_partials;
mod workspace;

pub use product::{instruction_set, multiply_square};
pub use workspace::{Aligned, Workspace};

use crate::kernels::{Call, Step};
use crate::reference::{self, Slice};

/// What a kernel runs on.
#[derive(Debug)]
pub struct Part<'a> {
    /// The step as the part sees it: its own samples, its own start.
    pub step: Step,
    /// Samples of the whole batch.
    pub batch: u32,
    /// Memory of the thread.
    pub workspace: &'a mut Workspace,
}

/// A kernel with its arguments untyped, which lie in binding order.
pub type Run = fn(&Call, &mut Part<'_>, &mut [Slice<'_, f32>]);

/// Every native kernel by its name. A new one adds its line here.
const REGISTRY: &[(&str, Run)] = &[
    ("activation_backward", activation::run_backward),
    ("activation_forward", activation::run),
    ("adam_step", adam_step::run),
    (
        "adaptive_max_pool2d_backward",
        max_pool2d_backward::run_adaptive,
    ),
    (
        "adaptive_max_pool2d_forward",
        max_pool2d_forward::run_adaptive,
    ),
    ("conv2d_backward_input", conv2d_backward_input::run),
    ("conv2d_backward_weight", conv2d_backward_weight::run),
    ("conv2d_forward", conv2d_forward::run),
    (
        "conv2d_max_pool2d_backward_input",
        conv2d_max_pool2d_backward_input::run,
    ),
    (
        "conv2d_max_pool2d_backward_weight",
        conv2d_max_pool2d_backward_weight::run,
    ),
    ("conv2d_max_pool2d_forward", conv2d_max_pool2d_forward::run),
    ("gather", gather::run),
    ("linear_backward_weight", linear_backward_weight::run),
    ("linear_forward", linear_forward::run),
    ("max_pool2d_backward", max_pool2d_backward::run),
    ("max_pool2d_forward", max_pool2d_forward::run),
    ("mse_loss", mse_loss::run),
    ("squared_norm", squared_norm::run),
    ("sum_partials", sum_partials::run),
];

/// The native kernel of that name: its twin where there is none.
pub fn kernel(name: &str) -> Run {
    let found = REGISTRY.iter().find(|(known, _)| *known == name);
    found.map_or(twin, |(_, run)| *run)
}

/// The twin of the call's kernel, in f32.
fn twin(call: &Call, part: &mut Part<'_>, slices: &mut [Slice<'_, f32>]) {
    reference::replay(call, &part.step, slices);
}
