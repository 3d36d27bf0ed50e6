//! What a run learns to predict, numbers or classes, and what its data say of that.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::run_config::RunConfig;
use crate::data::{Classes, Normalization};
use crate::error::{Error, Result};
use crate::nn::{CrossEntropy, Mse, Objective, balanced_weights};
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
                    "'{}' is no weight; write balanced, or a list as 0.5,2,1",
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
        if task == Task::Regress {
            self.check_regress()?;
        }
        let config = Self {
            task: Some(task),
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
            return Arc::new(Mse);
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
        }
    }

    #[test]
    fn names_are_classes_unless_somebody_says_otherwise() {
        let pets = found(&["cat", "dog"]);
        let numbers = Found {
            classes: None,
            counts: Vec::new(),
            normalization: None,
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
