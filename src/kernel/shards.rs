//! The eight parts that a batch is cut into on the processor: what a part is, and in which order
//! sums over the parts are added up.
//!
//! Parts depend on the batch alone, never on how many threads there are: the same bits whoever
//! computes them.

use std::ops::Range;

/// Parts of a batch.
pub const SHARDS: usize = 8;

/// Positions within a batch of `batch` samples that shard `shard` covers. Sizes differ by one at
/// most; shards of small batches may be empty.
pub const fn range(batch: usize, shard: usize) -> Range<usize> {
    range_of(batch, &(shard..shard + 1))
}

/// Positions that `shards`, one behind the other, cover together.
pub const fn range_of(batch: usize, shards: &Range<usize>) -> Range<usize> {
    shards.start * batch / SHARDS..shards.end * batch / SHARDS
}

/// The most samples that a shard of a batch of up to `capacity` samples covers.
pub const fn capacity(capacity: usize) -> usize {
    capacity.div_ceil(SHARDS)
}

/// The sum of what two ranks on adapters have of their shards, as `sum_shards.wgsl` adds what one has of more:
/// drivers may take numbers too small to be normal for zeros, and so both do.
pub fn add(one: f32, other: f32) -> f32 {
    let sum = one + other;
    if sum.is_subnormal() || sum == 0.0 {
        0.0
    } else {
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_a_batch_evenly() {
        for batch in [0, 1, 7, 8, 33, 128, 1023] {
            let mut end = 0;
            for shard in 0..SHARDS {
                let range = range(batch, shard);
                assert_eq!(range.start, end);
                let fewest = batch / SHARDS;
                assert!((fewest..=capacity(batch)).contains(&range.len()));
                end = range.end;
            }
            assert_eq!(end, batch);
        }
    }
}
