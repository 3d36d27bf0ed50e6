//! What the kernel contract asks of every adapter.

/// Bytes of immediates: what varies from step to step must fit.
pub const IMMEDIATE_BYTES: u32 = 64;

/// Bytes to which buffer slices are aligned: no adapter asks for more.
pub const SLICE_ALIGNMENT: u64 = 256;
