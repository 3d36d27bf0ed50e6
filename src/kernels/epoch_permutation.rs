//! Host side of `shaders/epoch_permutation.wgsl`.

use super::{Call, Grid, Kernel, Params as _, params, writes_words};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "epoch_permutation",
    source: include_str!("../../shaders/epoch_permutation.wgsl"),
    loops: None,
    bindings: &[writes_words("order")],
    params: Params::FIELDS,
    variants: &[&[]],
};

params! {
    /// Params of the shader.
    pub struct Params {
        /// Images of the epoch.
        pub count: u32,
        /// Bits of a word's lower half.
        pub low_bits: u32,
        /// Bits of a word's upper half.
        pub high_bits: u32,
        /// First word of the key.
        pub key_0: u32,
        /// Second word of the key.
        pub key_1: u32,
        /// 0 for the identity.
        pub shuffle: u32,
    }
}

/// The order of `count` images (at most 2^31) in epoch `Step::epoch`: their own where `shuffle` is
/// false, else a permutation keyed with `key`, which comes from
/// `random::key(seed, Purpose::Shuffle)`.
pub fn call(count: usize, key: [u32; 2], shuffle: bool) -> Call {
    let bits = count.next_power_of_two().trailing_zeros();
    let params = Params {
        count: count as u32,
        low_bits: bits / 2,
        high_bits: bits - bits / 2,
        key_0: key[0],
        key_1: key[1],
        shuffle: u32::from(shuffle),
    };
    Call::new(&KERNEL, &[], &params, Grid::fixed(count, 64)).for_whole_batch()
}
