//! What is measured of a batch, an epoch and a test set, and the columns that hold it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Index;

use serde::{Deserialize, Serialize};

use crate::data::TargetStatistics;
use crate::exec::Row;
use crate::ops::loss::{Metric, Objective, ROW};

/// Sample-weighted means over a batch, an epoch or a data set, by the names of the objective's metrics. A
/// metric that means nothing for the data is missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metrics(BTreeMap<Cow<'static, str>, f64>);

impl Metrics {
    /// What the net is trained to lower; NaN where nobody measured it.
    pub fn loss(&self) -> f64 {
        self.get("loss").unwrap_or(f64::NAN)
    }

    /// How many were measured.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all that were measured have the same values in `others`.
    pub(super) fn are_among(&self, others: &Self) -> bool {
        let mut all = self.0.iter();
        all.all(|(name, value)| others.0.get(name) == Some(value))
    }

    /// The metric of that name, where it was measured.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

impl Index<&str> for Metrics {
    type Output = f64;

    /// The metric of that name.
    ///
    /// # Panics
    /// If there is none: [`Metrics::get`] asks.
    fn index(&self, name: &str) -> &f64 {
        self.0
            .get(name)
            .unwrap_or_else(|| panic!("nobody measured {name}"))
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (N, f64)>>(values: I) -> Self {
        Self(
            values
                .into_iter()
                .map(|(name, it)| (name.into(), it))
                .collect(),
        )
    }
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

/// A column of `metrics.csv`.
#[derive(Debug)]
pub struct Column {
    /// Its name in the header.
    pub name: String,
    value: Value,
}

#[derive(Debug)]
enum Value {
    OfEpoch(fn(&EpochMetrics) -> String),
    OfSet(fn(&EpochMetrics) -> Option<&Metrics>, &'static str),
}

impl Column {
    /// The columns of runs that are trained for `objective`, in order. What runs are compared by stands in
    /// front; columns that came later stand behind.
    pub fn all(objective: &dyn Objective) -> Vec<Self> {
        type Set = (&'static str, fn(&EpochMetrics) -> Option<&Metrics>);
        let train: Set = ("train", |it| Some(&it.train));
        let test: Set = ("test", |it| Some(&it.test));
        let valid: Set = ("valid", |it| it.valid.as_ref());
        let train_eval: Set = ("train_eval", |it| it.train_eval.as_ref());
        let of = |(set, metrics): Set, metric: &Metric| Self {
            name: format!("{set}_{}", metric.name),
            value: Value::OfSet(metrics, metric.name),
        };
        let of_epoch = |name: &str, value| Self {
            name: name.to_owned(),
            value: Value::OfEpoch(value),
        };
        let all = objective.metrics();
        let (first, rest) = all.split_at(all.len().min(2));
        let mut columns = vec![of_epoch("epoch", |it| it.epoch.to_string())];
        for set in [train, test] {
            columns.extend(first.iter().map(|metric| of(set, metric)));
        }
        let (rest, late): (Vec<&Metric>, Vec<&Metric>) = rest.iter().partition(|it| !it.is_of_test);
        for metric in rest {
            columns.extend([train, test].map(|set| of(set, metric)));
        }
        columns.extend([
            of_epoch("lr", |it| it.lr.to_string()),
            of_epoch("seconds", |it| it.seconds.to_string()),
            of_epoch("samples_per_second", |it| it.samples_per_second.to_string()),
        ]);
        for set in [valid, train_eval] {
            let usual = all.iter().filter(|metric| !metric.is_of_test);
            columns.extend(usual.map(|metric| of(set, metric)));
        }
        columns.extend(late.into_iter().map(|metric| of(test, metric)));
        columns
    }

    /// What an epoch's line holds in this column: numbers in full, nothing where there is none.
    pub fn value(&self, epoch: &EpochMetrics) -> String {
        match self.value {
            Value::OfEpoch(value) => value(epoch),
            Value::OfSet(set, name) => {
                let value = set(epoch).and_then(|it| it.get(name));
                value.map_or(String::new(), |it| it.to_string())
            }
        }
    }
}

/// Sums of rows, in f64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Recorded")]
pub struct Sums {
    /// Of each metric.
    metrics: [f64; ROW - 1],
    /// Of samples.
    pub samples: f64,
}

/// Sums as a checkpoint has them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Recorded {
    Now {
        metrics: [f64; ROW - 1],
        samples: f64,
    },
    /// Up to version 0.1.
    BySquaredError {
        squared: f64,
        absolute: f64,
        correct: f64,
        samples: f64,
    },
}

impl From<Recorded> for Sums {
    fn from(recorded: Recorded) -> Self {
        let (metrics, samples) = match recorded {
            Recorded::Now { metrics, samples } => (metrics, samples),
            Recorded::BySquaredError {
                squared,
                absolute,
                correct,
                samples,
            } => ([squared, absolute, correct], samples),
        };
        Self { metrics, samples }
    }
}

impl Sums {
    /// Whether all are numbers that samples can add up to.
    pub(super) fn is_finite(&self) -> bool {
        self.metrics.iter().all(|it| it.is_finite()) && self.samples.is_finite()
    }

    pub(super) fn add(&mut self, row: &Row) {
        let [metrics @ .., samples] = row.metrics.map(f64::from);
        for (sum, term) in self.metrics.iter_mut().zip(metrics) {
            *sum += term;
        }
        self.samples += samples;
    }

    /// The metrics of `objective` on data with such `targets`; without them those that need not know any.
    pub(super) fn means(
        &self,
        objective: &dyn Objective,
        targets: Option<&TargetStatistics>,
    ) -> Metrics {
        let measured = objective.measured(self.metrics, self.samples, targets);
        measured.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::loss::Regression;

    fn metrics(loss: f64, accuracy: Option<f64>) -> Metrics {
        let accuracy = accuracy.map(|it| ("accuracy", it));
        let always = [("loss", loss), ("mae", loss + 0.5)];
        always.into_iter().chain(accuracy).collect()
    }

    #[test]
    fn columns_hold_what_they_are_named_for_in_full() {
        let epoch = EpochMetrics {
            epoch: 7,
            train: metrics(1.0, Some(0.125)),
            test: metrics(1.0 / 3.0, None),
            valid: Some(metrics(2.0, Some(0.25))),
            train_eval: Some(metrics(2.0, Some(0.25))),
            lr: 1e-4,
            seconds: 2.5,
            samples_per_second: 4000.0,
        };
        let columns = Column::all(&Regression::default());
        let line: Vec<(&str, String)> = columns
            .iter()
            .map(|it| (it.name.as_str(), it.value(&epoch)))
            .collect();
        let expected = [
            ("epoch", "7"),
            ("train_loss", "1"),
            ("train_mae", "1.5"),
            ("test_loss", "0.3333333333333333"),
            ("test_mae", "0.8333333333333333"),
            ("train_accuracy", "0.125"),
            ("test_accuracy", ""),
            ("lr", "0.0001"),
            ("seconds", "2.5"),
            ("samples_per_second", "4000"),
            ("valid_loss", "2"),
            ("valid_mae", "2.5"),
            ("valid_accuracy", "0.25"),
            ("train_eval_loss", "2"),
            ("train_eval_mae", "2.5"),
            ("train_eval_accuracy", "0.25"),
        ];
        assert_eq!(line, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn sums_of_old_checkpoints_are_read() {
        let old = "squared = 2.0\nabsolute = 3.0\ncorrect = 1.0\nsamples = 4.0\n";
        let sums: Sums = toml::from_str(old).expect("reads");
        let written = toml::to_string(&sums).expect("writes");
        assert_eq!(toml::from_str::<Sums>(&written).expect("reads"), sums);
        assert_eq!(
            sums.means(&Regression::default(), None),
            [("loss", 0.5), ("mae", 0.75)].into_iter().collect()
        );
        let digits = TargetStatistics::of(&[3.0, 4.0]);
        let means = sums.means(&Regression::default(), Some(&digits));
        assert_eq!(means["accuracy"], 0.25);
    }
}
