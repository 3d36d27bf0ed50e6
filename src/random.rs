//! Random streams, one per purpose: one more draw of one stream moves no other.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What random numbers are for. The numbers are part of what a seed means: never change one.
///
/// Drawn pictures are not among them: each has a stream of its own, keyed with its set and index
/// too (`data/house_digits/random.rs`). No stream is both, since those keys end in words and the
/// keys here in zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Weights and biases at the start.
    Init = 1,
    /// The order of the images in every epoch.
    Shuffle = 2,
    /// Images that kernels are measured on.
    Tune = 3,
    /// Which training images are held out for validation.
    Validation = 4,
    /// Images that exported nets are compared on.
    Export = 5,
    /// Which pictures of a folder without a test set become one.
    TestSet = 8,
}

/// The stream of `seed` for `purpose`: `ChaCha8` keyed with both, the same on every machine.
pub fn stream(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A key of `seed` for `purpose`, for kernels that draw their own numbers: the first two words of
/// its [`stream`].
pub fn key(seed: u64, purpose: Purpose) -> [u32; 2] {
    let mut stream = stream(seed, purpose);
    [stream.next_u32(), stream.next_u32()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_seed_and_purpose_and_never_change() {
        assert_eq!(key(0, Purpose::Shuffle), [892_314_113, 3_120_274_538]);
        let mut keys: Vec<[u32; 2]> = [Purpose::Init, Purpose::Shuffle, Purpose::Tune]
            .into_iter()
            .flat_map(|purpose| (0..100).map(move |seed| key(seed, purpose)))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 300);
    }
}
