//! How sums over a batch are split into partial sums.

/// Threads that keep a large GPU busy: some 130 multiprocessors with 8 subgroups of 32 each. A small
/// one would rather have larger tiles and fewer splits; only measuring on it can tell.
pub(super) const BUSY_THREADS: usize = 32 << 10;

/// Threads that splits make of a product: with four times as many, weight gradients of convolutions took
/// 0.6 (cnn, first, batch 128) to 0.4 (batch 1024) of the time on an H200, and eight times as many gained
/// nothing more.
const SPLIT_THREADS: usize = 4 * BUSY_THREADS;

/// Rows that a split sums at least: fewer are not worth a second pass over what it gives.
pub(super) const LEAST_ROWS: usize = 128;

/// Samples that one split of a sum over `capacity` samples covers, and the number of splits.
///
/// There are as many splits as keep the adapter busy when each has `threads` threads, but none sums
/// less than `LEAST_ROWS`; ranges are multiples of the four rows that kernels sum at a time.
pub fn splits(capacity: usize, rows_per_sample: usize, threads: usize) -> (usize, usize) {
    let most = (capacity * rows_per_sample / LEAST_ROWS).max(1);
    let wanted = SPLIT_THREADS.div_ceil(threads).min(most);
    let samples = capacity.div_ceil(wanted).next_multiple_of(4);
    (samples, capacity.div_ceil(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_cover_every_sample_once() {
        for capacity in [1, 3, 4, 33, 128, 1000] {
            for (rows, threads) in [(1, 1), (900, 3), (169, 18), (1, 5000), (169, 5000)] {
                let (samples, splits) = splits(capacity, rows, threads);
                assert!(samples * splits >= capacity && samples * (splits - 1) < capacity);
            }
        }
    }
}
