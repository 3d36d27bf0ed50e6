//! What a run learns to predict, numbers or classes, and what its data say of that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::run_config::RunConfig;
use crate::data::{Classes, Normalization, TargetStatistics};
use crate::error::{Error, Result};
use crate::nn::{
    CrossEntropy, Objective, Regression, RegressionLoss, TargetScale, balanced_weights,
};
use crate::train::BestBy;

/// What a net learns to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Numbers: the mean squared error of one output
    Regress,
    /// Classes: the cross-entropy of an output per class
    Classify,
}

/// What the errors of a regression cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum LossKind {
    /// The mean squared error
    Mse,
    /// The mean absolute error
    Mae,
    /// Huber's loss: half the square of errors up to --huber-delta, and beyond it their size
    Huber,
}

/// What a regression learns in place of its targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum ScaleRule {
    /// The targets as they are
    None,
    /// Targets minus their mean, divided by their standard deviation; all that is reported, predicted and
    /// exported is in the targets' own units
    Standard,
}

/// Weights of classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// Weights that follow from the training images.
    Rule(WeightRule),
    /// One per class.
    Given(Vec<f32>),
}

/// How weights follow from the training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightRule {
    /// [`balanced_weights`].
    Balanced,
}

impl std::str::FromStr for ClassWeights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "balanced" {
            return Ok(Self::Rule(WeightRule::Balanced));
        }
        let weight = |entry: &str| {
            let weight = entry.trim().parse::<f32>().ok();
            let weight = weight.filter(|it| it.is_finite() && *it >= 0.0);
            weight.ok_or_else(|| {
                format!(
                    "'{}' is not a weight; write balanced, or a list as 0.5,2,1",
                    entry.trim()
                )
            })
        };
        text.split(',')
            .map(weight)
            .collect::<Result<_, _>>()
            .map(Self::Given)
    }
}

/// What the data of a run say of its task: found, and not asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What targets stand for, where they are places in a list of names.
    pub classes: Option<Classes>,
    /// How many training images there are of each class.
    pub counts: Vec<usize>,
    /// Means and deviations of the training images, where they are to be normalised.
    pub normalization: Option<Normalization>,
    /// What the targets of the training images are like.
    pub targets: TargetStatistics,
}

impl RunConfig {
    /// What is learned. Where nobody said: classes, where targets are `named`, else numbers.
    pub fn task_of(&self, named: bool) -> Task {
        self.task
            .unwrap_or(if named { Task::Classify } else { Task::Regress })
    }

    /// The same on data of which `found` is known: its task is said, and what it takes is there.
    ///
    /// Errors where it asks for what is read with another task only, or not of these classes.
    pub fn on(&self, found: &Found) -> Result<Self> {
        let task = self.task_of(found.classes.is_some());
        let rule = if found.targets.are_far_from_zero() {
            ScaleRule::Standard
        } else {
            ScaleRule::None
        };
        let (target_scale, targets) = match task {
            Task::Regress => {
                self.check_regress()?;
                (Some(self.target_scale.unwrap_or(rule)), Some(found.targets))
            }
            Task::Classify => {
                self.check_classify()?;
                (None, None)
            }
        };
        let config = Self {
            task: Some(task),
            target_scale,
            targets,
            classes: found.classes.clone(),
            normalization: found.normalization.clone(),
            class_counts: match task {
                Task::Classify => found.counts.clone(),
                Task::Regress => Vec::new(),
            },
            ..self.clone()
        };
        let last = found.counts.len().saturating_sub(1);
        if task == Task::Classify {
            config.objective().check(0.0..=last as f32, true)?;
        }
        Ok(config)
    }

