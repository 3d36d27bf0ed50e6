//! What ranks on GPUs exchange: out of the buffers, along the tree of ranks, and in again.

use std::sync::{Mutex, PoisonError};

use super::stages::Stage;
use crate::error::Result;
use crate::gpu::{Download, Gpu};
use crate::graph::BufferSlice;
use crate::kernel::shards::{self, SHARDS};
use crate::ranks::Ranks;

/// Who exchanges, and the memory for it.
#[derive(Debug)]
pub(super) struct Exchange {
    ranks: Ranks,
    /// As long as the longest message.
    staging: Download,
    message: Mutex<Vec<f32>>,
}

impl Exchange {
    /// For the other `ranks` and the exchanges of `stages`; errors where there is no memory.
    pub(super) fn new<'s>(
        gpu: &Gpu,
        ranks: &Ranks,
        stages: impl Iterator<Item = &'s Stage>,
    ) -> Result<Self> {
        let longest = stages.map(|it| parts(it).iter().map(|part| part.len).sum::<usize>());
        let bytes = longest.max().unwrap_or(0) as u64 * 4;
        Ok(Self {
            ranks: ranks.clone(),
            staging: Download::new(gpu, "exchange", bytes)?,
            message: Mutex::default(),
        })
    }

    pub(super) fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Submits `encoder`, and makes what `stage` says whole: sums over each rank's shards those of all, parts of each
    /// rank's shards known to all. Returns whether any of the ranks that sum has the `wish`.
    ///
    /// Errors where a rank does not answer, or the GPU failed.
    pub(super) fn meet(
        &self,
        gpu: &Gpu,
        mut encoder: wgpu::CommandEncoder,
        buffers: &[wgpu::Buffer],
        stage: &Stage,
        wish: bool,
    ) -> Result<bool> {
        let mut at = 0;
        for part in parts(stage) {
            let (offset, bytes) = (part.offset as u64 * 4, part.len as u64 * 4);
            let buffer = &buffers[part.buffer];
            self.staging
                .copy_from(&mut encoder, buffer, offset, at, bytes);
            at += bytes;
        }
        let submission = gpu.queue().submit([encoder.finish()]);
        self.staging.start();
        gpu.wait(Some(submission))?;
        let mut message = self.message.lock().unwrap_or_else(PoisonError::into_inner);
        self.staging.take(|bytes| {
            message.clear();
            message.extend_from_slice(bytemuck::cast_slice(&bytes[..at as usize]));
        })?;
        let agreed = match stage {
            Stage::Gather(parts) => {
                let mut rest = &mut message[..];
                for part in parts {
                    let (whole, after) = rest.split_at_mut(part.len);
                    debug_assert!(whole.len().is_multiple_of(SHARDS), "a part per shard");
                    self.ranks.gather(bytemuck::cast_slice_mut(whole));
                    rest = after;
                }
                false
            }
            _ => self.ranks.sum_by(shards::add, &mut message, wish),
        };
        self.ranks.check()?;
        let mut rest = &message[..];
        for part in parts(stage) {
            let (floats, after) = rest.split_at(part.len);
            let bytes = bytemuck::cast_slice(floats);
            gpu.write(&buffers[part.buffer], part.offset as u64 * 4, bytes)?;
            rest = after;
        }
        Ok(agreed)
    }
}

/// What `stage` exchanges.
fn parts(stage: &Stage) -> &[BufferSlice] {
    match stage {
        Stage::Sum(parts) | Stage::Gather(parts) => parts,
        Stage::Shards(_) | Stage::Batch(_) => &[],
    }
}
