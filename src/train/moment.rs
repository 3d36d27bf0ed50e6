//! What ends a run: something that is no longer finite, and when it became so.

use std::fmt;

use super::metrics::Metrics;
use crate::error::{Error, Result};
use crate::exec::Row;
use crate::graph::ParameterTable;
use crate::ops::loss::Objective;

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
            hint: format!("lower `lr` (it is {:?}), or try `activation` tanh", self.lr),
        }
    }

    /// Errors where a step's loss or a gradient was NaN or infinite.
    pub(super) fn check_step(&self, row: &Row) -> Result<()> {
        let [loss, .., samples] = row.metrics;
        let loss = loss / samples;
        if !loss.is_finite() {
            return Err(self.diverged(format!("the loss became {loss} in {self}")));
        }
        match row.faults {
            0 => Ok(()),
            count => {
                let gradients = if count == 1 { "gradient" } else { "gradients" };
                let what = format!("{count} {gradients} became NaN or infinite in {self}");
                Err(self.diverged(what))
            }
        }
    }

    /// Errors where a metric of the set named `set` is NaN or infinite: the rows of an epoch's steps
    /// show the weights before an update only, and so never the last one.
    pub(super) fn check_evaluation(
        &self,
        objective: &dyn Objective,
        set: &str,
        metrics: &Metrics,
    ) -> Result<()> {
        for metric in objective.metrics() {
            let value = metrics.get(metric.name).unwrap_or_default();
            if !value.is_finite() {
                let name = metric.head;
                return Err(self.diverged(format!("the {set} {name} became {value} in {self}")));
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
    use crate::ops::loss::Regression;

    #[test]
    fn values_that_are_not_finite_end_a_run() {
        let at = Moment {
            epoch: 2,
            step: 9,
            lr: 0.5,
        };
        let step = |metrics, faults| {
            let checked = at.check_step(&Row { metrics, faults });
            checked.map_err(|it| it.to_string())
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
        let check = |mae| {
            let metrics = [("loss", 1.0), ("mae", mae)].into_iter().collect();
            at.check_evaluation(&Regression::default(), "test", &metrics)
        };
        assert!(check(1.0).is_ok());
        let error = check(f64::NAN).expect_err("is NaN");
        let text = error.to_string();
        assert!(text.contains("test MAE became NaN in epoch 2"), "{text}");
        assert!(
            error.hint().contains("`lr` (it is 0.5)"),
            "{}",
            error.hint()
        );
    }
}
