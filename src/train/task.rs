//! What a net is trained for, and with it everything that depends on it: the columns of
//! `metrics.csv`, and which values of the metrics end a run.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::metrics::{EpochMetrics, Metrics};
use crate::error::{Error, Result};
use crate::exec::Row;
use crate::graph::ParameterTable;

/// What a net is trained for: owns its metrics and their columns. The loss kernel writes one row
/// of sums per batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Regression of one real target: mean squared error, mean absolute error, and the share of
    /// predictions that round to the target.
    Regression,
}

/// A column of `metrics.csv`.
#[derive(Debug)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    value: fn(&EpochMetrics) -> String,
}

impl Column {
    /// What an epoch's line holds in this column: numbers in full, nothing where there is none.
    pub fn value(&self, epoch: &EpochMetrics) -> String {
        (self.value)(epoch)
    }
}

const fn column(name: &'static str, value: fn(&EpochMetrics) -> String) -> Column {
    Column { name, value }
}

const REGRESSION: &[Column] = &[
    column("epoch", |it| it.epoch.to_string()),
    column("train_loss", |it| it.train.loss.to_string()),
    column("train_mae", |it| it.train.mae.to_string()),
    column("test_loss", |it| it.test.loss.to_string()),
    column("test_mae", |it| it.test.mae.to_string()),
    column("train_accuracy", |it| accuracy(&it.train)),
    column("test_accuracy", |it| accuracy(&it.test)),
    column("lr", |it| it.lr.to_string()),
    column("seconds", |it| it.seconds.to_string()),
    column("samples_per_second", |it| it.samples_per_second.to_string()),
    column("valid_loss", |it| of(it.valid, |it| it.loss.to_string())),
    column("valid_mae", |it| of(it.valid, |it| it.mae.to_string())),
    column("valid_accuracy", |it| of(it.valid, accuracy)),
    column("train_eval_loss", |it| {
        of(it.train_eval, |it| it.loss.to_string())
    }),
    column("train_eval_mae", |it| {
        of(it.train_eval, |it| it.mae.to_string())
    }),
    column("train_eval_accuracy", |it| of(it.train_eval, accuracy)),
];

/// Nothing where there is nothing.
fn of(metrics: Option<Metrics>, value: fn(&Metrics) -> String) -> String {
    metrics.as_ref().map_or(String::new(), value)
}

fn accuracy(metrics: &Metrics) -> String {
    metrics.accuracy.map_or(String::new(), |it| it.to_string())
}

/// Where a run stands, for the words of its errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Counted from 1.
    pub epoch: usize,
    /// Counted from 1.
    pub step: u64,
    pub lr: f64,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {} (step {})", self.epoch, self.step)
    }
}

impl Moment {
    pub(super) fn diverged(&self, what: String) -> Error {
        Error::Diverged {
            what,
            step: self.step,
            hint: format!("lower --lr (it is {:?}), or try --activation tanh", self.lr),
        }
    }
}

impl Task {
    /// The columns of `metrics.csv`, in order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Regression => REGRESSION,
        }
    }

    /// Errors where a step's loss or a gradient was NaN or infinite.
    pub(super) fn check_step(self, row: &Row, at: &Moment) -> Result<()> {
        let Self::Regression = self;
        let loss = row.metrics[0] / row.metrics[3];
        if !loss.is_finite() {
            Err(at.diverged(format!("the loss became {loss} in {at}")))
        } else if row.faults > 0 {
            let count = row.faults;
            let gradients = if count == 1 { "gradient" } else { "gradients" };
            let what = format!("{count} {gradients} became NaN or infinite in {at}");
            Err(at.diverged(what))
        } else {
            Ok(())
        }
    }

    /// Errors where a metric of the set named `set` is NaN or infinite: the rows of an epoch's steps
    /// show the weights before an update only, and so never the last one.
    pub(super) fn check_evaluation(self, set: &str, it: &Metrics, at: &Moment) -> Result<()> {
        let Self::Regression = self;
        for (name, value) in [("loss", it.loss), ("MAE", it.mae)] {
            if !value.is_finite() {
                return Err(at.diverged(format!("the {set} {name} became {value} in {at}")));
            }
        }
        Ok(())
    }
}

/// Errors where a parameter is NaN or infinite, naming it: metrics need not show it, since
/// `max(x, 0)` hides a NaN.
pub(super) fn check_parameters(
    table: &ParameterTable,
    tensors: &[Vec<f32>],
    at: &Moment,
) -> Result<()> {
    for (parameter, tensor) in table.iter().zip(tensors) {
        let broken = tensor.iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            let name = &parameter.name;
            let what = format!("{broken} values of {name} became NaN or infinite in {at}");
            return Err(at.diverged(what));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch() -> EpochMetrics {
        let metrics = |loss, accuracy| Metrics {
            loss,
            mae: loss + 0.5,
            accuracy,
        };
        EpochMetrics {
            epoch: 7,
            train: metrics(1.0, Some(0.125)),
            test: metrics(1.0 / 3.0, None),
            valid: Some(metrics(2.0, Some(0.25))),
            train_eval: Some(metrics(2.0, Some(0.25))),
            lr: 1e-4,
            seconds: 2.5,
            samples_per_second: 4000.0,
        }
    }

    #[test]
    fn columns_hold_what_they_are_named_for_in_full() {
        let columns = Task::Regression.columns().iter();
        let line: Vec<(&str, String)> = columns.map(|it| (it.name, it.value(&epoch()))).collect();
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
    fn values_that_are_not_finite_end_a_run() {
        let at = Moment {
            epoch: 2,
            step: 9,
            lr: 0.5,
        };
        let step = |metrics, faults| {
            let row = Row { metrics, faults };
            Task::Regression
                .check_step(&row, &at)
                .map_err(|it| it.to_string())
        };
        assert_eq!(step([8.0, 8.0, 0.0, 4.0], 0), Ok(()));
        assert_eq!(
            step([f32::INFINITY, 8.0, 0.0, 4.0], 0),
            Err("the loss became inf in epoch 2 (step 9)".to_owned())
        );
        assert_eq!(
            step([8.0, 8.0, 0.0, 4.0], 3),
            Err("3 gradients became NaN or infinite in epoch 2 (step 9)".to_owned())
        );
        let good = epoch().test;
        assert!(
            Task::Regression
                .check_evaluation("test", &good, &at)
                .is_ok()
        );
        let bad = Metrics {
            mae: f64::NAN,
            ..good
        };
        let error = Task::Regression
            .check_evaluation("test", &bad, &at)
            .expect_err("is NaN");
        assert!(
            error.to_string().contains("test MAE became NaN in epoch 2"),
            "{error}"
        );
        assert!(
            error.hint().contains("--lr (it is 0.5)"),
            "{}",
            error.hint()
        );
    }
}
