//! What moves a trainer on: single steps, runs of steps, the loop over epochs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::event::TrainEvent;
use super::metrics::{EpochMetrics, Metrics, Sums};
use super::moment::Moment;
use super::options::TrainerOptions;
use super::order::batches;
use super::resident::Subset;
use super::trainer::Trainer;
use crate::error::Result;
use crate::exec::{Device, Row};
use crate::graph::Role;
use crate::kernel::Step;

/// What the current epoch took so far, the evaluation apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    samples: usize,
    seconds: f64,
}

impl Clock {
    /// Whether an epoch of `samples` can have taken so much; says what is wrong.
    pub(super) fn check(self, samples: usize) -> Result<(), String> {
        if self.samples > samples || !(self.seconds >= 0.0 && self.seconds.is_finite()) {
            let Self {
                samples: taken,
                seconds,
            } = self;
            return Err(format!(
                "{taken} of {samples} samples are said to have taken {seconds} seconds"
            ));
        }
        Ok(())
    }

    pub(super) fn samples_per_second(self) -> f64 {
        speed(self.samples, self.seconds)
    }
}

/// Samples per second; none where the clock did not tell any time.
fn speed(samples: usize, seconds: f64) -> f64 {
    let speed = samples as f64 / seconds;
    if speed.is_finite() { speed } else { 0.0 }
}

/// What a trainer is at when it asks whether to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Steps: it can go on later where it paused.
    Training,
    /// The evaluation of an epoch: it will begin anew.
    Evaluating,
}

