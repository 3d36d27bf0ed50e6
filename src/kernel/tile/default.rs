//! The default tile of a problem, and what `gpu-train tune` may choose instead.

use crate::kernel::tile::Tile;
use crate::kernel::tile::splits::{BUSY_THREADS, LEAST_ROWS};
use crate::kernel::tile::tables::{BATCH_TILES, POOL_TILES, WEIGHT_TILES};

/// A product of a batch, as far as the choice of its tile asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Products that share no tile: pixels whose samples are the rows, else 1.
    pub groups: usize,
    /// Rows of each, of a batch of [`Product::BATCH`] samples.
    pub rows: usize,
    /// Quads of columns.
    pub columns: usize,
    /// Quads of the summed dimension.
    pub depth: usize,
}

impl Product {
    /// The batch that tiles are chosen for. Kernels take any; choices are not made per batch, so
    /// that a last, smaller one runs the same pipelines.
    pub const BATCH: usize = 128;
}

/// The tiles of a product of a batch: the default first.
pub fn batch_tiles(product: &Product) -> Vec<Tile> {
    with_candidates(batch_tile(product), &BATCH_TILES, product.columns)
}

/// The tiles of a pooled batch, by the product before the pooling: the default first.
pub fn pool_tiles(product: &Product) -> Vec<Tile> {
    let tile = batch_tile(product);
    let mut pairs = BATCH_TILES.iter().zip(POOL_TILES);
    let found = pairs.find(|(of_batch, _)| **of_batch == tile);
    let (_, default) = found.expect("the tile is one of the table");
    with_candidates(default, &POOL_TILES, product.columns)
}

/// The tiles of the gradient of a weight of that many lines, quads of inputs and quads of outputs,
/// and its bias, summed over `rows` rows of a batch: the default first.
pub fn weight_tiles(weight: [usize; 3], rows: usize) -> Vec<Tile> {
    let [.., out_quads] = weight;
    with_candidates(weight_tile(weight, rows), &WEIGHT_TILES, out_quads)
}

/// `default`, and the tiles of `table` that a product of `columns` quads fills by more than half.
fn with_candidates(default: Tile, table: &[Tile], columns: usize) -> Vec<Tile> {
    let serves = |tile: &&Tile| tile.group_columns() < 2 * columns;
    let others = table.iter().filter(serves).copied();
    [default].into_iter().chain(others).collect()
}

/// The tile of a product of a batch.
fn batch_tile(product: &Product) -> Tile {
    let area = |tile: &Tile| {
        // A slice without a quad of its own has nothing to do.
        let busy_slices = tile.slices == 1 || tile.slices <= product.depth;
        busy_slices.then(|| {
            product.rows.next_multiple_of(tile.group_rows())
                * product.columns.next_multiple_of(tile.group_columns())
        })
    };
    let threads = |tile: &Tile| product.groups * tile.threads(product.rows, product.columns);
    choose(&BATCH_TILES, area, threads)
}

/// The tile of the gradient of a weight, whose sum over the batch may be split as far as
/// [`super::splits`] allows.
fn weight_tile(weight: [usize; 3], rows: usize) -> Tile {
    let [lines, in_quads, out_quads] = weight;
    let area = |tile: &Tile| {
        let rows = (lines * in_quads + 1).next_multiple_of(tile.group_rows());
        Some(rows * out_quads.next_multiple_of(tile.group_columns()))
    };
    let splits = (rows / LEAST_ROWS).max(1);
    choose(&WEIGHT_TILES, area, |tile| {
        splits * tile.weight_threads(weight)
    })
}

