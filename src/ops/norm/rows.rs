//! How the rows of a batch (the pixels of all samples) are shared among the splits and workgroups of a kernel
//! that sums them by channels, and such sums on the processor.

use std::ops::Range;

use pulp::{Arch, Simd};

use crate::kernel::Grid;
use crate::kernel::shards::SHARDS;
use crate::kernel::target::Target;
use crate::shape::{ImageShape, QUAD};

/// Threads of a workgroup.
pub(super) const WORKGROUP_SIZE: u32 = 256;
/// Quads that the threads of a workgroup sum side by side, at most.
const COLUMNS: usize = 16;
/// Rows that a thread sums one after the other, before there are splits.
const ROWS_OF_THREAD: usize = 16;
/// The most splits: a thread each in `batch_norm_merge`. Of many columns there are fewer, so that every workgroup of a
/// kernel that merges them itself can ([`Merging`]).
pub(super) const MAX_SPLITS: usize = 128;

/// Quads that a workgroup sums side by side, of `quads` that a pixel has.
pub(super) fn columns(quads: usize) -> usize {
    quads.min(COLUMNS)
}

/// Parts of a batch of up to `capacity` samples that are summed apart, or of a shard of as many. On the processor
/// it is one: that of the shard.
pub(super) fn splits(capacity: usize, shape: ImageShape, target: &Target) -> usize {
    if target.is_cpu() {
        return 1;
    }
    let quads = shape.padded_channels() / QUAD;
    let lanes = WORKGROUP_SIZE as usize / columns(quads);
    let rows = capacity * shape.pixels();
    let most = if target.by_shards {
        MAX_SPLITS / SHARDS
    } else {
        MAX_SPLITS.min(PARTS * merging_lanes(quads))
    };
    rows.div_ceil(lanes * ROWS_OF_THREAD).clamp(1, most)
}

/// A workgroup per split and block of columns.
pub(super) fn grid(quads: usize, splits: usize) -> Grid {
    let workgroups = splits * quads.div_ceil(columns(quads));
    Grid::fixed(workgroups * WORKGROUP_SIZE as usize, WORKGROUP_SIZE)
}

/// How a kernel shares a batch among workgroups each of which first merges what all parts of the batch gave of its
/// columns. So no launch of its own has to do that before, at 2 to 3 us.
///
/// A part gives 32 bytes of every column, and each row that a workgroup takes is 32 bytes (read and written) or 48.
/// There are as many threads for a column's parts as for its rows: with `p` parts and `n` rows for each, merging
/// reads at most `p / n` of what the rows are, and most of that from a cache.
#[derive(Debug)]
pub(super) struct Merging {
    /// Quads that the threads of a workgroup take side by side, a power of two.
    pub columns: usize,
    /// Parts that a thread merges: a power of two, at most [`PARTS`].
    pub parts: usize,
    /// Rows of a workgroup.
    pub rows: usize,
    /// Its workgroups: one per block of columns and `rows` rows.
    pub grid: Grid,
}

/// Parts that a thread merges, at most: those of `batch_norm_merge_forward.wgsl`.
const PARTS: usize = 4;
/// Rows of a thread, at most, and a multiple of so many: those that it loads at once.
const MERGING_ROWS: [usize; 2] = [16, 4];
/// Workgroups that are enough for any GPU, so that more rows for each are better than more of them.
const ENOUGH_WORKGROUPS: usize = 256;

/// Threads for every column of a workgroup that merges.
fn merging_lanes(quads: usize) -> usize {
    WORKGROUP_SIZE as usize / columns(quads).next_power_of_two()
}

