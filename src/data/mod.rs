//! Floor 1: data sets on the host. One file per format, each giving a [`Dataset`]; never the GPU.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::shape::ImageShape;

mod augmentation;
#[cfg(feature = "formats")]
mod cifar;
#[cfg(feature = "formats")]
pub mod cifar10;
#[cfg(feature = "formats")]
pub mod cifar100;
mod classes;
#[cfg(feature = "formats")]
mod emnist;
mod fingerprint;
mod hold_out;
pub mod house_digits;
#[cfg(feature = "formats")]
mod idx;
#[cfg(feature = "formats")]
pub mod image_folder;
#[cfg(feature = "formats")]
mod limits;
mod loading;
#[cfg(feature = "formats")]
mod matlab;
#[cfg(feature = "formats")]
pub mod mnist;
mod normalization;
#[cfg(feature = "formats")]
pub mod npz;
#[cfg(feature = "formats")]
mod numbers;
pub mod preprocessing;
pub mod source;
#[cfg(feature = "formats")]
mod stream;
#[cfg(feature = "formats")]
pub mod svhn;
mod targets;

pub use augmentation::Augmentation;
pub use classes::Classes;
pub(crate) use hold_out::held_out;
pub use hold_out::hold_out;
pub use loading::Loading;
pub use normalization::Normalization;
pub use preprocessing::{Fit, ImageMode, ImageSize, Preprocessing};
pub use source::DataSource;
pub use targets::{Baseline, Constant, TargetStatistics};

/// A batch of squared errors of this size is still a 32-bit float.
const LARGEST_TARGET: f32 = 1e16;

/// Images and their targets, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    images: Vec<u8>,
    targets: Vec<f32>,
    shape: ImageShape,
    classes: Option<Classes>,
    notes: Vec<String>,
}

impl Dataset {
    /// A data set of `targets.len()` images, NCHW: image `n` is
    /// `images[n * shape.elements()..][..shape.elements()]`, plane after plane.
    pub fn new(images: Vec<u8>, targets: Vec<f32>, shape: ImageShape) -> Result<Self> {
        let needed = targets.len().checked_mul(shape.elements());
        if targets.is_empty() || needed == Some(0) || needed != Some(images.len()) {
            return Err(Error::usage(
                format!(
                    "{} bytes of images are not {} images of {shape}",
                    images.len(),
                    targets.len()
                ),
                "a data set needs at least one image, and one target per image",
            ));
        }
        if let Some(index) = targets.iter().position(|it| it.abs() > LARGEST_TARGET) {
            let target = targets[index];
            return Err(Error::usage(
                format!(
                    "the target of image {index} (counted from 0) is {target:e}, and the squares of \
                     such errors overflow"
                ),
                "divide all targets by a number that brings them to about 1",
            ));
        }
        Ok(Self {
            images,
            targets,
            shape,
            classes: None,
            notes: Vec::new(),
        })
    }

    /// The same, whose targets stand for `classes`.
    #[must_use]
    pub fn with_classes(self, classes: Classes) -> Self {
        Self {
            classes: Some(classes),
            ..self
        }
    }

    /// The same, with a sentence on how it was read that its user should know.
    #[must_use]
    pub fn with_note(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// False: [`Dataset::new`] refuses an empty data set.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// Shape of one image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All images, NCHW.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// One target per image.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// How many of its images have the targets 0, 1 and so on, up to below `classes`.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for target in &self.targets {
            if let Some(count) = counts.get_mut(*target as usize).filter(|_| *target >= 0.0) {
                *count += 1;
            }
        }
        counts
    }

    /// What the targets stand for, where they are places in a list of names.
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// The same, with the targets that its classes have in `classes`, by their names; as it is where it
    /// has none.
    ///
    /// Errors where `classes` lack one of them.
    pub fn matched_to(self, classes: &Classes) -> Result<Self> {
        let Some(own) = &self.classes else {
            return Ok(self);
        };
        let found = own.targets_in(classes).map_err(|name| {
            Error::usage(
                format!("the class {name} is none of those that the net was trained on: {classes}"),
                "evaluate on folders whose names are among them",
            )
        })?;
        let new = |target: &f32| found.get(*target as usize).copied().unwrap_or(*target);
        Ok(Self {
            targets: self.targets.iter().map(new).collect(),
            classes: Some(classes.clone()),
            ..self
        })
    }

    /// The same, whose targets are the places in `classes`, of which [`Classes::of_numbers`] gave the names, of
    /// what they were.
    ///
    /// Errors where one is not among them.
    fn numbered(self, classes: &Classes) -> Result<Self> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        places.extend(classes.names().iter().map(String::as_str).zip(0..));
        let place = |target: &f32| {
            let place = places.get(target.to_string().as_str());
            place.map(|it| *it as f32).ok_or_else(|| {
                Error::usage(
                    format!("the target {target} is none of the classes that the net was trained on: {classes}"),
                    "evaluate on images whose targets are among them",
                )
            })
        };
        Ok(Self {
            targets: self.targets.iter().map(place).collect::<Result<_>>()?,
            classes: Some(classes.clone()),
            ..self
        })
    }

    /// The same with targets that are places in `classes`, by their names; numbers are names too.
    ///
    /// Errors where one is not among them.
    pub fn classified(self, classes: &Classes) -> Result<Self> {
        if self.classes.is_some() {
            self.matched_to(classes)
        } else {
            self.numbered(classes)
        }
    }

    /// What its user should know of how it was read: a sentence each, without capital letter and full
    /// stop. They may quote names of files.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A 64-bit hash of shape, images and targets: the same on every machine, and another one for
    /// other data. It is not meant to stand against forgery.
    pub fn fingerprint(&self) -> u64 {
        fingerprint::fingerprint(self)
    }
}

/// Which of the two sets of a [`Split`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// What is trained on.
    Train,
    /// What is only evaluated on.
    Test,
}

/// A training and a test set, and perhaps one for validation, whose images have one shape, and whose targets
/// mean the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// What is trained on.
    pub train: Dataset,
    /// What is only evaluated on.
    pub test: Dataset,
    /// What the best weights are chosen by, where the data have such a set of their own.
    pub valid: Option<Dataset>,
}

impl Split {
    /// A training and a test set.
    pub fn new(train: Dataset, test: Dataset) -> Self {
        Self {
            train,
            test,
            valid: None,
        }
    }

    /// What the targets of both sets stand for, where they are places in a list of names.
    pub fn classes(&self) -> Option<&Classes> {
        self.train.classes().or(self.test.classes())
    }

    /// The same with targets that are places in a list of names; where they have none, numbers are names.
    ///
    /// Errors where they are too many.
    pub fn classified(self) -> Result<Self> {
        if self.classes().is_some() {
            return Ok(self);
        }
        let mut targets = [self.train.targets(), self.test.targets()].concat();
        targets.extend(self.valid.iter().flat_map(Dataset::targets));
        let classes = Classes::of_numbers(&targets)?;
        Ok(Self {
            train: self.train.numbered(&classes)?,
            test: self.test.numbered(&classes)?,
            valid: self.valid.map(|it| it.numbered(&classes)).transpose()?,
        })
    }

    /// What its user should know of how it was read, every sentence once.
    pub fn notes(&self) -> Vec<&str> {
        let valid = self.valid.iter().flat_map(Dataset::notes);
        let all = self.train.notes().iter().chain(self.test.notes());
        let all = all.chain(valid);
        let mut notes: Vec<&str> = Vec::new();
        for note in all {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
        notes
    }
}
