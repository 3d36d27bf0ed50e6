//! What native kernels are written with: they run on the processor, on slices, for speed.
//!
//! They have the names, Params, bindings and cases of the GPU's kernels. Products come from the crate
//! `gemm`; what lies between them is plain loops that [`pulp`] compiles for the widest vectors there
//! are.
//!
//! Most kernels run on one shard of the batch at a time ([`crate::kernel::shards`]) and know only its
//! samples: [`Part`]. Those whose [`Call::whole_batch`] is set get all of it and use all threads of the
//! pool they run in. Either way, results do not depend on the number of threads.

pub mod product;
pub mod workspace;

pub use product::{instruction_set, multiply_square};
pub use workspace::{Aligned, Workspace};

use std::ops::Range;

use super::{Call, Slice, Step};

/// What a kernel runs on.
#[derive(Debug)]
pub struct Part<'a> {
    /// The step as the part sees it: its own samples, its own start.
    pub step: Step,
    /// The shards that a sum over shards is to be taken of: all, unless ranks share the batch.
    pub shards: Range<usize>,
    /// Memory of the thread.
    pub workspace: &'a mut Workspace,
}

/// A kernel with its arguments untyped, which lie in binding order.
pub type Run = fn(&Call, &mut Part<'_>, &mut [Slice<'_, f32>]);