impl Merging {
    /// For `splits` parts of batches of up to `capacity` samples of `shape`.
    ///
    /// # Panics
    /// If there are more than [`splits`] gives: a bug of the caller.
    pub(super) fn new(capacity: usize, shape: ImageShape, splits: usize) -> Self {
        let quads = shape.padded_channels() / QUAD;
        let lanes = merging_lanes(quads);
        let columns = WORKGROUP_SIZE as usize / lanes;
        let parts = splits.div_ceil(lanes).next_power_of_two();
        assert!(parts <= PARTS, "{splits} parts are too many for {shape}");
        let [most, step] = MERGING_ROWS;
        let threads = ENOUGH_WORKGROUPS * WORKGROUP_SIZE as usize;
        let each = capacity * shape.pixels() * quads / threads;
        // So that merging reads half of what the rows are, at most.
        let each = each.next_multiple_of(step).clamp(step.max(2 * parts), most);
        let rows = lanes * each;
        let threads = quads.div_ceil(columns) * WORKGROUP_SIZE as usize;
        Self {
            columns,
            parts,
            rows,
            grid: Grid::per_rows(shape.pixels(), rows, threads, WORKGROUP_SIZE),
        }
    }
}

/// Rows of split `split`: as many for each, but for the last ones, which may have none.
pub(super) fn of_split(rows: usize, splits: usize, split: usize) -> Range<usize> {
    let per_split = rows.div_ceil(splits);
    let start = (split * per_split).min(rows);
    start..(start + per_split).min(rows)
}

/// Rows whose sum is added to that of others as a whole: the fewer terms follow each other, the less is
/// rounded away.
const BLOCK: usize = 64;
/// Channels that are summed side by side, in registers.
const WIDE: usize = 16;

/// The sum of `term` over `rows` rows.
#[inline(always)]
fn in_blocks<const N: usize>(rows: usize, term: impl Fn(usize) -> [f32; N]) -> [f32; N] {
    let mut total = [0.0; N];
    for start in (0..rows).step_by(BLOCK) {
        let mut sum = [0.0; N];
        for row in start..rows.min(start + BLOCK) {
            for (sum, term) in sum.iter_mut().zip(term(row)) {
                *sum += term;
            }
        }
        for (total, sum) in total.iter_mut().zip(sum) {
            *total += sum;
        }
    }
    total
}

/// `N` floats from `at` on.
#[inline(always)]
fn chunk<const N: usize>(floats: &[f32], at: usize) -> &[f32; N] {
    floats[at..].first_chunk().expect("rows are whole")
}

#[inline(always)]
fn sum_chunk<const N: usize>(rows: &[f32], channels: usize, first: usize) -> [f32; N] {
    let count = rows.len() / channels;
    in_blocks(count, |row| *chunk(rows, row * channels + first))
}

/// `sum` (channels) = the sum of `rows`.
#[pulp::with_simd(sum = Arch::new())]
#[inline(always)]
pub(super) fn sum_simd<'a, S: Simd>(_simd: S, rows: &'a [f32], sum: &'a mut [f32]) {
    let channels = sum.len();
    let (wide, rest) = sum.as_chunks_mut::<WIDE>();
    let narrow_at = wide.len() * WIDE;
    for (at, sum) in wide.iter_mut().enumerate() {
        *sum = sum_chunk(rows, channels, at * WIDE);
    }
    for (at, sum) in rest.as_chunks_mut::<QUAD>().0.iter_mut().enumerate() {
        *sum = sum_chunk(rows, channels, narrow_at + at * QUAD);
    }
}

#[inline(always)]
fn squares_chunk<const N: usize>(rows: &[f32], mean: &[f32], first: usize) -> [f32; N] {
    let channels = mean.len();
    let mean: &[f32; N] = chunk(mean, first);
    in_blocks(rows.len() / channels, |row| {
        let mut term = *chunk(rows, row * channels + first);
        for (x, mean) in term.iter_mut().zip(mean) {
            *x = (*x - mean) * (*x - mean);
        }
        term
    })
}

/// `squares` (channels) = the sum of the squares of what `rows` differ from `mean`.
#[pulp::with_simd(squares = Arch::new())]
#[inline(always)]
pub(super) fn squares_simd<'a, S: Simd>(
    _simd: S,
    rows: &'a [f32],
    mean: &'a [f32],
    squares: &'a mut [f32],
) {
    let (wide, rest) = squares.as_chunks_mut::<WIDE>();
    let narrow_at = wide.len() * WIDE;
    for (at, squares) in wide.iter_mut().enumerate() {
        *squares = squares_chunk(rows, mean, at * WIDE);
    }
    for (at, squares) in rest.as_chunks_mut::<QUAD>().0.iter_mut().enumerate() {
        *squares = squares_chunk(rows, mean, narrow_at + at * QUAD);
    }
}

