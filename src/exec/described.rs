//! What profiles and reports need to know of a program's dispatches.

use crate::graph::{BufferSlice, Dispatch, Extent, Program, Role};
use crate::kernel::shards::SHARDS;

/// What a profile needs to know of a dispatch.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub kernel: String,
    pub label: String,
    /// Floating-point operations per sample.
    pub flops: u64,
    /// Bytes of all it binds but the data set, at full capacity.
    pub bytes: u64,
}

impl Described {
    /// All dispatches of `program`.
    pub(super) fn of_program(program: &Program) -> Vec<Self> {
        let dispatches = program.dispatches.iter();
        dispatches.map(|it| describe(program, it)).collect()
    }

    /// Several that run as one launch.
    pub(super) fn together(all: &[Self]) -> Self {
        let mut kernels: Vec<&str> = Vec::new();
        let mut labels: Vec<&str> = Vec::new();
        for it in all {
            for (names, name) in [(&mut kernels, &*it.kernel), (&mut labels, &*it.label)] {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Self {
            kernel: kernels.join(" + "),
            label: labels.join(", "),
            flops: all.iter().map(|it| it.flops).sum(),
            bytes: all.iter().map(|it| it.bytes).sum(),
        }
    }

    /// The same of one shard of the batch alone.
    pub(super) fn of_a_shard(&self) -> Self {
        Self {
            flops: self.flops / SHARDS as u64,
            bytes: self.bytes / SHARDS as u64,
            ..self.clone()
        }
    }
}

/// What there is to know of `dispatch` of `program`.
fn describe(program: &Program, dispatch: &Dispatch) -> Described {
    // Of a whole data set, a step reads no more than the batch that it writes.
    let of_the_step = |slice: &&BufferSlice| {
        let role = program.buffers[slice.buffer].role;
        !matches!(role, Role::Images(_) | Role::Targets | Role::Order)
    };
    let bound = &dispatch.slices;
    // What is bound twice, for want of anything to bind, is read once.
    let once = bound.iter().enumerate();
    let once = once.filter(|(at, slice)| !bound[..*at].contains(slice));
    let slices = once.map(|(_, slice)| slice).filter(of_the_step);
    let scalars = |slice: &BufferSlice| match slice.extent {
        Extent::Samples(sample) | Extent::OfShard(sample) => program.capacity * sample,
        Extent::Whole | Extent::Shards(_) => slice.len,
    };
    let scalars: usize = slices.map(scalars).sum();
    Described {
        kernel: dispatch.call.kernel.name.to_owned(),
        label: dispatch.label.clone(),
        flops: dispatch.call.flops,
        bytes: scalars as u64 * 4,
    }
}
