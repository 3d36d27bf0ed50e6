//! A dispatch with its buffers, and which parts of them whoever runs it may use.

use std::ops::Range;

use super::memory::Seen;
use crate::graph::{BufferSlice, Dispatch, Extent};
use crate::kernel::{Access, Call, Scalar, Slice, shards};

/// A dispatch with its kernel and its slices.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) call: Call,
    pub(super) slices: Vec<BoundSlice>,
    /// Whether each part of the batch is apart from the others, also where a call for the whole batch is faster.
    pub(super) by_samples: bool,
}

#[derive(Debug, Clone)]
pub(super) struct BoundSlice {
    pub(super) buffer: usize,
    offset: usize,
    len: usize,
    extent: Extent,
    scalar: Scalar,
    pub(super) written: bool,
}

/// All of `part`, in between stages.
#[expect(
    unsafe_code,
    reason = "threads share buffers, of which each uses its own part"
)]
pub(super) fn whole<'t>(part: &BufferSlice, seen: &'t Seen<'_>) -> Slice<'t, f32> {
    let range = part.offset..part.offset + part.len;
    // SAFETY: no dispatch runs between stages, and what a program reads of shards or sums over them it has
    // written: the buffer is held for writing. The slices of a stage do not overlap; see `Stages::new`.
    unsafe { seen.slice(part.buffer, range, Scalar::F32, true) }
}

impl Bound {
    /// Panics as [`CpuProgram::new`](super::CpuProgram::new).
    pub(super) fn new(dispatch: &Dispatch) -> Self {
        let kernel = dispatch.call.kernel;
        let slices = dispatch.slices.iter().zip(kernel.bindings);
        let slices = slices.map(|(slice, binding)| BoundSlice {
            buffer: slice.buffer,
            offset: slice.offset,
            len: slice.len,
            extent: slice.extent,
            scalar: binding.scalar,
            written: binding.access == Access::ReadWrite,
        });
        let slices: Vec<BoundSlice> = slices.collect();
        let of_samples = |it: &BoundSlice| matches!(it.extent, Extent::Samples(_));
        let mut written = slices.iter().filter(|it| it.written);
        let bound = Self {
            by_samples: !dispatch.call.whole_batch || written.any(of_samples),
            call: dispatch.call.clone(),
            slices,
        };
        bound.check(&dispatch.label);
        bound
    }

    /// Positions of the samples that it sees where it runs on `shards` of a batch of `batch`.
    pub(super) fn samples(&self, batch: usize, shards: &Range<usize>) -> Range<usize> {
        if self.by_samples {
            shards::range_of(batch, shards)
        } else {
            0..batch
        }
    }

    /// The part of a buffer that it may use where it runs on `shards`, which have these `samples`.
    #[expect(
        unsafe_code,
        reason = "threads share buffers, of which each uses its own part"
    )]
    pub(super) fn bind<'t>(
        &self,
        seen: &'t Seen<'_>,
        slice: &BoundSlice,
        samples: &Range<usize>,
        shards: &Range<usize>,
    ) -> Slice<'t, f32> {
        let has_own_shards = !self.call.whole_batch || self.call.sums_shards;
        let (from, len) = match slice.extent {
            Extent::Samples(sample) if self.by_samples => {
                (samples.start * sample, samples.len() * sample)
            }
            Extent::OfShard(sample) => (0, samples.len() * sample),
            Extent::Shards(len) if has_own_shards => (shards.start * len, shards.len() * len),
            _ => (0, slice.len),
        };
        let start = slice.offset + from;
        // SAFETY: `check` has seen to it that a dispatch writes nothing that it reads, and that dispatches of
        // shards write nothing but their samples' or their shard's part; `Stages::new`, that nobody else
        // reads or writes there before all shards have met. A buffer that is written anywhere is held for writing.
        unsafe {
            seen.slice(
                slice.buffer,
                start..start + len,
                slice.scalar,
                slice.written,
            )
        }
    }

    fn check(&self, label: &str) {
        let kernel = self.call.kernel.name;
        for (at, slice) in self.slices.iter().enumerate() {
            let is_own = slice.extent != Extent::Whole || self.call.whole_batch;
            assert!(
                is_own || !slice.written,
                "{label}: all shards of {kernel} write the same"
            );
            assert!(
                !(matches!(slice.extent, Extent::OfShard(_)) && self.call.whole_batch),
                "{label}: {kernel} meets no shards"
            );
            let end = slice.offset + slice.len;
            for other in &self.slices[..at] {
                let apart = slice.buffer != other.buffer
                    || end <= other.offset
                    || other.offset + other.len <= slice.offset;
                let both_read = !slice.written && !other.written;
                assert!(apart || both_read, "{label}: {kernel} writes what it reads");
            }
        }
    }
}
