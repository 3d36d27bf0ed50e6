//! Means and deviations of the channels of training images.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Dataset;
use crate::error::{Error, Result};

/// The most channels whose images are normalised.
const MOST_CHANNELS: usize = 4;
const MEANS: &str = "means";
const DEVIATIONS: &str = "deviations";

/// What is subtracted from every channel of an image, whose values are bytes / 255, and what the difference is divided
/// by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Normalization {
    /// These `means` and `deviations`, one per channel.
    pub fn new(means: Vec<f64>, deviations: Vec<f64>) -> Self {
        Self { means, deviations }
    }

    /// Those of all pixels of `set`. A channel that is the same everywhere is divided by 1.
    ///
    /// Errors where the images have more than four channels.
    pub fn of(set: &Dataset) -> Result<Self> {
        let shape = set.shape();
        if shape.channels > MOST_CHANNELS {
            return Err(Error::usage(
                format!(
                    "`normalize` is for images of up to {MOST_CHANNELS} channels, and these are {shape}"
                ),
                "omit `normalize`",
            ));
        }
        let mut sums = vec![[0_u64; 2]; shape.channels];
        for plane in set.images().chunks_exact(shape.elements()) {
            for (sums, plane) in sums.iter_mut().zip(plane.chunks_exact(shape.pixels())) {
                for byte in plane.iter().copied().map(u64::from) {
                    sums[0] += byte;
                    sums[1] += byte * byte;
                }
            }
        }
        let count = (set.len() * shape.pixels()) as f64;
        let statistic = |[sum, squares]: [u64; 2]| {
            let mean = sum as f64 / count;
            let variance = (squares as f64 / count - mean * mean).max(0.0);
            let deviation = if variance == 0.0 {
                255.0
            } else {
                variance.sqrt()
            };
            [mean / 255.0, deviation / 255.0]
        };
        let all: Vec<[f64; 2]> = sums.into_iter().map(statistic).collect();
        Ok(Self {
            means: all.iter().map(|it| it[0]).collect(),
            deviations: all.iter().map(|it| it[1]).collect(),
        })
    }

    /// Channels of the images.
    pub fn channels(&self) -> usize {
        self.means.len()
    }

    /// What is subtracted from each channel.
    pub fn means(&self) -> Vec<f32> {
        self.means.iter().map(|&it| it as f32).collect()
    }

    /// What each channel is multiplied by then: 1 over its deviation.
    pub fn scales(&self) -> Vec<f32> {
        self.deviations
            .iter()
            .map(|&it| (1.0 / it) as f32)
            .collect()
    }

    /// Errors where no images of so many `channels` can have been measured so.
    pub fn check(&self, channels: usize) -> Result<()> {
        let sane = |values: &[f64]| {
            values.len() == channels && values.iter().all(|it| (0.0..=1.0).contains(it))
        };
        let divides = self.deviations.iter().all(|it| *it >= 1e-9);
        if channels <= MOST_CHANNELS && sane(&self.means) && sane(&self.deviations) && divides {
            return Ok(());
        }
        Err(Error::usage(
            format!("`normalization` is not that of images of {channels} channels"),
            "leave it out: means and deviations are found in the data",
        ))
    }

    /// What a file of weights records of it, by name.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        let text = |values: &[f64]| serde_json::Value::from(values).to_string();
        let all = [(MEANS, &self.means), (DEVIATIONS, &self.deviations)];
        all.map(|(name, it)| (name.to_owned(), text(it))).into()
    }

    /// What [`Normalization::metadata`] recorded; `None` where it is not there, or makes no sense.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Option<Self> {
        let read = |name| serde_json::from_str(metadata.get(name)?).ok();
        let found = Self::new(read(MEANS)?, read(DEVIATIONS)?);
        found.check(found.channels()).ok().map(|()| found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::ImageShape;

    /// Numbers of numpy: `x = a / 255; x.mean(); x.std()`.
    #[test]
    fn means_and_deviations_are_of_all_pixels_of_a_channel() {
        let images = vec![0, 255, 10, 10, 51, 102, 10, 10];
        let set = Dataset::new(images, vec![0.0; 2], ImageShape::new(2, 1, 2)).expect("a set");
        let found = Normalization::of(&set).expect("two channels");
        let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-12, "{ours}");
        near(found.means[0], 0.4);
        near(found.deviations[0], 0.374_165_738_677_394_1);
        near(found.means[1], 10.0 / 255.0);
        assert_eq!(found.deviations[1], 1.0, "the same everywhere");
        assert!(found.check(2).is_ok() && found.check(1).is_err());
        assert_eq!(Normalization::from_metadata(&found.metadata()), Some(found));
        let wide = Dataset::new(vec![0; 5], vec![0.0], ImageShape::new(5, 1, 1)).expect("a set");
        assert!(Normalization::of(&wide).is_err());
    }
}
