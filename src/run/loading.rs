//! How the data of a run are read.

use super::run_config::RunConfig;
use super::weights::Metadata;
use crate::data::{Loading, Preprocessing};
use crate::files::cache_folder;
use crate::shape::ImageShape;

impl RunConfig {
    /// What every image goes through.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            size: self.image_size,
            fit: self.fit,
            mode: self.image_mode,
        }
    }

    /// How its data are read; decoded pictures are kept in the user's cache folder.
    pub fn loading(&self) -> Loading<'static> {
        let cache = cache_folder().filter(|_| !self.no_cache);
        Loading {
            seed: self.data_seed,
            preprocessing: self.preprocessing(),
            test_fraction: self.test_fraction,
            cache: cache.map(|it| it.join("gpu-train").join("pictures")),
            progress: None,
        }
    }

    /// What the weights of its net say beside the tensors, where it was trained on images of `shape`.
    pub fn metadata(&self, shape: ImageShape) -> Metadata {
        self.preprocessing().metadata(shape)
    }
}