/// Of the tiles that waste next to no more than the best, by the area they cover (`None`: does not
/// serve), the first with [`BUSY_THREADS`] `threads`, else that with most.
fn choose(
    table: &[Tile],
    area: impl Fn(&Tile) -> Option<usize>,
    threads: impl Fn(&Tile) -> usize,
) -> Tile {
    let areas = table.iter().filter_map(|tile| Some((tile, area(tile)?)));
    let areas: Vec<(&Tile, usize)> = areas.collect();
    let least = areas.iter().map(|it| it.1).min().unwrap_or(0);
    let frugal = || {
        let few = areas.iter().filter(|(_, area)| area * 4 <= least * 5);
        few.map(|it| it.0)
    };
    let busy = frugal().find(|tile| threads(tile) >= BUSY_THREADS);
    // The first of those with most threads: `max_by_key` would take the last.
    let most = || frugal().rev().max_by_key(|tile| threads(tile));
    *busy
        .or_else(most)
        .expect("the table has tiles without slices")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tile of both tables is somebody's: what no layer gets, only costs.
    #[test]
    fn choices_follow_the_shape() {
        let batch = |groups, rows, columns, depth| {
            let tile = batch_tile(&Product {
                groups,
                rows,
                columns,
                depth,
            });
            (tile.group_rows(), 4 * tile.group_columns(), tile.slices)
        };
        // The seed's cnn, forward: rows, columns and slices of the tiles.
        assert_eq!(batch(1, 128 * 900, 4, 9), (64, 16, 1));
        assert_eq!(batch(1, 128 * 144, 8, 36), (64, 16, 1));
        assert_eq!(batch(1, 128 * 16, 12, 72), (16, 16, 16));
        // Dense layers, and the one output.
        assert_eq!(batch(1, 128, 32, 768), (16, 16, 16));
        assert_eq!(batch(1, 128, 1, 32), (16, 4, 16));
        // Gradients by inputs, pixel by pixel.
        assert_eq!(batch(225, 128, 4, 72), (64, 16, 4));
        assert_eq!(batch(36, 128, 8, 108), (32, 32, 4));
        // Kernels of 1 on whole images, and sums of a single quad.
        assert_eq!(batch(1, 128 * 1024, 2, 1), (128, 8, 1));
        assert_eq!(batch(1, 128 * 1024, 1, 2), (256, 4, 1));
        // Large batches.
        assert_eq!(batch(1, 128 * 1024, 16, 64), (64, 64, 1));
        assert_eq!(batch(1, 128 * 1024, 8, 64), (64, 32, 1));
        assert_eq!(batch(1, 1024, 2, 64), (32, 8, 16));
    }

    #[test]
    fn choices_for_weights_follow_the_shape() {
        let weight = |lines, in_quads, out_quads, rows| {
            let tile = weight_tile([lines, in_quads, out_quads], rows);
            let tile_rows = 4 * tile.group_rows();
            (tile_rows, 4 * tile.group_columns(), tile.slices)
        };
        // The seed's cnn, and the large convolution of the shallow one.
        assert_eq!(weight(3, 3, 4, 128 * 900), (16, 16, 16));
        assert_eq!(weight(3, 12, 8, 128 * 169), (32, 32, 4));
        assert_eq!(weight(3, 24, 12, 128 * 16), (64, 16, 4));
        assert_eq!(weight(28, 28, 11, 128 * 25), (64, 16, 4));
        // Dense layers, and the one output.
        assert_eq!(weight(1, 768, 32, 128), (32, 32, 4));
        assert_eq!(weight(1, 32, 1, 128), (8, 8, 64));
        // Kernels of 1, and few channels.
        assert_eq!(weight(1, 1, 2, 128 * 1024), (8, 8, 64));
        assert_eq!(weight(3, 5, 2, 128 * 900), (32, 8, 16));
        // A large batch.
        assert_eq!(weight(1, 768, 64, 4096), (64, 64, 1));
    }

    #[test]
    fn every_size_has_a_tile() {
        for columns in 1..40 {
            let product = Product {
                groups: 1,
                rows: 11 * columns,
                columns,
                depth: 3,
            };
            assert!(!batch_tiles(&product).is_empty() && !pool_tiles(&product).is_empty());
            for out_quads in 1..40 {
                assert!(!weight_tiles([3, columns, out_quads], 999).is_empty());
            }
        }
    }
}