    /// Errors where no classes are learned so, or what is recorded of them cannot be.
    pub(super) fn check_classes(&self) -> Result<()> {
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let smoothing = self.label_smoothing;
            return Err(Error::usage(
                format!("`label_smoothing` {smoothing:?} is not from 0 to below 1"),
                "try `label_smoothing` 0.1",
            ));
        }
        let counts = &self.class_counts;
        let images = counts
            .iter()
            .try_fold(0_usize, |sum, it| sum.checked_add(*it));
        let names = self.labels().map_or(0, |it| it.names().len());
        let known = counts.is_empty() || counts.len() == names;
        // Positions in an epoch are u32.
        if known && images.is_some_and(|it| u32::try_from(it).is_ok()) {
            return Ok(());
        }
        Err(Error::usage(
            "`class_counts` are not those of the classes",
            "leave them out: they are found in the data",
        ))
    }

    /// Errors where no numbers are learned so, or what is recorded of them cannot be.
    pub(super) fn check_targets(&self) -> Result<()> {
        let delta = self.huber_delta as f32;
        if !(delta.is_normal() && delta > 0.0) {
            let delta = self.huber_delta;
            return Err(Error::usage(
                format!("`huber_delta` {delta:?} is not a positive number"),
                "try `huber_delta` 1",
            ));
        }
        let known = |it: &TargetStatistics| {
            let numbers = [it.mean, it.median, it.deviation, it.least, it.greatest];
            numbers.iter().all(|it| it.abs() < 1e30) && it.deviation >= 0.0
        };
        if self.targets.as_ref().is_none_or(known) {
            return Ok(());
        }
        Err(Error::usage(
            "`targets` are not those of a data set",
            "leave them out: they are found in the data",
        ))
    }

    /// The same as it was recorded: by versions that recorded no rule for targets, they were learned as they are.
    ///
    /// Says so where there is a rule without what it was made of: they are recorded together.
    pub(super) fn with_recorded_scale(self) -> Result<Self, &'static str> {
        match self.target_scale {
            Some(_) if self.targets.is_none() => Err("missing field `targets`"),
            None if self.task != Some(Task::Classify) => Ok(Self {
                target_scale: Some(ScaleRule::None),
                ..self
            }),
            _ => Ok(self),
        }
    }

    fn check_classify(&self) -> Result<()> {
        let asked = [
            ("loss", self.loss != LossKind::Mse),
            (
                "target_scale",
                self.target_scale == Some(ScaleRule::Standard),
            ),
        ];
        match asked.iter().find(|(_, asked)| *asked) {
            None => Ok(()),
            Some((name, _)) => Err(Error::usage(
                format!("`{name}` is not read with `task` classify"),
                format!("omit `{name}`, or give `task` regress"),
            )),
        }
    }

    fn check_regress(&self) -> Result<()> {
        let asked = [
            ("label_smoothing", self.label_smoothing != 0.0),
            ("class_weights", self.class_weights.is_some()),
            ("best_by", self.best_by != BestBy::Loss),
        ];
        match asked.iter().find(|(_, asked)| *asked) {
            None => Ok(()),
            Some((name, _)) => Err(Error::usage(
                format!("`{name}` is not read with `task` regress"),
                format!("omit `{name}`, or give `task` classify"),
            )),
        }
    }

    /// The classes that are told apart, where they are.
    pub fn labels(&self) -> Option<&Classes> {
        let classify = self.task == Some(Task::Classify);
        self.classes.as_ref().filter(|_| classify)
    }

    /// What the net is trained for. Classes are two until the data are known.
    pub fn objective(&self) -> Arc<dyn Objective> {
        if self.task != Some(Task::Classify) {
            return Arc::new(self.regression());
        }
        Arc::new(CrossEntropy {
            classes: self.classes.as_ref().map_or(2, |it| it.names().len()),
            label_smoothing: self.label_smoothing,
            class_weights: self.class_weights.as_ref().map(|weights| match weights {
                ClassWeights::Rule(WeightRule::Balanced) => balanced_weights(&self.class_counts),
                ClassWeights::Given(weights) => weights.clone(),
            }),
        })
    }

    fn regression(&self) -> Regression {
        let targets = self.targets.as_ref();
        let scaled = targets.filter(|_| self.target_scale == Some(ScaleRule::Standard));
        Regression {
            loss: match self.loss {
                LossKind::Mse => RegressionLoss::Mse,
                LossKind::Mae => RegressionLoss::Mae,
                LossKind::Huber => RegressionLoss::Huber {
                    delta: self.huber_delta as f32,
                },
            },
            scale: scaled.map_or(TargetScale::NONE, TargetScale::standard),
            of_measures: targets.is_some_and(|it| !it.are_few_whole()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Found {
        Found {
            classes: Some(Classes::new(
                names.iter().map(|&it| it.to_owned()).collect(),
            )),
            counts: vec![3; names.len()],
            normalization: None,
            targets: TargetStatistics::of(&[0.0, 1.0]),
        }
    }

    #[test]
    fn names_are_classes_unless_somebody_says_otherwise() {
        let pets = found(&["cat", "dog"]);
        let numbers = Found {
            classes: None,
            counts: Vec::new(),
            normalization: None,
            targets: TargetStatistics::of(&[0.0, 9.0]),
        };
        let asked = |task| RunConfig {
            task,
            ..RunConfig::default()
        };
        let task = |task, found| asked(task).on(found).expect("fits").task;
        assert_eq!(task(None, &pets), Some(Task::Classify));
        assert_eq!(task(None, &numbers), Some(Task::Regress));
        assert_eq!(task(Some(Task::Regress), &pets), Some(Task::Regress));
        let config = asked(None).on(&pets).expect("fits");
        assert_eq!(config.objective().outputs(), 2);
        assert_eq!(config.class_counts, [3, 3]);
        let smoothed = RunConfig {
            label_smoothing: 0.1,
            ..asked(None)
        };
        let error = smoothed.on(&numbers).expect_err("is a regression");
        assert!(error.to_string().contains("`label_smoothing`"), "{error}");
        assert!(smoothed.on(&pets).is_ok());
        let scaled = RunConfig {
            target_scale: Some(ScaleRule::Standard),
            ..asked(None)
        };
        let error = scaled.on(&pets).expect_err("is a classification");
        assert!(error.to_string().contains("`target_scale`"), "{error}");
    }

    #[test]
    fn targets_far_from_zero_are_scaled_unless_somebody_says_otherwise() {
        let of = |rule, targets: &[f32]| {
            let asked = RunConfig {
                target_scale: rule,
                ..RunConfig::default()
            };
            let found = Found {
                normalization: None,
                classes: None,
                counts: Vec::new(),
                targets: TargetStatistics::of(targets),
            };
            let config = asked.on(&found).expect("fits");
            (config.target_scale, config.objective().target_scale())
        };
        let standard = TargetScale {
            mean: 200_000.0,
            deviation: 100_000.0,
        };
        let prices = [100_000.0, 300_000.0];
        assert_eq!(of(None, &prices), (Some(ScaleRule::Standard), standard));
        let none = (Some(ScaleRule::None), TargetScale::NONE);
        assert_eq!(of(Some(ScaleRule::None), &prices), none);
        assert_eq!(of(None, &[0.0, 9.0]), none);
    }

    #[test]
    fn weights_are_one_per_class_or_balanced() {
        let weights = |text: &str| text.parse::<ClassWeights>();
        let pets = found(&["cat", "dog"]);
        let with = |text: &str| {
            let config = RunConfig {
                class_weights: Some(weights(text).expect("weights")),
                ..RunConfig::default()
            };
            config.on(&pets)
        };
        assert!(with("0.5, 2").is_ok() && with("balanced").is_ok());
        let error = with("1,2,3").expect_err("one too many");
        assert!(error.to_string().contains("there are 2 classes"), "{error}");
        for wrong in ["", "1,,2", "-1,2", "nan,1", "inf,1", "equal"] {
            assert!(weights(wrong).is_err(), "{wrong}");
        }
    }
}
