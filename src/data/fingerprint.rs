//! A stable hash of a data set, recorded with a run to tell later whether it saw the same data.

use super::Dataset;

/// Words that are mixed side by side: one chain of multiplications would wait for itself.
const LANES: usize = 4;
const LANE_BYTES: usize = 8;
/// Odd, hence invertible: two words that differ never lead to one lane value.
/// The constants of xxHash64. Source: <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.
const PRIMES: [u64; LANES] = [
    0x9e37_79b1_85eb_ca87,
    0xc2b2_ae3d_27d4_eb4f,
    0x1656_67b1_9e37_79f9,
    0x85eb_ca77_c2b2_ae63,
];

/// See [`Dataset::fingerprint`].
pub(super) fn fingerprint(dataset: &Dataset) -> u64 {
    let shape = dataset.shape();
    let mut hash = 0;
    for size in [shape.channels, shape.height, shape.width, dataset.len()] {
        hash = mix(hash, size as u64, PRIMES[0]);
    }
    hash = hash_bytes(hash, dataset.images());
    for target in dataset.targets() {
        hash = mix(hash, u64::from(target.to_bits()), PRIMES[1]);
    }
    finish(hash)
}

fn hash_bytes(seed: u64, bytes: &[u8]) -> u64 {
    let mut lanes = PRIMES.map(|prime| seed ^ prime);
    let (blocks, rest) = bytes.as_chunks::<{ LANES * LANE_BYTES }>();
    for block in blocks {
        let (words, _) = block.as_chunks::<LANE_BYTES>();
        for ((lane, word), prime) in lanes.iter_mut().zip(words).zip(PRIMES) {
            *lane = mix(*lane, u64::from_le_bytes(*word), prime);
        }
    }
    let mut hash = bytes.len() as u64;
    for lane in lanes {
        hash = mix(hash, finish(lane), PRIMES[2]);
    }
    for &byte in rest {
        hash = mix(hash, u64::from(byte), PRIMES[3]);
    }
    hash
}

fn mix(state: u64, word: u64, prime: u64) -> u64 {
    (state.rotate_left(29) ^ word).wrapping_mul(prime)
}

/// Spreads every bit over all bits (the finaliser of `MurmurHash3`).
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use crate::data::Dataset;
    use crate::shape::ImageShape;

    fn dataset() -> (Vec<u8>, Vec<f32>, ImageShape) {
        let images = (0..2 * 3 * 5 * 7).map(|i| (i * 37 % 251) as u8).collect();
        (images, vec![3.0, 0.0], ImageShape::new(3, 5, 7))
    }

    fn hash(images: &[u8], targets: &[f32], shape: ImageShape) -> u64 {
        let dataset = Dataset::new(images.to_vec(), targets.to_vec(), shape);
        dataset.unwrap().fingerprint()
    }

    #[test]
    fn every_byte_counts() {
        let (mut images, targets, shape) = dataset();
        let original = hash(&images, &targets, shape);
        for i in 0..images.len() {
            images[i] ^= 1;
            assert_ne!(hash(&images, &targets, shape), original, "byte {i}");
            images[i] ^= 1;
        }
    }

    #[test]
    fn shape_order_and_targets_count() {
        let (images, targets, shape) = dataset();
        let original = hash(&images, &targets, shape);
        assert_ne!(hash(&images, &[0.0, 3.0], shape), original);
        assert_ne!(hash(&images, &targets, ImageShape::new(3, 7, 5)), original);
        let mut swapped = images.clone();
        swapped.swap(1, 2);
        assert_ne!(hash(&swapped, &targets, shape), original);
    }

    #[test]
    fn the_value_is_pinned() {
        // Recorded in runs: a change of the hash makes old runs look like other data.
        let (images, targets, shape) = dataset();
        assert_eq!(hash(&images, &targets, shape), 0xd967_eea1_319a_4e49);
    }
}
