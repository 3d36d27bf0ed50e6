//! What varies from one training step to the next.

/// The immediates of every kernel (`shaders/shared/step.wgsl`).
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Step {
    /// Samples in this batch: at most the program's capacity.
    pub batch: u32,
    /// Position of the batch's first sample in the epoch's order.
    pub batch_start: u32,
    /// Row of the metrics buffer that this step writes.
    pub row: u32,
    /// Epoch, counted from 0: keys the permutation.
    pub epoch: u32,
    /// What the optimizer computes for a step, in f64 until the end: its kernel knows their meaning.
    pub factors: [f32; 4],
}

impl Step {
    /// Bytes of the immediates.
    pub const BYTES: u32 = size_of::<Self>() as u32;

    /// Field names, in order, for the contract test.
    pub const FIELDS: &'static [&'static str] =
        &["batch", "batch_start", "row", "epoch", "factors"];
}
