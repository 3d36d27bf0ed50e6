//! How to train.

use std::sync::Arc;

use super::schedule::ScheduleConfig;
use super::selection::BestBy;
use crate::data::Augmentation;
use crate::error::{Error, Result};
use crate::kernel::shards::SHARDS;
use crate::kernel::target::Target;
use crate::kernel::tuning::Tuning;
use crate::nn::{Activation, Adam, Objective, Optimizer, Regression, Update};
use crate::ops::batch::Augmented;
use crate::random::{self, Purpose};
use crate::shape::ImageShape;

/// How to train; [`TrainerOptions::default`] is what the command line defaults to.
#[derive(Debug, Clone)]
pub struct TrainerOptions {
    /// The learning rate, at its highest.
    pub lr: f64,
    /// How it changes.
    pub schedule: ScheduleConfig,
    /// Epochs over which a cosine falls.
    pub epochs: usize,
    /// Epochs without a lower validation loss after which training stops; `None` for never.
    pub patience: Option<usize>,
    /// What decides which epoch is the best.
    pub best_by: BestBy,
    /// Samples per step; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// What follows every layer but the last.
    pub activation: Activation,
    /// Seed for initial weights, shuffling, augmentation and dropout.
    pub seed: u64,
    /// Whether every epoch visits the samples in an order of its own.
    pub shuffle: bool,
    /// Whether operations are fused.
    pub fuse: bool,
    /// Whether the training set is evaluated after every epoch, as the test set is.
    pub evaluate_train: bool,
    /// What the net is trained for, and what is measured.
    pub objective: Arc<dyn Objective>,
    /// How gradients change the parameters.
    pub optimizer: Arc<dyn Optimizer>,
    /// Largest norm of the gradient by all parameters together; a longer one is shortened to it.
    pub clip_grad_norm: Option<f64>,
    /// How the images of every epoch are changed.
    pub augment: Augmentation,
    /// Parts in which an adapter computes a batch: 1, or 8 that are added in a fixed order, so that ranks which share
    /// them come to the same bits. The processor always computes 8.
    pub shards: usize,
    /// Initial weights, one tensor per parameter in PyTorch's order, instead of random ones.
    pub init: Option<Vec<Vec<f32>>>,
    /// Tiles measured on this adapter, instead of the kernels' defaults. They change how sums
    /// round: results are the same bits only under the same tuning.
    pub tuning: Option<Arc<Tuning>>,
}

impl Default for TrainerOptions {
    fn default() -> Self {
        Self {
            lr: 1e-3,
            schedule: ScheduleConfig::default(),
            epochs: 50,
            patience: None,
            best_by: BestBy::Loss,
            batch_size: 128,
            activation: Activation::Relu,
            seed: 0,
            shuffle: true,
            fuse: true,
            evaluate_train: false,
            objective: Arc::new(Regression::default()),
            optimizer: Arc::new(Adam::default()),
            clip_grad_norm: None,
            augment: Augmentation::default(),
            shards: 1,
            init: None,
            tuning: None,
        }
    }
}

impl TrainerOptions {
    /// Errors where a value makes no sense, naming its flag.
    pub fn validate(&self) -> Result<()> {
        // The optimizer's kernel works in f32, where a smaller one would be 0 and train nothing.
        if !((self.lr as f32).is_normal() && self.lr > 0.0) {
            return Err(Error::usage(
                format!(
                    "`lr` {:?} is not a positive number that a 32-bit float can hold",
                    self.lr
                ),
                "try `lr` 1e-3",
            ));
        }
        self.schedule.validate()?;
        self.optimizer.validate(self.lr)?;
        let clip = self.clip_grad_norm;
        if clip.is_some_and(|norm| !((norm as f32).is_normal() && norm > 0.0)) {
            return Err(Error::usage(
                format!(
                    "`clip_grad_norm` {:?} is not a positive number",
                    clip.unwrap_or(0.0)
                ),
                "try `clip_grad_norm` 1",
            ));
        }
        if self.batch_size == 0 || self.batch_size > 1 << 20 {
            return Err(Error::usage(
                format!("`batch_size` {} is not from 1 to 1048576", self.batch_size),
                "try `batch_size` 128",
            ));
        }
        check_shards(self.shards)
    }

    /// What programs of batches of up to `capacity` are compiled for on a device that is `target`.
    pub(super) fn target(&self, target: &Target, capacity: usize) -> Target {
        compiled_for(target, self.shards, self.tuning.as_ref(), capacity)
    }

    /// What a training step on images of shape `image` does that an evaluation does not.
    pub fn update(&self, image: ImageShape) -> Update<'_> {
        let augmented = Augmented {
            by: self.augment,
            image,
            key: random::key(self.seed, Purpose::Augment),
        };
        Update {
            optimizer: &*self.optimizer,
            clip_grad_norm: self.clip_grad_norm,
            augmented: (!self.augment.is_none()).then_some(augmented),
            seed: self.seed,
            in_halves: false,
        }
    }
}

/// Errors where a batch is not computed in so many parts.
pub(super) fn check_shards(shards: usize) -> Result<()> {
    if [1, SHARDS].contains(&shards) {
        return Ok(());
    }
    Err(Error::usage(
        format!("`shards` {shards} is neither 1 nor {SHARDS}"),
        format!("give `shards` {SHARDS} for the bits of {SHARDS} ranks, else 1"),
    ))
}

/// `target` as programs of batches of up to `capacity` are compiled for it that are computed in `shards`, with the
/// tiles of `tuning`.
pub(super) fn compiled_for(
    target: &Target,
    shards: usize,
    tuning: Option<&Arc<Tuning>>,
    capacity: usize,
) -> Target {
    let target = match shards {
        SHARDS => target.clone().in_shards(),
        _ => target.clone(),
    };
    // What tiles are chosen for is what a kernel sees.
    let samples = target.kernel_capacity(capacity);
    match tuning {
        Some(tuning) => target.with_tuning(tuning, samples),
        None => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rates_that_an_f32_cannot_hold_are_refused() {
        let with = |lr| TrainerOptions {
            lr,
            ..TrainerOptions::default()
        };
        for lr in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-60, 1e-45, 1e39] {
            assert!(with(lr).validate().is_err(), "{lr}");
        }
        for lr in [1e-30, 1e-3, 1e38] {
            assert!(with(lr).validate().is_ok(), "{lr}");
        }
    }
}
