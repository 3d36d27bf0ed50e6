//! How many threads a dispatch needs, as a function of the batch.

/// Threads of a dispatch: `ceil(batch * rows_per_sample / tile_rows) * per_tile`, or `per_tile`
/// alone where the work does not depend on the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Rows of work in one sample.
    rows_per_sample: u32,
    /// Rows that one tile covers, of one sample or more; 0 where the batch does not matter.
    tile_rows: u32,
    /// Threads per tile.
    per_tile: u32,
    /// Threads in a workgroup.
    pub workgroup_size: u32,
}

impl Grid {
    /// `threads` in all, whatever the batch.
    pub const fn fixed(threads: usize, workgroup_size: u32) -> Self {
        Self {
            rows_per_sample: 0,
            tile_rows: 0,
            per_tile: threads as u32,
            workgroup_size,
        }
    }

    /// `threads` for every sample.
    pub const fn per_sample(threads: usize, workgroup_size: u32) -> Self {
        Self::per_samples(1, threads, workgroup_size)
    }

    /// `threads` for every `samples` samples, a last incomplete group included.
    pub const fn per_samples(samples: usize, threads: usize, workgroup_size: u32) -> Self {
        Self::per_rows(1, samples, threads, workgroup_size)
    }

    /// `threads` for every `tile_rows` rows of the batch, whose samples have `rows_per_sample` rows
    /// each, a last incomplete tile included.
    pub const fn per_rows(
        rows_per_sample: usize,
        tile_rows: usize,
        threads: usize,
        workgroup_size: u32,
    ) -> Self {
        Self {
            rows_per_sample: rows_per_sample as u32,
            tile_rows: tile_rows as u32,
            per_tile: threads as u32,
            workgroup_size,
        }
    }

    /// Threads that have work to do for a batch of `batch` samples.
    pub const fn threads(&self, batch: u32) -> u64 {
        let tiles = if self.tile_rows == 0 {
            1
        } else {
            (batch as u64 * self.rows_per_sample as u64).div_ceil(self.tile_rows as u64)
        };
        tiles * self.per_tile as u64
    }

    /// The workgroups that [`Grid::threads`] of a step's batch make, as WGSL that knows the `step`.
    pub(in crate::kernel) fn wgsl(&self, step: &str) -> String {
        let Self {
            rows_per_sample,
            tile_rows,
            per_tile,
            workgroup_size,
        } = self;
        if *tile_rows == 0 {
            return format!("{}u", per_tile.div_ceil(*workgroup_size));
        }
        let tiles = format!(
            "({step}.batch * {rows_per_sample}u + {}u) / {tile_rows}u",
            tile_rows - 1
        );
        format!(
            "({tiles} * {per_tile}u + {}u) / {workgroup_size}u",
            workgroup_size - 1
        )
    }

    /// Workgroups along x and y: past `limit` along x, the rest is folded into y.
    ///
    /// Kernels number their threads with `thread_index` of `shaders/shared/thread.wgsl`, which
    /// undoes the folding; threads past the end return at once. Tiles in workgroup memory number
    /// their workgroups the same way; those past the end sum nothing, but meet every barrier.
    pub const fn workgroups(&self, batch: u32, limit: u32) -> [u32; 2] {
        folded(self.groups(batch), limit)
    }

    /// The same grid with `times` as many threads.
    #[must_use]
    pub const fn times(self, times: u32) -> Self {
        Self {
            per_tile: self.per_tile * times,
            ..self
        }
    }

    /// The same threads in workgroups of `size`.
    #[must_use]
    pub const fn in_workgroups_of(self, size: u32) -> Self {
        Self {
            workgroup_size: size,
            ..self
        }
    }

    /// Workgroups in all.
    pub const fn groups(&self, batch: u32) -> u64 {
        self.threads(batch).div_ceil(self.workgroup_size as u64)
    }
}

/// `groups` workgroups along x and y: past `limit` along x, the rest is folded into y.
pub const fn folded(groups: u64, limit: u32) -> [u32; 2] {
    let rows = groups.div_ceil(limit as u64);
    if rows == 0 {
        return [0, 0];
    }
    [groups.div_ceil(rows) as u32, rows as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_follow_the_batch() {
        assert_eq!(Grid::fixed(100, 64).workgroups(7, 65_535), [2, 1]);
        assert_eq!(Grid::per_sample(100, 64).threads(7), 700);
        assert_eq!(Grid::per_samples(8, 3, 64).threads(17), 9);
        assert_eq!(Grid::per_rows(5, 8, 3, 64).threads(3), 6);
    }

    #[test]
    fn too_many_workgroups_fold_into_y() {
        let grid = Grid::per_sample(1_000, 1);
        let [x, y] = grid.workgroups(1_000, 65_535);
        assert!(x <= 65_535 && u64::from(x) * u64::from(y) >= 1_000_000);
        assert_eq!(y, 16);
    }
}
