// order = a permutation of 0..count, keyed by seed and epoch; the identity where shuffle is 0.
//
// order  [count] u32   image number by position of the epoch
//
// A Feistel network permutes the 2^(low_bits + high_bits) words, less than twice count; a word
// past the end is permuted again until it falls inside ("cycle walking", Black and Rogaway 2002,
// https://doi.org/10.1007/3-540-45760-7_9). No sort and no state: integers alone, so that the CPU
// gets the same order.
//
// One thread per position.
//#include step
//#include thread

struct Params {
    count: u32,
    low_bits: u32,   // of the word's lower half
    high_bits: u32,  // of its upper half
    key_0: u32,
    key_1: u32,
    shuffle: u32,    // 0: the identity
}

@group(0) @binding(0) var<storage, read_write> order: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;

const ROUNDS: u32 = 8u;
const GOLDEN: u32 = 0x9E3779B9u;

// A permutation of the words whose every output bit depends on every input bit: "lowbias32" of
// https://github.com/skeeto/hash-prospector.
fn mixed(word: u32) -> u32 {
    var x = word;
    x = (x ^ (x >> 16u)) * 0x7FEB352Du;
    x = (x ^ (x >> 15u)) * 0x846CA68Bu;
    return x ^ (x >> 16u);
}

// The two halves take turns: each is changed by a hash of the other, so every round can be undone,
// whatever the hash and however unequal the halves.
fn permuted(word: u32, keys: vec2<u32>) -> u32 {
    let low_mask = (1u << params.low_bits) - 1u;
    let high_mask = (1u << params.high_bits) - 1u;
    var low = word & low_mask;
    var high = word >> params.low_bits;
    for (var round = 0u; round < ROUNDS; round += 2u) {
        high ^= mixed(mixed(low ^ (keys.x + round * GOLDEN)) + keys.y) & high_mask;
        low ^= mixed(mixed(high ^ (keys.x + (round + 1u) * GOLDEN)) + keys.y) & low_mask;
    }
    return (high << params.low_bits) | low;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let position = thread_index(workgroup, workgroups, local);
    if (position >= params.count) {
        return;
    }
    if (params.shuffle == 0u) {
        order[position] = position;
        return;
    }
    let first = mixed(params.key_0 ^ mixed(step.epoch + GOLDEN));
    let keys = vec2<u32>(first, mixed(params.key_1 + first));
    var word = permuted(position, keys);
    while (word >= params.count) {
        word = permuted(word, keys);
    }
    order[position] = word;
}
