//! What is measured of a batch, an epoch and a test set.

use serde::{Deserialize, Serialize};

use crate::exec::Row;

/// Sample-weighted means over a batch, an epoch or a data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Mean squared error.
    pub loss: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Share of predictions that, rounded half to even, equal the target; `None` where a target of
    /// the data set is no integer.
    pub accuracy: Option<f64>,
}

/// One line of `metrics.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: usize,
    /// Means over the epoch's batches, each before its update.
    pub train: Metrics,
    /// Means over the test set after the epoch.
    pub test: Metrics,
    /// Means over the validation set after the epoch, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Metrics>,
    /// Means over the training set after the epoch, where
    /// [`TrainerOptions::evaluate_train`](super::TrainerOptions::evaluate_train) asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_eval: Option<Metrics>,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Seconds of training, without the evaluation.
    pub seconds: f64,
    /// Training speed.
    pub samples_per_second: f64,
}

/// Sums of rows, in f64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Of squared errors.
    pub squared: f64,
    /// Of absolute errors.
    pub absolute: f64,
    /// Of predictions that round to the target.
    pub correct: f64,
    /// Of samples.
    pub samples: f64,
}

impl Sums {
    pub(super) fn add(&mut self, row: &Row) {
        let [squared, absolute, correct, samples] = row.metrics.map(f64::from);
        self.squared += squared;
        self.absolute += absolute;
        self.correct += correct;
        self.samples += samples;
    }

    pub(super) fn means(&self, whole_targets: bool) -> Metrics {
        Metrics {
            loss: self.squared / self.samples,
            mae: self.absolute / self.samples,
            accuracy: whole_targets.then(|| self.correct / self.samples),
        }
    }
}
