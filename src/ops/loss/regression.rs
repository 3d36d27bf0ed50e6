//! Regression as an [`Objective`]: what its kernel, `regression_loss`, is called for, and what is measured.

use serde::{Deserialize, Serialize};

use super::regression_loss::call;
use super::{Metric, Objective, ROW};
use crate::data::{Constant, TargetStatistics};
use crate::kernel::Call;

/// Regression of one real target: a loss and the mean absolute error, and either the share of predictions
/// that, rounded half to even, equal the target, or R-squared and the error relative to the targets' spread.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Regression {
    /// What is to be low.
    pub loss: RegressionLoss,
    /// What the net learns in place of a target. Metrics and predictions are the target's own.
    pub scale: TargetScale,
    /// Whether R-squared is measured, instead of the accuracy of rounded predictions.
    pub of_measures: bool,
}

/// What the errors of a regression cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RegressionLoss {
    /// The mean of squared errors.
    #[default]
    Mse,
    /// The mean of absolute errors.
    Mae,
    /// Half the square of an error up to `delta`, and `delta` times what an error beyond it is more.
    Huber {
        /// Where the one turns into the other, in what is learned.
        delta: f32,
    },
}

impl RegressionLoss {
    /// To which power of the target's unit it is counted.
    fn power(self) -> i32 {
        match self {
            Self::Mae => 1,
            Self::Mse | Self::Huber { .. } => 2,
        }
    }
}

/// What a net learns in place of a target: (target - mean) / deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TargetScale {
    /// What is learned as 0.
    pub mean: f32,
    /// What is learned as 1 more.
    pub deviation: f32,
}

impl TargetScale {
    /// Targets are learned as they are.
    pub const NONE: Self = Self {
        mean: 0.0,
        deviation: 1.0,
    };

    /// That of targets which are to be learned with mean 0 and deviation 1. Equal ones are only shifted.
    pub fn standard(targets: &TargetStatistics) -> Self {
        let deviation = targets.deviation as f32;
        let usual = deviation.is_normal() && deviation.recip().is_normal();
        Self {
            mean: targets.mean as f32,
            deviation: if usual { deviation } else { 1.0 },
        }
    }

    /// The target that an `output` of the net stands for.
    pub fn target(self, output: f32) -> f32 {
        if self == Self::NONE {
            return output;
        }
        let target = f64::from(output) * f64::from(self.deviation) + f64::from(self.mean);
        target as f32
    }
}

impl Default for TargetScale {
    fn default() -> Self {
        Self::NONE
    }
}

const MSE: Metric = Metric {
    name: "loss",
    head: "loss",
    short: "MSE",
    title: "loss (mean squared error)",
    file: "mse",
    unit: "units of the target, squared",
    is_share: false,
    is_optional: false,
    is_derived: false,
    is_of_test: false,
    baseline: Some(Constant::Mean),
};

const MAE_LOSS: Metric = Metric {
    short: "loss",
    title: "loss (mean absolute error)",
    file: "loss",
    unit: "units of the target",
    baseline: Some(Constant::Median),
    ..MSE
};

const HUBER: Metric = Metric {
    short: "Huber loss",
    title: "loss (Huber)",
    file: "loss",
    baseline: None,
    ..MSE
};

const MAE: Metric = Metric {
    name: "mae",
    head: "MAE",
    short: "MAE",
    title: "mean absolute error",
    file: "mae",
    unit: "units of the target",
    baseline: Some(Constant::Median),
    ..MSE
};

const ACCURACY: Metric = Metric {
    name: "accuracy",
    head: "accuracy",
    short: "rounded accuracy",
    title: "rounded accuracy",
    file: "accuracy",
    unit: "share",
    is_share: true,
    is_optional: true,
    baseline: None,
    ..MSE
};

const R2: Metric = Metric {
    name: "r2",
    head: "R²",
    short: "R²",
    title: "R-squared",
    file: "r2",
    unit: "share of the targets' variance that is explained",
    is_optional: true,
    is_derived: true,
    baseline: None,
    ..MSE
};

const RELATIVE_MAE: Metric = Metric {
    name: "relative_mae",
    head: "MAE/std",
    short: "MAE / standard deviation",
    title: "mean absolute error relative to the targets' spread",
    file: "relative_mae",
    unit: "standard deviations of the targets",
    is_of_test: true,
    ..R2
};

/// What is measured of a regression for `loss`, of whole targets and of measures.
const fn both(loss: Metric) -> ([Metric; 3], [Metric; 4]) {
    ([loss, MAE, ACCURACY], [loss, MAE, R2, RELATIVE_MAE])
}

