//! The default tile of a problem, and what `gpu-train tune` may choose instead.

use super::tables::{BATCH_TILES, GPU_BATCH_TILES, GPU_POOL_TILES, WEIGHT_TILES};
use super::{Product, Tile, workgroup};
use crate::target::{AdapterKind, Target};

/// The tiles of a product of a batch: the default first.
pub fn batch_tiles(product: &Product, target: &Target) -> Vec<Tile> {
    let default = batch_tile(product, target);
    with_candidates(default, &BATCH_TILES, usize::MAX, product.columns, target)
}

/// The tiles of a pooled batch on a GPU, by the product before the pooling: the default first.
pub fn pool_tiles(product: &Product, target: &Target) -> Vec<Tile> {
    let default = pool_tile(product, target);
    with_candidates(
        default,
        &GPU_POOL_TILES,
        usize::MAX,
        product.columns,
        target,
    )
}

/// The tiles of the gradient of a weight of `lines` times `in_quads` by `out_quads` quads, summed
/// over `rows` rows: the default first.
pub fn weight_tiles(weight: [usize; 3], rows: usize, target: &Target) -> Vec<Tile> {
    let default = weight_tile(weight, rows, target);
    let [_, in_quads, out_quads] = weight;
    with_candidates(default, &WEIGHT_TILES, in_quads, out_quads, target)
}

/// `default`, and the tiles of `table` that can serve products of `rows` (in the table's unit) by
/// `columns` quads on `target`: those of its family whose lanes it has, and that are no larger than
/// the product, or in workgroup memory less than half empty.
fn with_candidates(
    default: Tile,
    table: &[Tile],
    rows: usize,
    columns: usize,
    target: &Target,
) -> Vec<Tile> {
    let is_gpu = target.kind != AdapterKind::Software;
    let lanes_fit = |tile: &Tile| tile.lanes == 1 || tile.lanes == target.lanes as usize;
    let serves = |tile: &&Tile| match tile.workgroup {
        Some(it) => is_gpu && tile.columns * it.thread_columns < 2 * columns,
        None => !is_gpu && lanes_fit(tile) && tile.rows <= rows && tile.columns <= columns,
    };
    let others = table.iter().filter(serves).copied();
    [default].into_iter().chain(others).collect()
}

/// The tile of a product of a batch.
fn batch_tile(product: &Product, target: &Target) -> Tile {
    let quads = product.columns;
    let (rows, columns, lanes) = match (target.kind, target.lanes) {
        (AdapterKind::Gpu | AdapterKind::Cpu, _) => return workgroup::batch_tile(&GPU_BATCH_TILES, product),
        (_, LANES) => shared_tile(product),
        (AdapterKind::Software, _) => (16, fitting(quads), 1),
    };
    find(&BATCH_TILES, rows, columns, lanes)
}

/// The tile of a pooled batch, by the product before the pooling: that of [`batch_tile`], counted
/// in squares of four rows.
fn pool_tile(product: &Product, target: &Target) -> Tile {
    let tile = batch_tile(product, target);
    let same = |of_pool: &&Tile| {
        let of_batch = Tile {
            rows: of_pool.rows * 4,
            variant: tile.variant,
            ..**of_pool
        };
        of_batch == tile
    };
    let found = GPU_POOL_TILES.iter().find(same);
    *found.expect("both tables hold the same tiles")
}

/// The tile of the gradient of a weight of `lines` times `in_quads` by `out_quads` quads, summed
/// over `rows` rows; register tiles cover no more than one of the lines.
fn weight_tile(weight: [usize; 3], rows: usize, target: &Target) -> Tile {
    if target.kind != AdapterKind::Software {
        return workgroup::weight_tile(&WEIGHT_TILES, weight, rows);
    }
    let [lines, in_quads, out_quads] = weight;
    if target.lanes == LANES {
        let columns = shared_columns(out_quads);
        let large = columns == 8 && rows * lines * in_quads * out_quads >= MANY_QUADS;
        let tile = find(&WEIGHT_TILES, if large { 2 } else { 1 }, columns, LANES);
        let covered = (lines * in_quads).next_multiple_of(tile.lanes);
        // Groups of lanes that are more than half empty lose more than sharing gains.
        if lines * in_quads * 2 >= covered {
            return tile;
        }
    }
    find(&WEIGHT_TILES, fitting(in_quads), fitting(out_quads), 1)
}

