//! How the learning rate changes while a net is trained.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::settings::settings;

/// What the learning rate does after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum LrSchedule {
    /// It stays.
    #[default]
    Constant,
    /// It falls to 0 along half a cosine, step by step, over all epochs.
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html>.
    Cosine,
    /// It is multiplied by gamma every so many epochs.
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html>.
    Step,
    /// It is multiplied by gamma after more than so many epochs without a better loss: of the
    /// validation set, or of the training set where there is none.
    /// Source: <https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html>.
    Plateau,
}

settings! {
    /// A schedule with its numbers.
    #[derive(Copy)]
    ScheduleConfig, ScheduleArgs
    nested {}
    values {
        /// How the learning rate changes [default: constant]
        "Training" lr_schedule: LrSchedule = LrSchedule::Constant, [value_enum];
        /// Epochs over which the learning rate rises, before the schedule [default: 0]
        "Training" warmup: usize = 0, [value_name = "EPOCHS"];
        /// Epochs between the steps of --lr-schedule step [default: 10]
        "Training" lr_step_size: usize = 10, [value_name = "EPOCHS"];
        /// What --lr-schedule step and plateau multiply the learning rate by [default: 0.1]
        "Training" lr_gamma: f64 = 0.1, [value_name = "FACTOR", allow_negative_numbers = true];
        /// Epochs without a better loss that --lr-schedule plateau lets pass [default: 10]
        "Training" lr_patience: usize = 10, [value_name = "EPOCHS"];
    }
    options {}
    switches {}
}

impl ScheduleConfig {
    /// Errors where a number makes no sense, naming its flag.
    pub fn validate(&self) -> Result<()> {
        let wrong = |what: String, hint: &str| Err(Error::usage(what, hint));
        if self.lr_step_size == 0 {
            return wrong(
                "`lr_step_size` 0 is not a step".to_owned(),
                "try `lr_step_size` 10",
            );
        }
        if !(self.lr_gamma > 0.0 && self.lr_gamma < 1.0) {
            let what = format!("`lr_gamma` {:?} is not between 0 and 1", self.lr_gamma);
            return wrong(what, "try `lr_gamma` 0.1");
        }
        Ok(())
    }

    /// Whether the learning rate of a step depends on how many epochs there will be.
    pub fn depends_on_epochs(&self) -> bool {
        self.lr_schedule == LrSchedule::Cosine
    }

    /// The learning rate of step `step`, counted from 0, out of `steps_per_epoch` in each of `epochs`,
    /// where `base` is the highest and `reduced` what plateaus have made of 1.
    ///
    /// The warm-up is `PyTorch`'s `LinearLR` from `1 / steps` on; the schedule begins after it.
    pub fn rate(
        &self,
        base: f64,
        step: u64,
        steps_per_epoch: u64,
        epochs: usize,
        reduced: f64,
    ) -> f64 {
        let warmup = (self.warmup as u64).saturating_mul(steps_per_epoch);
        if step < warmup {
            return base * ((step + 1) as f64 / warmup as f64);
        }
        let after = step - warmup;
        match self.lr_schedule {
            LrSchedule::Constant => base,
            LrSchedule::Cosine => {
                let steps = (epochs as u64)
                    .saturating_mul(steps_per_epoch)
                    .saturating_sub(warmup)
                    .max(1);
                let share = after.min(steps) as f64 / steps as f64;
                base * (1.0 + (PI * share).cos()) / 2.0
            }
            LrSchedule::Step => {
                let between = (self.lr_step_size as u64).saturating_mul(steps_per_epoch);
                let falls = after / between.max(1);
                base * self.lr_gamma.powf(falls as f64)
            }
            LrSchedule::Plateau => base * reduced,
        }
    }
}

/// A learning rate that would fall by no more than this stays: `eps` of `PyTorch`'s
/// `ReduceLROnPlateau`.
const SMALLEST_FALL: f64 = 1e-8;

/// How far a plateau has lasted, and what it has made of the learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The best loss.
    best: f64,
    /// Epochs since without one that is better by a ten-thousandth.
    bad_epochs: usize,
    /// What the learning rate is multiplied by.
    pub(super) reduced: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            best: f64::INFINITY,
            bad_epochs: 0,
            reduced: 1.0,
        }
    }
}

