//! What is kept of every step of a program that writes it anew each time: predictions.

use super::device::Buffer;
use super::gpu::GpuProgram;
use crate::kernel::Step;
use crate::kernel::limits::aligned;
use crate::kernel::shards::{self, SHARDS};

/// What [`Submissions::run_keeping`](super::Submissions::run_keeping) keeps of every step: the part of a buffer that its batch wrote.
#[derive(Debug)]
pub struct Kept<'b> {
    /// Written by every step anew, from its start.
    pub from: &'b Buffer,
    /// Where it goes, by the position of the batch.
    pub to: &'b Buffer,
    /// Bytes of one sample in both.
    pub sample_bytes: u64,
}

impl Kept<'_> {
    /// First byte and number of bytes that `step` writes.
    fn range(&self, step: &Step) -> [u64; 2] {
        [step.batch_start, step.batch].map(|samples| u64::from(samples) * self.sample_bytes)
    }

    /// Copies what `program` wrote: where it computes by shards, their parts lie apart.
    pub(super) fn copy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        program: &GpuProgram,
        step: &Step,
    ) {
        let mut copy = |from: u64, step: &Step| {
            let [start, length] = self.range(step);
            encoder.copy_buffer_to_buffer(self.from.gpu(), from, self.to.gpu(), start, length);
        };
        if !program.by_shards() {
            return copy(0, step);
        }
        let floats = program.capacity() as usize / SHARDS * (self.sample_bytes / 4) as usize;
        for shard in 0..SHARDS {
            let part = step.on(&shards::range(step.batch as usize, shard));
            if part.batch > 0 {
                copy((shard * aligned(floats)) as u64 * 4, &part);
            }
        }
    }

    pub(super) fn copy_on_cpu(&self, step: &Step) {
        let [start, length] = self.range(step);
        let bytes = self.from.cpu().read(0, length as usize);
        self.to.cpu().write(start as usize, &bytes);
    }
}