#[inline(always)]
fn products_chunk<const N: usize>(
    [grads, rows]: [&[f32]; 2],
    mean: &[f32],
    first: usize,
) -> [f32; N] {
    let channels = mean.len();
    let mean: &[f32; N] = chunk(mean, first);
    in_blocks(rows.len() / channels, |row| {
        let mut term = *chunk(rows, row * channels + first);
        let grads: &[f32; N] = chunk(grads, row * channels + first);
        for ((x, mean), grad) in term.iter_mut().zip(mean).zip(grads) {
            *x = grad * (*x - mean);
        }
        term
    })
}

/// `products` (channels) = the sum of `grads` times what `rows` differ from `mean`.
#[pulp::with_simd(products = Arch::new())]
#[inline(always)]
pub(super) fn products_simd<'a, S: Simd>(
    _simd: S,
    grads: &'a [f32],
    rows: &'a [f32],
    mean: &'a [f32],
    products: &'a mut [f32],
) {
    let (wide, rest) = products.as_chunks_mut::<WIDE>();
    let narrow_at = wide.len() * WIDE;
    for (at, products) in wide.iter_mut().enumerate() {
        *products = products_chunk([grads, rows], mean, at * WIDE);
    }
    for (at, products) in rest.as_chunks_mut::<QUAD>().0.iter_mut().enumerate() {
        *products = products_chunk([grads, rows], mean, narrow_at + at * QUAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::target::AdapterKind;
    use crate::ops::reduce::sum_partials;

    #[test]
    fn splits_cover_all_rows_in_order() {
        for (rows, splits) in [(1, 1), (7, 3), (5, 8), (257, 128), (1024, 7)] {
            let mut end = 0;
            for split in 0..splits {
                let range = of_split(rows, splits, split);
                assert!(range.start == end && range.len() <= rows.div_ceil(splits));
                end = range.end;
            }
            assert_eq!(end, rows);
        }
    }

    /// Whatever the batch: that of all parts, and no more than half of what else it reads and writes.
    #[test]
    fn a_workgroup_can_merge_all_parts() {
        let target = Target::portable(AdapterKind::Gpu);
        for quads in 1..40 {
            for rows in [1, 100, 5_000, 40_000, 1_000_000] {
                let shape = ImageShape::new(QUAD * quads, 1, 1);
                let splits = splits(rows, shape, &target);
                let merging = Merging::new(rows, shape, splits);
                let lanes = WORKGROUP_SIZE as usize / merging.columns;
                assert!(merging.columns.is_power_of_two());
                assert!(merging.parts * lanes >= splits, "{quads} {rows}");
                assert!(2 * merging.parts <= merging.rows / lanes, "{quads} {rows}");
                assert!(sum_partials::walkers(splits) <= lanes, "{quads} {rows}");
                let groups = merging.grid.groups(rows as u32) as usize;
                let blocks = quads.div_ceil(merging.columns);
                assert_eq!(groups, blocks * rows.div_ceil(merging.rows));
            }
        }
    }

    #[test]
    fn rows_are_summed_by_channels_of_any_number() {
        for channels in [4, 12, 16, 36] {
            let rows: Vec<f32> = (0..130 * channels).map(|it| (it % 7) as f32).collect();
            let column = |c: usize| rows[c..].iter().step_by(channels);
            let mut sums = vec![0.0; channels];
            sum(&rows, &mut sums);
            let mut of_squares = vec![0.0; channels];
            let mean = vec![3.0; channels];
            squares(&rows, &mean, &mut of_squares);
            let mut of_products = vec![0.0; channels];
            products(&rows, &rows, &mean, &mut of_products);
            for c in 0..channels {
                assert_eq!(sums[c], column(c).sum::<f32>());
                let square = |x: &f32| (x - 3.0) * (x - 3.0);
                assert_eq!(of_squares[c], column(c).map(square).sum::<f32>());
                let product = |x: &f32| x * (x - 3.0);
                assert_eq!(of_products[c], column(c).map(product).sum::<f32>());
            }
        }
    }
}
