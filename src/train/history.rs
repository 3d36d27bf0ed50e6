//! Whether what a file says of a training can have come about: every number of it that follows from the
//! others is computed anew.

use super::advance::Clock;
use super::metrics::{EpochMetrics, Metrics};
use super::options::TrainerOptions;
use super::place::Place;
use super::selection::Selection;
use super::state::TrainState;
use crate::data::TargetStatistics;

/// By what share of the highest learning rate an epoch's may be off: powers and cosines differ between
/// systems in their last digits.
const RATE_TOLERANCE: f64 = 1e-9;

/// What a training was asked for, as far as its history follows from it.
#[derive(Debug)]
pub(crate) struct HistoryCheck<'a> {
    /// How it trains.
    pub options: &'a TrainerOptions,
    /// Number of images that it trains on.
    pub samples: usize,
    /// Whether some are held out.
    pub validates: bool,
}

impl HistoryCheck<'_> {
    fn steps_per_epoch(&self) -> u64 {
        self.samples.div_ceil(self.options.batch_size) as u64
    }

    /// What the losses of `logs` decide.
    pub(crate) fn selection(&self, logs: &[EpochMetrics]) -> Selection {
        let mut selection = Selection::default();
        for epoch in logs {
            let TrainerOptions {
                lr,
                schedule,
                best_by,
                ..
            } = self.options;
            selection.epoch_ended(epoch, *lr, schedule, *best_by);
        }
        selection
    }

    /// Whether a training by [`Trainer::train_loop`](super::Trainer::train_loop) can stand at `state` after
    /// `logs`; says what does not fit.
    pub(crate) fn check(
        &self,
        state: &TrainState,
        logs: &[EpochMetrics],
        clock: &Clock,
    ) -> Result<(), String> {
        let seed = self.options.seed;
        if state.seed != seed {
            return Err(format!(
                "it was trained with seed {}, and its configuration says {seed}",
                state.seed
            ));
        }
        self.check_place(state)?;
        clock.check(self.samples)?;
        let ended = state.epoch - usize::from(state.pending_evaluation);
        if logs.len() != ended {
            let count = logs.len();
            return Err(format!("{ended} epochs have ended, and it logs {count}"));
        }
        self.check_logs(logs)?;
        if state.selection != self.selection(logs) {
            return Err("its best loss is not that of its logs".to_owned());
        }
        let last = logs.last().filter(|_| state.position == 0 && ended > 0);
        let last = last.filter(|_| !state.pending_evaluation);
        let means = |last: &EpochMetrics| {
            // What takes more than that to know of the targets is derived from these.
            let known = TargetStatistics {
                whole: last.train.get("accuracy").is_some(),
                ..TargetStatistics::of(&[0.0])
            };
            state.sums.means(&*self.options.objective, Some(&known))
        };
        match last.filter(|last| !means(last).are_among(&last.train)) {
            Some(_) => Err("its sums are not those of the last epoch".to_owned()),
            None => Ok(()),
        }
    }

    fn check_place(&self, state: &TrainState) -> Result<(), String> {
        Place::of(state).check(self.samples)?;
        let TrainState {
            step,
            epoch,
            position,
            ..
        } = *state;
        let batch = self.options.batch_size;
        if position % batch != 0 {
            return Err(format!("it is at sample {position}, within a batch"));
        }
        let steps = (epoch as u64).saturating_mul(self.steps_per_epoch());
        let steps = steps.saturating_add((position / batch) as u64);
        if step != steps {
            return Err(format!(
                "it is at step {step}, and epoch {} begins its sample {position} after {steps}",
                epoch + 1
            ));
        }
        if state.pending_evaluation && (epoch == 0 || position > 0) {
            let what = "an evaluation is due, and no epoch has just ended";
            return Err(what.to_owned());
        }
        let begun = position > 0 || epoch > 0;
        if begun != (state.sums.samples > 0.0) || !state.sums.is_finite() {
            return Err("its sums are not those of the steps that it took".to_owned());
        }
        Ok(())
    }

    fn check_logs(&self, logs: &[EpochMetrics]) -> Result<(), String> {
        let steps = self.steps_per_epoch();
        let mut selection = Selection::default();
        for (index, epoch) in logs.iter().enumerate() {
            let number = index + 1;
            if epoch.epoch != number {
                let other = epoch.epoch;
                return Err(format!("log {number} is of epoch {other}"));
            }
            let wrong = |what: String| format!("{what} of epoch {number}");
            self.check_metrics(epoch).map_err(wrong)?;
            let step = (number as u64).saturating_mul(steps).saturating_sub(1);
            let TrainerOptions {
                lr,
                schedule,
                epochs,
                best_by,
                ..
            } = self.options;
            let rate = schedule.rate(*lr, step, steps, *epochs, selection.plateau.reduced);
            let tolerance = lr * RATE_TOLERANCE;
            if !(rate - tolerance..=rate + tolerance).contains(&epoch.lr) {
                let found = epoch.lr;
                return Err(format!("the learning rate of epoch {number} is {found}"));
            }
            selection.epoch_ended(epoch, *lr, schedule, *best_by);
        }
        Ok(())
    }

    /// Says which number of `epoch` cannot be.
    fn check_metrics(&self, epoch: &EpochMetrics) -> Result<(), String> {
        let expected = |set: &str, is_there: bool, wanted: bool| match (is_there, wanted) {
            (true, false) => Err(format!("nobody asked for the {set} metrics")),
            (false, true) => Err(format!("there are no {set} metrics")),
            _ => Ok(()),
        };
        let evaluates = self.options.evaluate_train;
        expected("valid", epoch.valid.is_some(), self.validates)?;
        expected("train_eval", epoch.train_eval.is_some(), evaluates)?;
        let sets = [
            ("train", Some(&epoch.train)),
            ("test", Some(&epoch.test)),
            ("valid", epoch.valid.as_ref()),
            ("train_eval", epoch.train_eval.as_ref()),
        ];
        for (set, metrics) in sets {
            let checked = metrics.map_or(Ok(()), |it| self.check_set(it));
            checked.map_err(|what| format!("the {set} {what}"))?;
        }
        for (name, number) in [
            ("seconds", epoch.seconds),
            // Infinite where an earlier version's clock stood still.
            ("samples per second", epoch.samples_per_second),
        ] {
            if number.is_nan() || number < 0.0 {
                return Err(format!("{number} {name}"));
            }
        }
        Ok(())
    }

    fn check_set(&self, found: &Metrics) -> Result<(), String> {
        let metrics = self.options.objective.metrics();
        let known = metrics
            .iter()
            .filter(|it| found.get(it.name).is_some())
            .count();
        if known != found.len() {
            return Err("metrics have a name that is not known".to_owned());
        }
        for metric in metrics {
            let name = metric.name;
            match found.get(name) {
                None if !metric.is_optional => return Err(format!("{name} is missing")),
                Some(value) if !value.is_finite() => return Err(format!("{name} is {value}")),
                Some(value) if metric.is_share && !(0.0..=1.0).contains(&value) => {
                    return Err(format!("{name} is {value}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
