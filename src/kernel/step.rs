//! What varies from one training step to the next.

use std::ops::Range;

/// The immediates of every kernel (`shaders/shared/step.wgsl`).
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Step {
    /// Samples: those of the batch, at most the program's capacity, or those of the shard that a kernel sees alone.
    pub batch: u32,
    /// Position of the batch's first sample in the epoch's order.
    pub batch_start: u32,
    /// Row of the metrics buffer that this step writes.
    pub row: u32,
    /// Epoch, counted from 0: keys the permutation.
    pub epoch: u32,
    /// What the optimizer computes for a step, in f64 until the end: its kernel knows their meaning.
    pub factors: [f32; 4],
    /// Samples of the whole batch.
    pub whole_batch: u32,
    /// Position of its first one in the epoch's order.
    pub whole_start: u32,
    /// HLSL aligns structs among constants to 16 bytes.
    pub padding: [u32; 2],
    /// The step that follows, where a kernel prepares its batch beside the end of this one.
    pub next: Next,
}

/// What a kernel needs to know of a step whose batch it prepares.
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Next {
    /// Samples.
    pub batch: u32,
    /// Position of the first one in the epoch's order.
    pub batch_start: u32,
    /// Epoch, counted from 0.
    pub epoch: u32,
}

impl Step {
    /// Bytes of the immediates.
    pub const BYTES: u32 = size_of::<Self>() as u32;

    /// Field names, in order, for the contract test.
    pub const FIELDS: &'static [&'static str] = &[
        "batch",
        "batch_start",
        "row",
        "epoch",
        "factors",
        "whole_batch",
        "whole_start",
        "next.batch",
        "next.batch_start",
        "next.epoch",
    ];

    /// A step on a whole batch of `batch` samples, the first of which stands at position `batch_start`.
    pub fn of(batch_start: usize, batch: usize) -> Self {
        Self {
            batch: batch as u32,
            batch_start: batch_start as u32,
            whole_batch: batch as u32,
            whole_start: batch_start as u32,
            ..Self::default()
        }
    }

    /// The same step, known to be followed by `next`.
    #[must_use]
    pub fn before(&self, next: &Self) -> Self {
        Self {
            next: Next {
                batch: next.batch,
                batch_start: next.batch_start,
                epoch: next.epoch,
            },
            ..*self
        }
    }

    /// The same step as it is on the part of the batch at positions `samples` of it.
    #[must_use]
    pub fn on(&self, samples: &Range<usize>) -> Self {
        Self {
            batch: samples.len() as u32,
            batch_start: self.batch_start + samples.start as u32,
            ..*self
        }
    }
}
