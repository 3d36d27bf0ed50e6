//! How good predictions of numbers are: over all; of digits per digit, and which is taken for which; of any
//! other numbers from the least to the greatest.

use serde::Serialize;

use super::predictor::Predictions;
use crate::data::Baseline;
use crate::ops::loss::Objective;

/// Digits.
const DIGITS: usize = 10;
/// Parts of equal size in which targets that are no digits are looked at, from the least to the greatest.
const PARTS: usize = 5;

/// How far predictions are from their targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// Mean squared error; of a net that was trained for it, as `test_loss` in `metrics.csv`.
    pub mse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Share of predictions that, rounded half to even, equal the target; `None` where targets are no
    /// whole numbers of a small range.
    pub accuracy: Option<f64>,
    /// R-squared, of targets that have no accuracy.
    pub r2: Option<f64>,
    /// The mean absolute error in standard deviations of the targets, of such.
    pub relative_mae: Option<f64>,
    /// What predictions without an image come to, where the targets that were trained on are known.
    pub baseline: Option<Baseline>,
    /// Per digit, 0 to 9; empty where a target is none.
    pub digits: Vec<DigitError>,
    /// From the least targets to the greatest; empty where all are digits.
    pub quantiles: Vec<QuantileError>,
}

/// The errors of the images whose targets are of one part of all, by their size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuantileError {
    /// The least target of the part.
    pub from: f32,
    /// The greatest.
    pub to: f32,
    /// Number of images.
    pub images: usize,
    /// Mean absolute error.
    pub mae: f64,
    /// Mean of prediction minus target.
    pub bias: f64,
}

/// The errors of the images that show one digit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DigitError {
    /// The digit.
    pub digit: usize,
    /// Number of images.
    pub images: usize,
    /// Mean absolute error; `None` without an image.
    pub mae: Option<f64>,
    /// What they were taken for.
    #[serde(flatten)]
    pub confusion: Confusion,
}

/// How often a digit was taken for which: predictions rounded half to even.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Predictions that round to 0, 1, … 9.
    pub rounded_to: [usize; DIGITS],
    /// Predictions that round to less than 0.
    pub below: usize,
    /// Predictions that round to more than 9.
    pub above: usize,
    /// Predictions that are no number.
    pub not_a_number: usize,
}

impl Confusion {
    fn add(&mut self, prediction: f32) {
        let rounded = prediction.round_ties_even();
        if rounded.is_nan() {
            self.not_a_number += 1;
        } else if rounded < 0.0 {
            self.below += 1;
        } else if let Some(count) = self.rounded_to.get_mut(rounded as usize) {
            *count += 1;
        } else {
            self.above += 1;
        }
    }
}

impl Evaluation {
    /// How far `predictions` of a net for `objective` are from `targets`, one per image.
    ///
    /// # Panics
    /// If there are not as many of the one as of the other: a bug of the caller.
    pub fn new(
        targets: &[f32],
        predictions: &Predictions,
        objective: &dyn Objective,
        baseline: Option<Baseline>,
    ) -> Self {
        let values = &predictions.values;
        assert_eq!(targets.len(), values.len());
        let metrics = &predictions.metrics;
        let mse = if objective.name() == "mse" {
            metrics.loss()
        } else {
            let squares = errors(targets, values).map(|it| it * it);
            squares.sum::<f64>() / targets.len() as f64
        };
        let of_digits = targets.iter().all(|it| digit(*it).is_some());
        Self {
            images: targets.len(),
            mse,
            mae: metrics["mae"],
            accuracy: metrics.get("accuracy"),
            r2: metrics.get("r2"),
            relative_mae: metrics.get("relative_mae"),
            baseline,
            digits: if of_digits {
                DigitError::all(targets, values)
            } else {
                Vec::new()
            },
            quantiles: if of_digits {
                Vec::new()
            } else {
                QuantileError::all(targets, values)
            },
        }
    }
}

/// Prediction minus target.
fn errors<'a>(targets: &'a [f32], values: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
    let pairs = targets.iter().zip(values);
    pairs.map(|(target, value)| f64::from(*value) - f64::from(*target))
}

impl QuantileError {
    /// Of parts of as equal size as can be. Equal targets may come to lie in two of them.
    fn all(targets: &[f32], values: &[f32]) -> Vec<Self> {
        let mut order: Vec<usize> = (0..targets.len()).collect();
        order.sort_by(|&one, &other| targets[one].total_cmp(&targets[other]));
        let bounds = (0..=PARTS).map(|part| part * order.len() / PARTS);
        let bounds: Vec<usize> = bounds.collect();
        let parts = bounds.windows(2).map(|it| &order[it[0]..it[1]]);
        let part = |part: &[usize]| {
            let of = |all: &[f32]| part.iter().map(|&it| all[it]).collect::<Vec<f32>>();
            let (targets, values) = (of(targets), of(values));
            let images = targets.len();
            let mean =
                |of: fn(f64) -> f64| errors(&targets, &values).map(of).sum::<f64>() / images as f64;
            Self {
                from: targets[0],
                to: targets[images - 1],
                images,
                mae: mean(f64::abs),
                bias: mean(|it| it),
            }
        };
        parts.filter(|it| !it.is_empty()).map(part).collect()
    }
}

