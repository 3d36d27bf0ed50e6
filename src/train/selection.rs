//! What an epoch's losses decide: which model is the best, when to stop early, when to lower the
//! learning rate.

use serde::{Deserialize, Serialize};

use super::metrics::{EpochMetrics, Metrics};
use super::schedule::{Plateau, ScheduleConfig};

/// The epoch with the lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Counted from 1.
    pub epoch: usize,
    /// Loss on the validation set.
    pub loss: f64,
}

/// What the losses so far have decided.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// The best epoch; `None` without a validation set, or before the first epoch has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    /// For a learning rate that falls on plateaus.
    pub plateau: Plateau,
}

impl Selection {
    /// `epoch` was trained, at a learning rate of at most `lr`, and evaluated; returns whether it is the
    /// best so far.
    pub(super) fn epoch_ended(
        &mut self,
        epoch: &EpochMetrics,
        lr: f64,
        schedule: &ScheduleConfig,
    ) -> bool {
        let valid = epoch.valid.as_ref().map(Metrics::loss);
        let watched = valid.unwrap_or(epoch.train.loss());
        self.plateau.epoch_ended(watched, lr, schedule);
        let Some(loss) = valid else {
            return false;
        };
        let better = self.best.is_none_or(|best| loss < best.loss);
        if better {
            self.best = Some(Best {
                epoch: epoch.epoch,
                loss,
            });
        }
        better
    }

    /// Epochs since the best one, at the end of epoch `epoch`.
    pub(super) fn epochs_since_best(&self, epoch: usize) -> Option<usize> {
        self.best.map(|best| epoch.saturating_sub(best.epoch))
    }
}
