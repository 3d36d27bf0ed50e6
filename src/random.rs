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
    /// How training images are augmented.
    Augment = 9,
    /// Which units a dropout leaves out.
    Dropout = 10,
    /// Settings of the runs of a sweep that are drawn.
    Sweep = 11,
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

/// Four random words of four that count: each depends on every bit of all of them. What is drawn so depends on
/// nothing that was drawn before. `shaders/shared/random.wgsl` does the same.
///
/// Source: `pcg4d` of Jarzynski and Olano, Hash Functions for GPU Rendering, 2020,
/// <https://jcgt.org/published/0009/03/02/>.
pub fn counted(counts: [u32; 4]) -> [u32; 4] {
    let mut v = counts.map(|it| it.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let mix = |v: &mut [u32; 4]| {
        for (at, [a, b]) in [[1, 3], [2, 0], [0, 1], [1, 2]].into_iter().enumerate() {
            v[at] = v[at].wrapping_add(v[a].wrapping_mul(v[b]));
        }
    };
    mix(&mut v);
    v = v.map(|it| it ^ (it >> 16));
    mix(&mut v);
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that another program, in Python, computed of the authors' formula; and half of all bits are ones.
    #[test]
    fn counted_words_are_random() {
        let known = [
            (
                [0; 4],
                [251_852_841, 760_645_481, 850_445_371, 3_542_436_074],
            ),
            (
                [1, 2, 3, 4],
                [908_250_390, 4_044_648_920, 3_775_961_919, 45_698_095],
            ),
            (
                [u32::MAX, 0, 7, 1 << 31],
                [247_531_710, 508_042_452, 4_146_123_209, 660_830_683],
            ),
        ];
        for (counts, words) in known {
            assert_eq!(counted(counts), words, "{counts:?}");
        }
        let ones: u32 = (0..1000)
            .flat_map(|it| counted([it, 7, 0, 3]))
            .map(u32::count_ones)
            .sum();
        assert!((63_000..65_000).contains(&ones), "{ones} of 128000");
    }

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
