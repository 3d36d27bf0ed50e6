//! What the kernel contract asks of every adapter.

/// Bytes of immediates: what varies from step to step must fit.
pub const IMMEDIATE_BYTES: u32 = 64;

/// Floats from the start of a layer's weight of `weight_len` floats to its bias, in the flat buffers
/// of parameters and gradients and in partial sums alike: segments are aligned.
pub const fn bias_at(weight_len: usize) -> usize {
    aligned(weight_len)
}

/// The next place for a slice behind `len` scalars.
pub const fn aligned(len: usize) -> usize {
    len.next_multiple_of(SLICE_ALIGNMENT as usize / 4)
}

/// Bytes to which buffer slices are aligned: no adapter asks for more.
pub const SLICE_ALIGNMENT: u64 = 256;