/// Lanes of the tiles that share their loads.
const LANES: u32 = 8;

/// Rows, columns and lanes of a shared tile: about as many sums as stay in registers and the
/// first-level cache; more only where there is much to do, since they take twice as long to compile.
fn shared_tile(product: &Product) -> (usize, usize, u32) {
    let columns = shared_columns(product.columns);
    let large = columns == 8 && product.quads() >= MANY_QUADS;
    let rows = if columns <= 2 || large { 8 } else { 4 };
    (rows, columns, LANES)
}

/// Products of rows by quads of columns by quads of depth from which a tile of twice the size pays:
/// it is a tenth faster, and takes 0.25 s longer to compile.
const MANY_QUADS: usize = 1_500_000;

/// Up to eight quads, as many as waste the least; 8 or 4 where they waste next to none, so that the
/// layers of a net share their pipelines.
fn shared_columns(quads: usize) -> usize {
    if quads.is_multiple_of(8) || quads > 64 {
        return 8;
    }
    if quads.is_multiple_of(4) {
        return 4;
    }
    // A tile costs its sums, and loads worth about two columns.
    let cost = |columns: &usize| quads.div_ceil(*columns) * (columns + 2);
    let least = quads.min(5);
    (least..=quads.min(8))
        .rev()
        .min_by_key(cost)
        .unwrap_or(least)
}

/// Four quads, or fewer where that wastes less.
fn fitting(quads: usize) -> usize {
    match quads {
        1 | 2 => quads,
        3 | 5 | 6 | 9 => 3,
        _ => 4,
    }
}

fn find(tiles: &[Tile], rows: usize, columns: usize, lanes: u32) -> Tile {
    let wanted = |tile: &&Tile| {
        tile.workgroup.is_none()
            && (tile.rows, tile.columns, tile.lanes) == (rows, columns, lanes as usize)
    };
    *tiles
        .iter()
        .find(wanted)
        .expect("the table holds every tile that is chosen from it")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANED: Target = SOFTWARE.with_lanes(8);
    const SOFTWARE: Target = Target::portable(AdapterKind::Software);
    const GPU: Target = Target::portable(AdapterKind::Gpu);

    #[test]
    fn tables_hold_a_tile_for_every_size() {
        for target in [LANED, SOFTWARE, GPU] {
            let of_family =
                |tile: Tile| tile.workgroup.is_some() == (target.kind == AdapterKind::Gpu);
            for columns in 1..40 {
                let product = Product {
                    groups: 1,
                    rows: 11 * columns,
                    columns,
                    depth: 3,
                };
                assert!(of_family(batch_tile(&product, &target)));
                if target.kind == AdapterKind::Gpu {
                    assert!(of_family(pool_tile(&product, &target)));
                }
                for out_quads in 1..40 {
                    let tile = weight_tile([3, columns, out_quads], 999, &target);
                    assert!(of_family(tile));
                    assert!(tile.workgroup.is_some() || tile.rows <= columns);
                }
            }
        }
    }

    #[test]
    fn shared_tiles_waste_little() {
        let columns = [1, 4, 5, 8, 9, 12, 16, 32, 45, 64, 180].map(shared_columns);
        assert_eq!(columns, [1, 4, 5, 8, 5, 4, 8, 8, 8, 8, 8]);
    }

    #[test]
    fn a_bias_is_a_tile_of_its_own_or_one_more_row() {
        let of_registers = find(&WEIGHT_TILES, 2, 3, 1);
        assert_eq!(of_registers.weight_threads([3, 5, 7]), (3 * 3 + 1) * 3);
        let of_lanes = find(&WEIGHT_TILES, 1, 4, LANES);
        assert_eq!(of_lanes.weight_threads([3, 5, 7]), 16 * 2);
        let of_workgroup = WEIGHT_TILES.last().expect("the table has tiles");
        assert_eq!(of_workgroup.weight_threads([3, 5, 7]), 8 * 4 * 128);
    }
}