impl DigitError {
    fn all(targets: &[f32], values: &[f32]) -> Vec<Self> {
        let mut digits = [const { (0.0_f64, Vec::new()) }; DIGITS];
        for (target, (&value, error)) in targets
            .iter()
            .zip(values.iter().zip(errors(targets, values)))
        {
            if let Some(digit) = digit(*target) {
                let (absolute, values): &mut (f64, Vec<f32>) = &mut digits[digit];
                *absolute += error.abs();
                values.push(value);
            }
        }
        let digits = digits.into_iter().enumerate();
        let digits = digits.map(|(digit, (absolute, values))| {
            let mut confusion = Confusion::default();
            for value in &values {
                confusion.add(*value);
            }
            Self {
                digit,
                images: values.len(),
                mae: (!values.is_empty()).then(|| absolute / values.len() as f64),
                confusion,
            }
        });
        digits.collect()
    }
}

/// The digit that `target` is, if it is one.
fn digit(target: f32) -> Option<usize> {
    let is_digit = target.fract() == 0.0 && (0.0..DIGITS as f32).contains(&target);
    is_digit.then_some(target as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::loss::{Regression, RegressionLoss};
    use crate::train::Metrics;

    fn evaluation(targets: &[f32], values: &[f32], loss: RegressionLoss) -> Evaluation {
        let metrics: Metrics = [("loss", 1.0), ("mae", 2.0)].into_iter().collect();
        let predictions = Predictions {
            values: values.to_vec(),
            metrics,
        };
        let objective = Regression {
            loss,
            ..Regression::default()
        };
        Evaluation::new(targets, &predictions, &objective, None)
    }

    #[test]
    fn digits_and_confusions_are_counted() {
        let targets = [3.0, 3.0, 3.0, 3.0, 0.0, 9.0, 9.0];
        let values = [
            2.5, // to 2: halves go to the even number
            3.5, // to 4
            3.4, // to 3
            f32::NAN,
            -0.4, // to -0, which is 0
            9.6,  // above
            f32::INFINITY,
        ];
        let found = evaluation(&targets, &values, RegressionLoss::Mse);
        assert_eq!((found.images, found.mse), (7, 1.0));
        assert!(found.quantiles.is_empty());
        let [zero, three, nine] = [0, 3, 9].map(|digit| &found.digits[digit]);
        assert_eq!(zero.confusion.rounded_to[0], 1);
        assert_eq!(zero.mae, Some(f64::from(0.4_f32)));
        assert_eq!(three.confusion.rounded_to[2..5], [1, 1, 1]);
        assert_eq!(three.confusion.not_a_number, 1);
        assert_eq!((nine.images, nine.confusion.above), (2, 2));
        assert_eq!(found.digits[1].mae, None);
        let below = evaluation(&[1.0], &[-0.6], RegressionLoss::Mse);
        assert_eq!(below.digits[1].confusion.below, 1);
        assert_eq!(below.digits[1].mae, Some(1.0 + f64::from(0.6_f32)));
    }

    #[test]
    fn other_numbers_are_looked_at_by_their_size() {
        let targets = [500.0, 100.0, 300.0, 200.0, 400.0, 600.0, 700.0];
        let values = targets.map(|it| if it < 250.0 { it + 10.0 } else { it - 20.0 });
        let found = evaluation(&targets, &values, RegressionLoss::Mae);
        assert!(found.digits.is_empty());
        let parts = found.quantiles.iter();
        let parts: Vec<_> = parts
            .map(|it| (it.from, it.to, it.images, it.mae, it.bias))
            .collect();
        assert_eq!(
            parts,
            [
                (100.0, 100.0, 1, 10.0, 10.0),
                (200.0, 200.0, 1, 10.0, 10.0),
                (300.0, 400.0, 2, 20.0, -20.0),
                (500.0, 500.0, 1, 20.0, -20.0),
                (600.0, 700.0, 2, 20.0, -20.0),
            ]
        );
        // It was not trained for the squares.
        assert_eq!(found.mse, (2.0 * 100.0 + 5.0 * 400.0) / 7.0);
        let single = evaluation(&[0.5], &[0.25], RegressionLoss::Mse);
        assert_eq!(single.quantiles.len(), 1);
    }
}
