//! The random numbers of one picture.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of its own for every picture. Numbers are made from its bits here and not by the crate
/// `rand`, whose ways may change between versions: the pictures must not.
pub(super) struct Random(ChaCha8Rng);

impl Random {
    /// The stream of picture `index` of the set `set`. Not one of `random::stream`, which knows no
    /// index: a picture must not depend on how many are drawn before it. The last bytes tell the
    /// two kinds apart; the hash of the pictures pins all of this.
    pub(super) fn new(seed: u64, set: u64, index: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&set.to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        key[24..].copy_from_slice(b"pictures");
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `0.0..1.0`.
    fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// Uniform in `low..high`.
    pub(super) fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// In `-1.0..1.0`, small values more likely than large ones.
    pub(super) fn bell(&mut self) -> f32 {
        (self.unit() + self.unit() + self.unit()) * (2.0 / 3.0) - 1.0
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Uniform in `0..count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((u64::from(self.0.next_u32()) * count as u64) >> 32) as usize
    }

    /// One of `values`.
    pub(super) fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// Fills `values` with noise of about the normal distribution, with standard deviation 1: the
    /// sum of four random bytes, centred and scaled.
    pub(super) fn noise(&mut self, values: &mut [f32]) {
        // A byte, uniform in 0..256, has the variance (256^2 - 1) / 12; four have 147.8 squared.
        const SCALE: f32 = 1.0 / 147.8;
        for value in values {
            let bytes = self.0.next_u32().to_le_bytes();
            let sum: u16 = bytes.into_iter().map(u16::from).sum();
            *value = (f32::from(sum) - 510.0) * SCALE;
        }
    }
}