impl Plateau {
    /// An epoch ended with that loss, or what else is to be low; the learning rate is at most `base`. Of
    /// something below zero, an accuracy of the other sign, the threshold is that of `mode="max"`.
    pub(super) fn epoch_ended(&mut self, loss: f64, base: f64, config: &ScheduleConfig) {
        let share = if self.best < 0.0 {
            1.0 + 1e-4
        } else {
            1.0 - 1e-4
        };
        if loss < self.best * share {
            self.best = loss;
            self.bad_epochs = 0;
        } else {
            self.bad_epochs = self.bad_epochs.saturating_add(1);
        }
        if self.bad_epochs > config.lr_patience {
            let reduced = self.reduced * config.lr_gamma;
            if base * self.reduced - base * reduced > SMALLEST_FALL {
                self.reduced = reduced;
            }
            self.bad_epochs = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(config: ScheduleConfig, steps: u64, every: usize) -> Vec<f64> {
        let rates = (0..steps).map(|step| config.rate(0.1, step, 4, steps as usize / 4, 1.0));
        rates.step_by(every).collect()
    }

    fn assert_close(got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() <= 1e-11 * want, "{got} {want}");
        }
    }

    /// `CosineAnnealingLR(optimizer, 40)`, and `SequentialLR` of `LinearLR(optimizer, 1/8, 1, 7)` and
    /// `CosineAnnealingLR(optimizer, 32)` from step 8 on, at a learning rate of 0.1.
    #[test]
    fn cosines_are_pytorchs() {
        let mut config = ScheduleConfig {
            lr_schedule: LrSchedule::Cosine,
            ..ScheduleConfig::default()
        };
        assert_close(
            &rates(config, 40, 6),
            &[
                0.1,
                0.094_550_326_209_4,
                0.079_389_262_614_6,
                0.057_821_723_252,
                0.034_549_150_281_3,
                0.014_644_660_940_7,
                0.002_447_174_185_24,
            ],
        );
        config.warmup = 2;
        assert_close(
            &rates(config, 40, 3),
            &[
                0.0125,
                0.05,
                0.0875,
                0.099_759_236_333_6,
                0.096_193_976_625_6,
                0.088_650_522_668_1,
                0.077_778_511_651,
                0.064_514_233_862_7,
                0.05,
                0.035_485_766_137_3,
                0.022_221_488_349,
                0.011_349_477_331_9,
                0.003_806_023_374_44,
                0.000_240_763_666_39,
            ],
        );
    }

    /// `StepLR(optimizer, 3 * 4, 0.5)`.
    #[test]
    fn steps_are_pytorchs() {
        let config = ScheduleConfig {
            lr_schedule: LrSchedule::Step,
            lr_step_size: 3,
            lr_gamma: 0.5,
            ..ScheduleConfig::default()
        };
        let want = [
            0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.0125, 0.0125,
        ];
        assert_close(&rates(config, 40, 3), &want);
    }

    /// `ReduceLROnPlateau(optimizer, factor=0.5, patience=2)`.
    #[test]
    fn plateaus_are_pytorchs() {
        let config = ScheduleConfig {
            lr_schedule: LrSchedule::Plateau,
            lr_gamma: 0.5,
            lr_patience: 2,
            ..ScheduleConfig::default()
        };
        let losses = [
            5.0, 4.0, 3.99999, 4.0, 4.0, 3.9999, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0,
        ];
        let want = [
            0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125,
        ];
        let mut plateau = Plateau::default();
        let got = losses.map(|loss| {
            let rate = config.rate(0.1, 7, 4, 50, plateau.reduced);
            plateau.epoch_ended(loss, 0.1, &config);
            rate
        });
        assert_close(&got, &want);
    }

    /// `ReduceLROnPlateau(optimizer, patience=1)` with its `eps` of 1e-8: 1e-7 falls once.
    #[test]
    fn rates_that_are_next_to_nothing_fall_no_further() {
        let config = ScheduleConfig {
            lr_schedule: LrSchedule::Plateau,
            lr_patience: 1,
            ..ScheduleConfig::default()
        };
        for (base, want) in [
            (1e-8, [1e-8, 1e-8, 1e-8, 1e-8, 1e-8, 1e-8, 1e-8]),
            (1e-7, [1e-7, 1e-7, 1e-7, 1e-8, 1e-8, 1e-8, 1e-8]),
        ] {
            let mut plateau = Plateau::default();
            for rate in want {
                let got = config.rate(base, 7, 4, 50, plateau.reduced);
                assert!((got - rate).abs() < rate * 1e-9, "{got}, not {rate}");
                plateau.epoch_ended(1.0, base, &config);
            }
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let wrong = |change: fn(&mut ScheduleConfig), flag: &str| {
            let mut config = ScheduleConfig::default();
            change(&mut config);
            let error = config.validate().expect_err(flag);
            assert!(error.to_string().contains(flag), "{error}");
        };
        wrong(|it| it.lr_step_size = 0, "`lr_step_size`");
        wrong(|it| it.lr_gamma = 1.0, "`lr_gamma`");
        wrong(|it| it.lr_gamma = 0.0, "`lr_gamma`");
        wrong(|it| it.lr_gamma = f64::NAN, "`lr_gamma`");
        assert!(ScheduleConfig::default().validate().is_ok());
    }
}
