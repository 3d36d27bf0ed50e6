//! How good predictions of digits are: over all, per digit, and which digit is taken for which.

use serde::Serialize;

use super::predictor::Predictions;

/// Digits.
const DIGITS: usize = 10;

/// How far predictions are from their targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Number of images.
    pub images: usize,
    /// Mean squared error, as `test_loss` in `metrics.csv`.
    pub mse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Share of predictions that, rounded half to even, equal the target; `None` where a target is
    /// no integer.
    pub accuracy: Option<f64>,
    /// Per digit, 0 to 9.
    pub digits: Vec<DigitError>,
    /// Images whose target is no digit: they count in the metrics alone.
    pub other_targets: usize,
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
    /// How far `predictions` are from `targets`, one per image.
    ///
    /// # Panics
    /// If there are not as many of the one as of the other: a bug of the caller.
    pub fn new(targets: &[f32], predictions: &Predictions) -> Self {
        assert_eq!(targets.len(), predictions.values.len());
        let mut digits = [const { (0.0_f64, Vec::new()) }; DIGITS];
        let mut other_targets = 0;
        for (target, &prediction) in targets.iter().zip(&predictions.values) {
            match digit(*target) {
                None => other_targets += 1,
                Some(digit) => {
                    let (absolute, values): &mut (f64, Vec<f32>) = &mut digits[digit];
                    *absolute += (f64::from(prediction) - f64::from(*target)).abs();
                    values.push(prediction);
                }
            }
        }
        let digits = digits.into_iter().enumerate();
        let digits = digits.map(|(digit, (absolute, values))| {
            let mut confusion = Confusion::default();
            for value in &values {
                confusion.add(*value);
            }
            DigitError {
                digit,
                images: values.len(),
                mae: (!values.is_empty()).then(|| absolute / values.len() as f64),
                confusion,
            }
        });
        Self {
            images: targets.len(),
            mse: predictions.metrics.loss(),
            mae: predictions.metrics["mae"],
            accuracy: predictions.metrics.get("accuracy"),
            digits: digits.collect(),
            other_targets,
        }
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
    use crate::train::Metrics;

    #[test]
    fn digits_and_confusions_are_counted_and_the_rest_apart() {
        let targets = [3.0, 3.0, 3.0, 3.0, 0.0, 9.0, 9.0, 10.0, 2.5, -1.0];
        let values = vec![
            2.5, // to 2: halves go to the even number
            3.5, // to 4
            3.4, // to 3
            f32::NAN,
            -0.4, // to -0, which is 0
            9.6,  // above
            f32::INFINITY,
            1.0,
            1.0,
            1.0,
        ];
        let metrics: Metrics = [("loss", 1.0), ("mae", 2.0)].into_iter().collect();
        let predictions = Predictions {
            values,
            metrics: metrics.clone(),
        };
        let found = Evaluation::new(&targets, &predictions);
        assert_eq!((found.images, found.other_targets), (10, 3));
        let [zero, three, nine] = [0, 3, 9].map(|digit| &found.digits[digit]);
        assert_eq!(zero.confusion.rounded_to[0], 1);
        assert_eq!(zero.mae, Some(f64::from(0.4_f32)));
        assert_eq!(three.confusion.rounded_to[2..5], [1, 1, 1]);
        assert_eq!(three.confusion.not_a_number, 1);
        assert_eq!((nine.images, nine.confusion.above), (2, 2));
        assert_eq!(found.digits[1].mae, None);
        let below = Evaluation::new(
            &[1.0],
            &Predictions {
                values: vec![-0.6],
                metrics,
            },
        );
        assert_eq!(below.digits[1].confusion.below, 1);
        assert_eq!(below.digits[1].mae, Some(1.0 + f64::from(0.6_f32)));
    }
}
