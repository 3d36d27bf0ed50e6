//! How sums over a batch are split into partial sums.

use super::{Tile, workgroup};

/// Rows that a split sums at least: fewer are not worth a second pass over what it gives.
pub(super) const LEAST_ROWS: usize = 512;

/// Samples that one split of a sum over `capacity` samples covers, and the number of splits.
///
/// There are as many splits as keep the adapter busy when each has `threads` threads of `tile`, but
/// none sums less than a few hundred rows; ranges are multiples of the four rows that kernels sum
/// at a time.
pub fn splits(
    capacity: usize,
    rows_per_sample: usize,
    threads: usize,
    tile: &Tile,
) -> (usize, usize) {
    match tile.workgroup {
        Some(_) => busy_splits(workgroup::BUSY_THREADS, capacity, rows_per_sample, threads),
        None => software_splits(capacity, rows_per_sample, threads),
    }
}

/// [`splits`] of register tiles.
pub fn software_splits(capacity: usize, rows_per_sample: usize, threads: usize) -> (usize, usize) {
    busy_splits(128, capacity, rows_per_sample, threads)
}

fn busy_splits(
    busy: usize,
    capacity: usize,
    rows_per_sample: usize,
    threads: usize,
) -> (usize, usize) {
    let most = (capacity * rows_per_sample / LEAST_ROWS).max(1);
    let wanted = busy.div_ceil(threads).min(most);
    let samples = capacity.div_ceil(wanted).next_multiple_of(4);
    (samples, capacity.div_ceil(samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::tile::WEIGHT_TILES;

    #[test]
    fn splits_cover_every_sample_once() {
        for tile in [WEIGHT_TILES[0], WEIGHT_TILES[WEIGHT_TILES.len() - 1]] {
            for capacity in [1, 3, 4, 33, 128, 1000] {
                for (rows, threads) in [(1, 1), (900, 3), (169, 18), (1, 5000)] {
                    let (samples, splits) = splits(capacity, rows, threads, &tile);
                    assert!(samples * splits >= capacity && samples * (splits - 1) < capacity);
                }
            }
        }
    }
}
