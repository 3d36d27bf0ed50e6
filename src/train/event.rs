//! What a trainer tells its caller while it works.

use super::metrics::{EpochMetrics, Metrics};
use crate::ranks::Name;

/// One piece of news; the command line renders them, the trainer never prints.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// An epoch begins.
    EpochStarted {
        /// Counted from 1.
        epoch: usize,
        /// The last epoch of this loop.
        epochs: usize,
        /// Samples of the epoch.
        samples: usize,
    },
    /// The GPU's driver begins to compile the shaders.
    Compiling,
    /// The shaders are compiled, which no epoch's time contains.
    Compiled {
        /// How long it took.
        seconds: f64,
    },
    /// Steps of the epoch are done.
    Progress {
        /// Samples of the epoch trained on so far.
        samples: usize,
        /// Means over them, each before its update.
        metrics: Metrics,
        /// Training speed in this epoch.
        samples_per_second: f64,
    },
    /// An epoch was trained and evaluated.
    EpochEnded(EpochMetrics),
    /// What the training goes on from, should it be stopped, is safely on the disk.
    Saved {
        /// Steps trained before.
        step: u64,
        /// How long it took to write.
        seconds: f64,
    },
    /// These ranks had come to other weights than rank 0, as on unlike processors; they go on with its weights. Said
    /// once, for all epochs.
    RanksDiffer(Vec<Name>),
    /// Something became NaN or infinite, and the steps since the last checkpoint run once more to
    /// find out where.
    Replaying {
        /// What happened.
        what: String,
        /// How many steps.
        steps: u64,
    },
}
