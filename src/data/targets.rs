//! What the targets of a data set are like.

use serde::{Deserialize, Serialize};

/// Targets that are learned as they are lie between these.
const USUAL: std::ops::RangeInclusive<f64> = -10.0..=20.0;
/// Whole targets that span more have no accuracy worth a column.
const FEW: f64 = 30.0;

/// What the targets of a data set are like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TargetStatistics {
    /// The mean, which has the lowest mean squared error of all constants.
    pub mean: f64,
    /// The median, which has the lowest mean absolute error of all constants.
    pub median: f64,
    /// The standard deviation of the population, as `numpy.std`.
    pub deviation: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// Whether all are whole numbers.
    pub whole: bool,
}

/// A prediction that is the same whatever the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// The mean of the training targets, best by the mean squared error.
    Mean,
    /// Their median, best by the mean absolute error.
    Median,
}

impl Constant {
    /// What is always predicted: `always the mean`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Mean => "always the mean",
            Self::Median => "always the median",
        }
    }
}

/// Errors of predictions that look at no image: what a net has to beat.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Baseline {
    /// Mean squared error of always predicting the mean of the training targets.
    pub mse: f64,
    /// Mean absolute error of always predicting their median.
    pub mae: f64,
}

impl Baseline {
    /// The error of `constant`, by the measure that it is best by.
    pub fn of(&self, constant: Constant) -> f64 {
        match constant {
            Constant::Mean => self.mse,
            Constant::Median => self.mae,
        }
    }
}

impl TargetStatistics {
    /// What these, of a training set, are worth as predictions of other `targets`, at least one.
    pub fn baseline(&self, targets: &[f32]) -> Baseline {
        let mean = |error: &dyn Fn(f64) -> f64| {
            let errors = targets.iter().map(|&it| error(f64::from(it)));
            errors.sum::<f64>() / targets.len() as f64
        };
        Baseline {
            mse: mean(&|it| (it - self.mean).powi(2)),
            mae: mean(&|it| (it - self.median).abs()),
        }
    }

    /// Of at least one of `targets`.
    pub fn of(targets: &[f32]) -> Self {
        let mut sorted: Vec<f64> = targets.iter().copied().map(f64::from).collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let middle = [(sorted.len() - 1) / 2, sorted.len() / 2].map(|at| sorted[at]);
        let mean = sorted.iter().sum::<f64>() / count;
        let squares: f64 = sorted.iter().map(|it| (it - mean).powi(2)).sum();
        let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
        Self {
            mean,
            median: f64::midpoint(middle[0], middle[1]),
            deviation: if least == greatest {
                0.0
            } else {
                (squares / count).sqrt()
            },
            least,
            greatest,
            whole: sorted.iter().all(|it| it.fract() == 0.0),
        }
    }

    /// Whether they are whole numbers of a small range, such as digits: rounded predictions can be right.
    pub fn are_few_whole(&self) -> bool {
        self.whole && self.greatest - self.least <= FEW
    }

    /// Whether a net's first outputs, which are around 0, are far from some.
    pub fn are_far_from_zero(&self) -> bool {
        !(USUAL.contains(&self.least) && USUAL.contains(&self.greatest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// t = numpy.array([100000., 475000., 175000., 250000.]); t.mean(), numpy.median(t), t.std()
    /// ```
    #[test]
    fn statistics_are_numpys() {
        let prices = TargetStatistics::of(&[100_000.0, 475_000.0, 175_000.0, 250_000.0]);
        assert_eq!((prices.mean, prices.median), (250_000.0, 212_500.0));
        assert!((prices.deviation - 140_312.152_004_022_8).abs() < 1e-9);
        assert_eq!((prices.least, prices.greatest), (100_000.0, 475_000.0));
        assert!(prices.are_far_from_zero() && prices.whole && !prices.are_few_whole());
        let baseline = prices.baseline(&[200_000.0, 350_000.0]);
        assert_eq!((baseline.mse, baseline.mae), (6.25e9, 75_000.0));
    }

    #[test]
    fn digits_are_told_from_measures() {
        let are = |targets: &[f32]| {
            let found = TargetStatistics::of(targets);
            (found.are_few_whole(), found.are_far_from_zero())
        };
        assert_eq!(are(&[0.0, 9.0]), (true, false));
        assert_eq!(are(&[0.0, 0.01]), (false, false));
        assert_eq!(are(&[1950.0, 2020.0]), (false, true));
        assert_eq!(are(&[1e12]), (true, true));
        assert_eq!(TargetStatistics::of(&[0.1, 0.1, 0.1]).deviation, 0.0);
    }
}