impl Trainer<'_> {
    /// Trains on the next batch of the epoch; returns its metrics before the update.
    pub fn training_step(&mut self) -> Result<Metrics> {
        let mut batch = Sums::default();
        let _ = self.train_within_epoch(1, |row, _| {
            batch.add(row);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(self.means(&batch, self.data.train()))
    }

    /// Trains on the next batch as [`Trainer::training_step`] does, but calls `between` when the
    /// gradients are there and before they change the parameters: it may read them with
    /// [`Trainer::gradients`] and replace them with [`Trainer::set_gradients`]. Gradients are clipped
    /// afterwards, where they are.
    ///
    /// Errors as `between` does; the trainer then stands before the step.
    pub fn training_step_with(
        &mut self,
        between: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<Metrics> {
        let start = Instant::now();
        let before = self.place;
        if before.position == 0 {
            self.clock = Clock::default();
            self.order.write(self.device, before.epoch);
        }
        self.pending_evaluation = false;
        let step = self.next_steps(1).next().unwrap_or_default();
        self.prepare_halves()?;
        let device = self.device;
        // What a first half changes beside scratch.
        let statistics = self.read_statistics()?;
        let program = self.in_halves.as_ref().expect("was made ready");
        self.submissions.begin_step(device, program, &step)?;
        if let Err(error) = between(self) {
            self.write_statistics(&statistics)?;
            return Err(error);
        }
        let program = self.in_halves.as_ref().expect("was made ready");
        let row = self.submissions.end_step(device, program, &step)?;
        self.place
            .took(&row, self.options.batch_size, self.data.train().len());
        self.clock.samples += row.samples();
        self.clock.seconds += start.elapsed().as_secs_f64();
        let at = Moment {
            epoch: before.epoch + 1,
            step: self.place.step,
            lr: self.options.lr,
        };
        at.check_step(&row)?;
        let mut batch = Sums::default();
        batch.add(&row);
        Ok(self.means(&batch, self.data.train()))
    }

    /// Replaces the gradients of the last step: one tensor per trained parameter.
    ///
    /// Errors where they are not of the net.
    pub fn set_gradients(&self, tensors: &[Vec<f32>]) -> Result<()> {
        self.network.parameters.trained().check(tensors)?;
        self.write(Role::Gradients, tensors)
    }

    /// Trains on the next `count` batches, into the next epochs where need be, many steps per
    /// submission as [`Trainer::train_loop`] does; returns how many samples they held.
    pub fn train_steps(&mut self, count: usize) -> Result<usize> {
        let mut samples = 0;
        let last = self.place.step + count as u64;
        while self.place.step < last {
            let before = self.place.position;
            let _ = self.train_within_epoch((last - self.place.step) as usize, |_, _| {
                Ok(ControlFlow::Continue(()))
            })?;
            samples += match self.place.position {
                0 => self.data.train().len() - before,
                position => position - before,
            };
        }
        Ok(samples)
    }

    /// Trains up to epoch `epochs`, evaluating on the test set after each; `on_event` is told what
    /// happens, and may stop the loop with an error: the trainer then stands after the steps that
    /// ran, and another call goes on from there.
    ///
    /// Errors where the loss or a gradient stops being finite, naming the epoch.
    pub fn train_loop(
        &mut self,
        epochs: usize,
        mut on_event: impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Result<()> {
        while self.is_before(epochs) {
            self.train_epoch(epochs, &mut on_event, |_| false)?;
        }
        Ok(())
    }

    /// Whether [`Trainer::train_loop`] up to `epochs` has anything left to do.
    pub fn is_before(&self, epochs: usize) -> bool {
        self.pending_evaluation || (self.place.epoch < epochs && !self.has_stopped_early())
    }

    /// Whether as many epochs as [`TrainerOptions::patience`] have passed since the best one.
    pub fn has_stopped_early(&self) -> bool {
        let since_best = self.selection.epochs_since_best(self.place.epoch);
        let patience = self.options.patience.zip(since_best);
        patience.is_some_and(|(patience, since)| since >= patience)
    }

    /// Trains on what is left of the current epoch, out of `epochs`, and evaluates on the test set;
    /// as [`Trainer::train_loop`] does, of which it is one turn. `None` where `pause` asked to stop:
    /// the trainer then stands after the steps that ran, and another call goes on from there.
    pub fn train_epoch(
        &mut self,
        epochs: usize,
        on_event: &mut impl FnMut(&TrainEvent) -> Result<()>,
        mut pause: impl FnMut(Activity) -> bool,
    ) -> Result<Option<EpochMetrics>> {
        self.compile(on_event)?;
        if !self.pending_evaluation {
            let flow = self.train_rest(epochs, on_event, || pause(Activity::Training))?;
            if flow.is_break() {
                return Ok(None);
            }
        }
        let mut pause = || pause(Activity::Evaluating);
        let valid = match self.data.valid() {
            None => None,
            Some(_) => match self.evaluate_epoch(Subset::Valid, &mut pause)? {
                None => return Ok(None),
                some => some,
            },
        };
        let Some(test) = self.evaluate_epoch(Subset::Test, &mut pause)? else {
            return Ok(None);
        };
        let mut train_eval = None;
        if self.options.evaluate_train {
            // In the epoch's own order, also after a resumption, so that sums round alike.
            let ended = self.place.epoch.saturating_sub(1);
            self.order.write(self.device, ended);
            train_eval = self.evaluate_epoch(Subset::Train, &mut pause)?;
            if train_eval.is_none() {
                return Ok(None);
            }
        }
        self.pending_evaluation = false;
        let ended = EpochMetrics {
            epoch: self.place.epoch,
            train: self.means(&self.place.sums, self.data.train()),
            test,
            valid,
            train_eval,
            lr: self.rate(self.place.step.saturating_sub(1)),
            seconds: self.clock.seconds,
            samples_per_second: self.clock.samples_per_second(),
        };
        let TrainerOptions { lr, schedule, .. } = self.options;
        self.selection
            .epoch_ended(&ended, lr, &schedule, self.options.best_by);
        self.logs.push(ended.clone());
        on_event(&TrainEvent::EpochEnded(ended.clone()))?;
        Ok(Some(ended))
    }

    /// Runs all of an epoch's programs once, before its clock starts: GPU drivers compile shaders when
    /// they first run. The trainer is afterwards what it was before.
    fn compile(&mut self, on_event: &mut impl FnMut(&TrainEvent) -> Result<()>) -> Result<()> {
        if self.compiled || matches!(self.device, Device::Cpu(_)) {
            return Ok(());
        }
        on_event(&TrainEvent::Compiling)?;
        let start = Instant::now();
        let (before, clock) = (self.state()?, self.clock);
        self.order.write(self.device, self.place.epoch);
        let step = self.next_steps(1);
        let go_on = |_| ControlFlow::Continue(());
        let _ = self.submissions.run(&self.training, step, go_on)?;
        for subset in [Subset::Train, Subset::Valid, Subset::Test] {
            let used = subset != Subset::Train || self.options.evaluate_train;
            if let Ok(set) = self.subset(subset)
                && used
            {
                let batch = 0..set.len().min(self.options.batch_size);
                let _ = self.measure(subset, batch, || false)?;
            }
        }
        self.restore(&before)?;
        self.clock = clock;
        self.compiled = true;
        on_event(&TrainEvent::Compiled {
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Metrics of all of `subset` after an epoch, which must be finite; `None` where `pause` asked to
    /// stop.
    fn evaluate_epoch(
        &mut self,
        subset: Subset,
        pause: &mut impl FnMut() -> bool,
    ) -> Result<Option<Metrics>> {
        let all = 0..self.subset(subset)?.len();
        let ControlFlow::Continue(metrics) = self.measure(subset, all, pause)? else {
            return Ok(None);
        };
        let at = self.last_moment();
        let objective = &*self.options.objective;
        at.check_evaluation(objective, subset.name(), &metrics)?;
        Ok(Some(metrics))
    }

    /// Trains on what is left of the current epoch.
    fn train_rest(
        &mut self,
        epochs: usize,
        on_event: &mut impl FnMut(&TrainEvent) -> Result<()>,
        mut pause: impl FnMut() -> bool,
    ) -> Result<ControlFlow<()>> {
        let epoch = self.place.epoch + 1;
        on_event(&TrainEvent::EpochStarted {
            epoch,
            epochs,
            samples: self.data.train().len(),
        })?;
        let first = self.place.position;
        let objective = Arc::clone(&self.options.objective);
        let start = Instant::now();
        let trained = self.train_within_epoch(usize::MAX, |_, sums| {
            let samples = sums.samples as usize;
            on_event(&TrainEvent::Progress {
                samples,
                metrics: sums.means(&*objective, None),
                samples_per_second: speed(
                    samples.saturating_sub(first),
                    start.elapsed().as_secs_f64(),
                ),
            })?;
            Ok(if pause() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        });
        self.pending_evaluation = self.place.epoch == epoch;
        trained
    }

    /// Trains on the next `steps` batches, no further than to the end of the epoch. `progress` gets
    /// every step's row and the sums of the epoch, and may break off, with an error or without; the
    /// trainer's place is always that after the steps that ran.
    fn train_within_epoch(
        &mut self,
        steps: usize,
        mut progress: impl FnMut(&Row, &Sums) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>> {
        let start = Instant::now();
        let before = self.place;
        if before.position == 0 {
            self.clock = Clock::default();
            self.order.write(self.device, before.epoch);
        }
        self.pending_evaluation = false;
        let TrainerOptions { lr, batch_size, .. } = self.options;
        let samples = self.data.train().len();
        let steps = self.next_steps(steps);
        let (place, clock) = (&mut self.place, &mut self.clock);
        let mut result = Ok(ControlFlow::Continue(()));
        let ran = self.submissions.run(&self.training, steps, |row| {
            place.took(&row, batch_size, samples);
            clock.samples += row.samples();
            if matches!(result, Ok(ControlFlow::Continue(()))) {
                let at = Moment {
                    epoch: before.epoch + 1,
                    step: place.step,
                    lr,
                };
                result = at
                    .check_step(&row)
                    .and_then(|()| progress(&row, &place.sums));
            }
            match result {
                Ok(flow) => flow,
                Err(_) => ControlFlow::Break(()),
            }
        });
        self.clock.seconds += start.elapsed().as_secs_f64();
        result.and(ran)
    }

    /// The next `steps` steps from where the trainer stands, no further than to the end of the
    /// epoch.
    pub(super) fn next_steps(&self, steps: usize) -> impl Iterator<Item = Step> + use<> {
        let batch_size = self.options.batch_size;
        let optimizer = Arc::clone(&self.options.optimizer);
        let rates = self.rates();
        let (samples, position) = (self.data.train().len(), self.place.position);
        let epoch = self.place.epoch as u32;
        let end = samples.min(position + steps.saturating_mul(batch_size).min(samples));
        let steps = batches(position..end, batch_size).zip(self.place.step + 1..);
        steps.map(move |(step, t)| {
            let rate = rates(t - 1);
            let step = Step { epoch, ..step };
            optimizer.step(step, rate, t)
        })
    }

    /// The learning rate of step `step`, counted from 0, as far as it is known now.
    fn rate(&self, step: u64) -> f64 {
        self.rates()(step)
    }

    fn rates(&self) -> impl Fn(u64) -> f64 + use<> {
        let TrainerOptions {
            lr,
            schedule,
            epochs,
            batch_size,
            ..
        } = self.options;
        let steps_per_epoch = self.data.train().len().div_ceil(batch_size) as u64;
        let reduced = self.selection.plateau.reduced;
        move |step| schedule.rate(lr, step, steps_per_epoch, epochs, reduced)
    }
}
