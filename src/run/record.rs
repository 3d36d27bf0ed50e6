//! What a run records of its data.

use serde::{Deserialize, Serialize};

use super::run_config::RunConfig;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// More than any image that fits a GPU has along one axis, and far from overflowing.
const MAX_SIDE: usize = 1 << 16;
/// Letters of a fingerprint.
const FINGERPRINT: usize = 16;

/// A data set, as far as it takes to know it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRecord {
    /// [`Dataset::fingerprint`] in hexadecimal.
    pub fingerprint: String,
    /// Number of images.
    pub images: usize,
    /// Channels, rows and columns of one.
    pub shape: [usize; 3],
}

/// A training and a test set, as far as it takes to know them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// What is trained on.
    pub train: SetRecord,
    /// What is only evaluated on.
    pub test: SetRecord,
    /// What the best weights are chosen by, where the data have such a set of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<SetRecord>,
}

impl SetRecord {
    /// Shape of an image.
    pub(super) fn image(&self) -> ImageShape {
        let [channels, height, width] = self.shape;
        ImageShape::new(channels, height, width)
    }

    /// Whether there can be such a set; says what is wrong.
    fn check_sane(&self) -> Result<(), String> {
        let print = &self.fingerprint;
        if print.len() != FINGERPRINT || !print.chars().all(|it| it.is_ascii_hexdigit()) {
            return Err("records data without a fingerprint".to_owned());
        }
        let [channels, height, width] = self.shape;
        // Positions in an epoch are u32.
        if self.images == 0 || u32::try_from(self.images).is_err() {
            return Err(format!("records a data set of {} images", self.images));
        }
        if !self.shape.iter().all(|it| (1..=MAX_SIDE).contains(it)) {
            return Err(format!("is for images of {channels}x{height}x{width}"));
        }
        Ok(())
    }
}

impl DataRecord {
    /// Whether there can be such data; says what is wrong.
    pub(crate) fn check_sane(&self) -> Result<(), String> {
        self.train.check_sane()?;
        let others = || std::iter::once(&self.test).chain(&self.valid);
        others().try_for_each(SetRecord::check_sane)?;
        if others().all(|it| it.shape == self.train.shape) {
            Ok(())
        } else {
            Err("records sets of different images".to_owned())
        }
    }

    /// Errors where these data cannot be validated on as `config` says.
    pub(crate) fn check_validation(&self, config: &RunConfig) -> Result<()> {
        if self.valid.is_some() && config.valid_fraction > 0.0 {
            return Err(Error::usage(
                "the data have a validation set, and `valid_fraction` would hold out another",
                "omit `valid_fraction`, or rename the folder of the validation set",
            ));
        }
        if self.valid.is_none() && config.valid_fraction == 0.0 && config.patience.is_some() {
            return Err(Error::usage(
                "`patience` waits for a lower validation loss, and there is no validation set",
                "hold one out with `valid_fraction` 0.1",
            ));
        }
        Ok(())
    }

    /// What there is to know of `split`.
    pub fn of(split: &Split) -> Self {
        let record = |set: &Dataset| SetRecord {
            fingerprint: format!("{:016x}", set.fingerprint()),
            images: set.len(),
            shape: [set.shape().channels, set.shape().height, set.shape().width],
        };
        Self {
            train: record(&split.train),
            test: record(&split.test),
            valid: split.valid.as_ref().map(record),
        }
    }

    /// Errors where `now` is not the same data, saying which set differs and how.
    pub fn check(&self, now: &Self) -> Result<()> {
        let sets = [
            ("training", Some(&self.train), Some(&now.train)),
            ("test", Some(&self.test), Some(&now.test)),
            ("validation", self.valid.as_ref(), now.valid.as_ref()),
        ];
        let said = |set: Option<&SetRecord>| set.map_or("none".to_owned(), ToString::to_string);
        for (name, then, now) in sets {
            if then != now {
                let (then, now) = (said(then), said(now));
                return Err(Error::usage(
                    format!("the {name} set is not the run's: it was {then}, and is {now}"),
                    "give the run's own data, or begin a new run; `init` takes its weights along",
                ));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for SetRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            fingerprint,
            images,
            shape: [channels, height, width],
        } = self;
        let shape = ImageShape::new(*channels, *height, *width);
        write!(f, "{images} images of {shape} (fingerprint {fingerprint})")
    }
}
