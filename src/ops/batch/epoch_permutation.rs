//! `epoch_permutation`: host side, twin and cases of `shaders/batch/epoch_permutation.wgsl`.

use crate::kernel::case::{Argument, Case, Launch};
use crate::kernel::{Call, Grid, Kernel, Params as _, Step, params, twin, writes_words};
use crate::random::{Purpose, key};

/// See the shader's head comment.
pub static KERNEL: Kernel = Kernel {
    name: "epoch_permutation",
    source: include_str!("../../../shaders/batch/epoch_permutation.wgsl"),
    bindings: &[writes_words("order")],
    params: Params::FIELDS,
    variants: &[&[]],
    twin: TWIN,
    native: None,
    cases,
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

// The twin.

const ROUNDS: u32 = 8;
const GOLDEN: u32 = 0x9E37_79B9;

/// "lowbias32" of <https://github.com/skeeto/hash-prospector>.
const fn mixed(word: u32) -> u32 {
    let x = (word ^ (word >> 16)).wrapping_mul(0x7FEB_352D);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

fn permuted(params: &Params, word: u32, keys: [u32; 2]) -> u32 {
    let hash = |half: u32, round: u32| {
        let key = keys[0].wrapping_add(round.wrapping_mul(GOLDEN));
        mixed(mixed(half ^ key).wrapping_add(keys[1]))
    };
    let low_mask = (1 << params.low_bits) - 1;
    let high_mask = (1 << params.high_bits) - 1;
    let mut low = word & low_mask;
    let mut high = word >> params.low_bits;
    for round in (0..ROUNDS).step_by(2) {
        high ^= hash(low, round) & high_mask;
        low ^= hash(high, round + 1) & low_mask;
    }
    (high << params.low_bits) | low
}

/// Image at `position` of `epoch`.
pub fn image_at(params: &Params, epoch: u32, position: u32) -> u32 {
    if params.shuffle == 0 {
        return position;
    }
    let first = mixed(params.key_0 ^ mixed(epoch.wrapping_add(GOLDEN)));
    let keys = [first, mixed(params.key_1.wrapping_add(first))];
    let mut word = permuted(params, position, keys);
    while word >= params.count {
        word = permuted(params, word, keys);
    }
    word
}

/// order: (count).
pub fn twin(params: &Params, step: &Step, order: &mut [u32]) {
    for position in 0..params.count {
        order[position as usize] = image_at(params, step.epoch, position);
    }
}

twin!(order: word_mut);

// The cases.

/// Lengths of epochs: the smallest, odd ones, powers of two, and SVHN's.
pub const COUNTS: [usize; 10] = [1, 2, 3, 7, 33, 255, 257, 1_000, 8_192, 73_257];

fn launch(count: usize, epoch: u32, shuffle: bool) -> Launch {
    Launch {
        call: call(count, key(1, Purpose::Shuffle), shuffle),
        step: Step {
            epoch,
            ..Step::default()
        },
        arguments: vec![Argument::Poisoned(count)],
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for count in COUNTS {
        for epoch in [0, 1, 49] {
            cases.push(launch(count, epoch, true).exact());
        }
        cases.push(launch(count, 3, false).exact());
    }
    cases
}