static OF_MSE: ([Metric; 3], [Metric; 4]) = both(MSE);
static OF_MAE: ([Metric; 3], [Metric; 4]) = both(MAE_LOSS);
static OF_HUBER: ([Metric; 3], [Metric; 4]) = both(HUBER);

impl Objective for Regression {
    fn name(&self) -> &'static str {
        match self.loss {
            RegressionLoss::Mse => "mse",
            RegressionLoss::Mae => "mae",
            RegressionLoss::Huber { .. } => "huber",
        }
    }

    fn outputs(&self) -> usize {
        1
    }

    fn metrics(&self) -> &'static [Metric] {
        let (of_whole, of_measures) = match self.loss {
            RegressionLoss::Mse => &OF_MSE,
            RegressionLoss::Mae => &OF_MAE,
            RegressionLoss::Huber { .. } => &OF_HUBER,
        };
        if self.of_measures {
            of_measures
        } else {
            of_whole
        }
    }

    /// R-squared is that of <https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html>:
    /// negative where the mean of the targets would do better, and nothing where all are equal.
    fn measured(
        &self,
        sums: [f64; ROW - 1],
        samples: f64,
        targets: Option<&TargetStatistics>,
    ) -> Vec<(&'static str, f64)> {
        let unit = f64::from(self.scale.deviation);
        let [loss, absolute, third] = sums.map(|sum| sum / samples);
        let mae = absolute * unit;
        let mut all = vec![
            (MSE.name, loss * unit.powi(self.loss.power())),
            (MAE.name, mae),
        ];
        match targets {
            Some(it) if self.of_measures && it.deviation > 0.0 => {
                let r2 = 1.0 - third * (unit / it.deviation).powi(2);
                all.extend([(R2.name, r2), (RELATIVE_MAE.name, mae / it.deviation)]);
            }
            Some(it) if !self.of_measures && it.whole => all.push((ACCURACY.name, third)),
            _ => {}
        }
        all
    }

    fn target_scale(&self) -> TargetScale {
        self.scale
    }

    fn call(&self, rows: usize, _training: bool) -> Call {
        call(rows, self.loss, self.scale, !self.of_measures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// t = numpy.array([100000., 175000., 250000., 475000.]); p = t + [1e4, -2e4, 0, 5e3]
    /// sklearn.metrics.r2_score(t, p); numpy.abs(p - t).mean() / t.std()
    /// ```
    #[test]
    fn what_is_measured_is_in_the_targets_units() {
        let targets = [100_000.0, 175_000.0, 250_000.0, 475_000.0];
        let found = TargetStatistics::of(&targets);
        let scale = TargetScale::standard(&found);
        let errors = [1e4, -2e4, 0.0, 5e3].map(|it: f64| it / f64::from(scale.deviation));
        let squares: f64 = errors.iter().map(|it| it * it).sum();
        let sizes: f64 = errors.iter().map(|it| it.abs()).sum();
        for (loss, first, wanted) in [
            (RegressionLoss::Mse, squares, 131_250_000.0),
            (RegressionLoss::Mae, sizes, 8_750.0),
        ] {
            let objective = Regression {
                loss,
                scale,
                of_measures: true,
            };
            let all = objective.measured([first, sizes, squares], 4.0, Some(&found));
            let names: Vec<&str> = all.iter().map(|it| it.0).collect();
            assert_eq!(names, ["loss", "mae", "r2", "relative_mae"]);
            let wanted = [
                wanted,
                8_750.0,
                0.993_333_333_333_333_3,
                0.062_360_956_446_232_36,
            ];
            for ((name, value), wanted) in all.into_iter().zip(wanted) {
                assert!((value / wanted - 1.0).abs() < 1e-12, "{name}: {value}");
            }
        }
        assert_eq!(scale.target(0.0), 250_000.0);
        assert!((scale.target(errors[0] as f32) - 260_000.0).abs() < 0.1);
    }

    #[test]
    fn equal_targets_have_a_scale_and_no_r_squared() {
        let found = TargetStatistics::of(&[7.0, 7.0]);
        let scale = TargetScale::standard(&found);
        assert_eq!((scale.mean, scale.deviation), (7.0, 1.0));
        let objective = Regression {
            of_measures: true,
            ..Regression::default()
        };
        assert_eq!(objective.measured([2.0; 3], 2.0, Some(&found)).len(), 2);
    }
}
