//! Classification as an [`Objective`]: what its kernel, `cross_entropy_loss`, is called for, and what is measured.

use std::ops::RangeInclusive;

use super::cross_entropy_loss::call;
use super::{Metric, Objective};
use crate::error::{Error, Result};
use crate::kernel::Call;

/// Classification: softmax cross-entropy of one logit per class, and the share of samples whose class has the
/// largest one. What is learned from can be smoothed and weighted; what is evaluated is the plain
/// cross-entropy.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy {
    /// Classes, at least two: targets are whole numbers below.
    pub classes: usize,
    /// Share of every target that is spread evenly over all classes, from 0 to below 1.
    pub label_smoothing: f64,
    /// A weight per class: the loss of a batch is a mean weighted by its targets' weights.
    pub class_weights: Option<Vec<f32>>,
}

impl CrossEntropy {
    /// Of so many classes, neither smoothed nor weighted.
    pub fn of(classes: usize) -> Self {
        Self {
            classes,
            label_smoothing: 0.0,
            class_weights: None,
        }
    }
}

/// The weight of each class by which all of them count as much in a mean: samples / (classes * samples of
/// the class), of those that there are samples of; 1 for the others, which are no sample's.
/// As <https://scikit-learn.org/stable/modules/generated/sklearn.utils.class_weight.compute_class_weight.html>.
pub fn balanced_weights(samples: &[usize]) -> Vec<f32> {
    let classes = samples.iter().filter(|it| **it > 0).count();
    let all: usize = samples.iter().sum();
    let weight = |&of_class: &usize| match of_class {
        0 => 1.0,
        _ => (all as f64 / (classes * of_class) as f64) as f32,
    };
    samples.iter().map(weight).collect()
}

/// A target is near where it is among so many largest logits.
pub(super) const TOP: usize = 5;

const METRICS: [Metric; 3] = [
    Metric {
        name: "loss",
        head: "loss",
        short: "cross-entropy",
        title: "loss (cross-entropy)",
        file: "loss",
        unit: "nats",
        is_share: false,
        is_optional: false,
        is_derived: false,
        is_of_test: false,
        baseline: None,
    },
    Metric {
        name: "accuracy",
        head: "accuracy",
        short: "accuracy",
        title: "accuracy",
        file: "accuracy",
        unit: "share",
        is_share: true,
        is_optional: false,
        is_derived: false,
        is_of_test: false,
        baseline: None,
    },
    Metric {
        name: "top5",
        head: "top 5",
        short: "top-5 accuracy",
        title: "top-5 accuracy",
        file: "top5",
        unit: "share",
        is_share: true,
        is_optional: false,
        is_derived: false,
        is_of_test: true,
        baseline: None,
    },
];

impl Objective for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn outputs(&self) -> usize {
        self.classes
    }

    /// Among five classes, all are among the first five.
    fn metrics(&self) -> &'static [Metric] {
        if self.classes > TOP {
            &METRICS
        } else {
            &METRICS[..2]
        }
    }

    fn constants(&self) -> Vec<f32> {
        let ones = || vec![1.0; self.classes];
        self.class_weights.clone().unwrap_or_else(ones)
    }

    fn call(&self, rows: usize, training: bool) -> Call {
        if !training {
            return call(rows, self.classes, 0.0, None);
        }
        let weights = self.class_weights.as_ref();
        let weight_sum = weights.map(|it| it.iter().sum());
        call(rows, self.classes, self.label_smoothing as f32, weight_sum)
    }

    fn check(&self, targets: RangeInclusive<f32>, are_whole: bool) -> Result<()> {
        if self.classes < 2 {
            return Err(Error::usage(
                "one class leaves nothing to tell apart",
                "give pictures of at least two classes, or predict numbers with `task` regress",
            ));
        }
        let weights = self.class_weights.as_ref();
        if let Some(weights) = weights.filter(|it| it.len() != self.classes) {
            let (weights, classes) = (weights.len(), self.classes);
            return Err(Error::usage(
                format!("`class_weights` are {weights}, and there are {classes} classes"),
                "give one weight per class, in the order of the classes, or `class_weights` balanced",
            ));
        }
        let (start, end, classes) = (targets.start(), targets.end(), self.classes);
        if are_whole && *start >= 0.0 && *end < classes as f32 {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "targets from {start} to {end} are not classes: those are whole numbers from 0 to below {classes}"
            ),
            "predict numbers with `task` regress",
        ))
    }
}
