//! Twin of `shaders/epoch_permutation.wgsl`: integers alone, so the same bits.

use super::twin;
use crate::kernels::Step;
use crate::kernels::epoch_permutation::Params;

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
pub fn run(params: &Params, step: &Step, order: &mut [u32]) {
    for position in 0..params.count {
        order[position as usize] = image_at(params, step.epoch, position);
    }
}

twin!(order: word_mut);
