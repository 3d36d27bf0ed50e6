//! What an epoch's losses decide: which model is the best, when to stop early, when to lower the
//! learning rate.

use serde::{Deserialize, Serialize};

use super::metrics::{EpochMetrics, Metrics};
use super::schedule::{Plateau, ScheduleConfig};

/// What decides which epoch is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum BestBy {
    /// The lowest loss
    Loss,
    /// The highest accuracy
    Accuracy,
}

impl BestBy {
    /// What of `metrics` of the validation set decides; lower is better.
    pub fn score(self, metrics: &Metrics) -> f64 {
        match self {
            Self::Loss => metrics.loss(),
            Self::Accuracy => -metrics.get("accuracy").unwrap_or(f64::NAN),
        }
    }
}

/// The best epoch, by what the validation set says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Counted from 1.
    pub epoch: usize,
    /// Loss on the validation set.
    pub loss: f64,
    /// Accuracy on the validation set, where it decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

impl Best {
    /// What decided that it is the best: lower is better.
    pub fn score(&self) -> f64 {
        self.accuracy.map_or(self.loss, |accuracy| -accuracy)
    }
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
        best_by: BestBy,
    ) -> bool {
        let watched = best_by.score(epoch.valid.as_ref().unwrap_or(&epoch.train));
        self.plateau.epoch_ended(watched, lr, schedule);
        let Some(valid) = &epoch.valid else {
            return false;
        };
        let before = self.best.map(|best| match best_by {
            BestBy::Loss => best.loss,
            BestBy::Accuracy => -best.accuracy.unwrap_or(f64::NEG_INFINITY),
        });
        let better = before.is_none_or(|before| watched < before);
        if better {
            self.best = Some(Best {
                epoch: epoch.epoch,
                loss: valid.loss(),
                accuracy: (best_by == BestBy::Accuracy).then_some(-watched),
            });
        }
        better
    }

    /// Epochs since the best one, at the end of epoch `epoch`.
    pub(super) fn epochs_since_best(&self, epoch: usize) -> Option<usize> {
        self.best.map(|best| epoch.saturating_sub(best.epoch))
    }
}
