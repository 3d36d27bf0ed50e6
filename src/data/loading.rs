//! How a data set is read.

use std::fmt;
use std::path::PathBuf;

use super::Preprocessing;

/// What is told of a data set while it is read: how many of its pictures are done, and how many there are.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// How a data set is read.
#[derive(Clone, Default)]
pub struct Loading<'a> {
    /// What drawn pictures, and the choice of a test set, depend on.
    pub seed: u64,
    /// What every image goes through.
    pub preprocessing: Preprocessing,
    /// Share of the pictures of a folder without a test set that become one; 0 for none.
    pub test_fraction: f64,
    /// Folder that keeps decoded pictures; `None` to keep none.
    pub cache: Option<PathBuf>,
    /// Told, from any thread, whenever a picture of a folder is decoded, or one is drawn.
    pub progress: Option<Progress<'a>>,
}

impl fmt::Debug for Loading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loading")
            .field("seed", &self.seed)
            .field("preprocessing", &self.preprocessing)
            .field("test_fraction", &self.test_fraction)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
