//! A training that outlives its process: a trainer, the folder it writes, and when it does.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::checkpoint::Checkpoint;
use super::environment::Environment;
use super::folder::RunFolder;
use super::record::DataRecord;
use super::run_config::RunConfig;
use crate::data::Baseline;
use crate::error::{Error, Result};
use crate::graph::ParameterTable;
use crate::train::Activity;
use crate::train::TrainEvent;
use crate::train::Trainer;

/// Trains and writes `metrics.csv` and a checkpoint after every epoch, and a checkpoint every few
/// minutes within one; resuming it goes on bit for bit.
#[derive(Debug)]
pub struct Run<'s> {
    trainer: Trainer<'s>,
    /// None where another rank writes.
    folder: Option<RunFolder>,
    saved: Checkpoint,
    saved_at: Instant,
    /// Whether ranks were found to have other weights than rank 0, and it was said.
    ranks_differ: bool,
    /// The epoch after which it ends early.
    until: Option<usize>,
}

impl<'s> Run<'s> {
    /// A new run of `trainer` in the first of `paths` where nothing is yet. `config` and `data` say
    /// what the trainer was made from.
    ///
    /// Errors where all of them exist, since a run is never overwritten, where the folder cannot be
    /// written, and where the trainer was trained, but not by its loop.
    pub fn create(
        trainer: Trainer<'s>,
        paths: impl IntoIterator<Item = PathBuf>,
        config: &RunConfig,
        data: &DataRecord,
        environment: &Environment,
    ) -> Result<Self> {
        let saved = checkpoint(&trainer, config, data)?;
        saved.check()?;
        let table = &trainer.network().parameters;
        let mut paths = paths.into_iter().peekable();
        let folder = loop {
            let Some(path) = paths.next() else {
                let what = "there is not a name for a run's folder";
                return Err(Error::usage(what, "give one with `out`"));
            };
            match RunFolder::create(&path, environment, &saved, table) {
                // Another run was faster.
                Err(_) if path.exists() && paths.peek().is_some() => {}
                other => break other?,
            }
        };
        Ok(Self {
            folder: Some(folder),
            saved_at: Instant::now(),
            ranks_differ: false,
            until: None,
            saved,
            trainer,
        })
    }

    /// The part of a rank in a run whose folder rank 0 writes, new or from its last `checkpoint` on.
    ///
    /// Errors as [`Run::resume`].
    pub fn follow(
        mut trainer: Trainer<'s>,
        begun: Option<Checkpoint>,
        config: &RunConfig,
        data: &DataRecord,
    ) -> Result<Self> {
        if let Some(begun) = begun {
            begun.config.check_resumed(config)?;
            begun.data.check(data)?;
            trainer.go_on(&begun.state, &begun.logs, begun.clock)?;
        }
        Ok(Self {
            folder: None,
            saved_at: Instant::now(),
            ranks_differ: false,
            until: None,
            saved: checkpoint(&trainer, config, data)?,
            trainer,
        })
    }

    /// The run in `folder` from its last `checkpoint` on, by a `trainer` made as the run's was;
    /// `metrics.csv` is cut back to it. `config` may differ from the run's as far as
    /// [`RunConfig::check_resumed`] allows.
    ///
    /// Errors where data, net or configuration are not the run's, naming the difference.
    pub fn resume(
        mut trainer: Trainer<'s>,
        folder: RunFolder,
        checkpoint: Checkpoint,
        config: &RunConfig,
        data: &DataRecord,
        environment: &Environment,
    ) -> Result<Self> {
        checkpoint.config.check_resumed(config)?;
        checkpoint.data.check(data)?;
        trainer.go_on(&checkpoint.state, &checkpoint.logs, checkpoint.clock)?;
        let mut record = folder.environment()?;
        record.resumed(&checkpoint, environment);
        folder.save_metrics(&*config.objective(), &checkpoint.logs)?;
        folder.save_config(config)?;
        folder.save_environment(&record)?;
        Ok(Self {
            trainer,
            folder: Some(folder),
            saved: Checkpoint {
                config: config.clone(),
                note: None,
                ..checkpoint
            },
            saved_at: Instant::now(),
            ranks_differ: false,
            until: None,
        })
    }

    /// The trainer.
    pub fn trainer(&self) -> &Trainer<'s> {
        &self.trainer
    }

    /// The folder; `None` where another rank writes it.
    pub fn folder(&self) -> Option<&RunFolder> {
        self.folder.as_ref()
    }

    /// The step after which it goes on when it is resumed.
    pub fn saved_step(&self) -> u64 {
        self.saved.state.step
    }

    /// What predictions that look at no image come to on the test set; `None` of a classification.
    pub fn baseline(&self) -> Result<Option<Baseline>> {
        let Some(found) = &self.saved.config.targets else {
            return Ok(None);
        };
        Ok(Some(found.baseline(&self.trainer.test_targets()?)))
    }

    /// Lets [`Run::train`] end after `epoch`, saved, if that is before the configuration's last; resuming it goes on
    /// bit for bit.
    pub fn stop_after(&mut self, epoch: usize) {
        self.until = Some(epoch);
    }

    /// Whether [`Run::train`] ended where it was to stop, before the last epoch.
    pub fn is_stopped(&self) -> bool {
        let reached = self
            .until
            .is_some_and(|until| !self.trainer.is_before(until));
        reached && self.trainer.is_before(self.epochs())
    }

    /// What it was asked for.
    pub fn config(&self) -> &RunConfig {
        &self.saved.config
    }

    /// Epochs that it was asked for.
    pub fn epochs(&self) -> usize {
        self.saved.config.epochs
    }

    /// Trains up to the configuration's last epoch; writes the model, and what it predicts for the
    /// test set. `interrupted` is asked after every step; where it says so, what was submitted ends
    /// and the run is saved.
    ///
    /// Errors with [`Error::Interrupted`] then. Where a loss stops being finite, the error names the
    /// first layer whose output or gradient was not, and the model is that of the last step before.
    /// Whatever the error, the folder can be resumed from its last checkpoint.
    pub fn train(
        &mut self,
        interrupted: impl Fn() -> bool,
        mut on_event: impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Result<()> {
        let result = self.train_and_save(interrupted, &mut on_event);
        match result {
            Err(Error::Diverged { what, step, hint }) => {
                Err(self.diagnose(&what, step, &hint, &mut on_event))
            }
            other => other,
        }
    }

    fn train_and_save(
        &mut self,
        interrupted: impl Fn() -> bool,
        on_event: &mut impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Result<()> {
        let RunConfig {
            epochs,
            checkpoint_minutes,
            max_time,
            ..
        } = self.saved.config;
        let interval = Duration::from_secs_f64(checkpoint_minutes * 60.0);
        let started = Instant::now();
        let time = max_time.map(|minutes| Duration::from_secs_f64(minutes * 60.0));
        let over = || time.is_some_and(|time| started.elapsed() >= time);
        let ranks = self.trainer.ranks();
        let mut ended_early = self.is_stopped();
        while self.trainer.is_before(epochs) && !ended_early {
            let saved_at = self.saved_at;
            let due = |activity| {
                !interval.is_zero()
                    && activity == Activity::Training
                    && saved_at.elapsed() >= interval
            };
            let pause = |activity| interrupted() || over() || due(activity);
            let ended = self.trainer.train_epoch(epochs, on_event, pause)?;
            if ended.is_some() {
                self.compare_ranks(&mut *on_event)?;
            }
            self.save(ended.is_some(), on_event)?;
            let [stopped, time_is_over] = ranks.any([interrupted(), over()])?;
            if stopped && self.trainer.is_before(epochs) {
                return Err(self.interrupted());
            }
            ended_early = time_is_over || self.is_stopped();
        }
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let tensors = self.trainer.finite_parameters()?;
        let predictions = self.trainer.predict_test()?;
        let targets = self.trainer.test_targets()?;
        // Never beside the predictions of an earlier model, if the process is killed in between.
        folder.remove_predictions();
        let table = &self.trainer.network().parameters;
        folder.save_model(table, &tensors, &self.saved.metadata())?;
        folder.save_predictions(&self.saved.config, &targets, &predictions.values)
    }

    /// Sees to it that all ranks go on from the same bits; says so once where one had others.
    fn compare_ranks(
        &mut self,
        on_event: &mut impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Result<()> {
        let differing = self.trainer.take_from_first_rank()?;
        if differing.is_empty() || self.ranks_differ {
            return Ok(());
        }
        self.ranks_differ = true;
        on_event(&TrainEvent::RanksDiffer(differing))
    }

    /// Writes the checkpoint, after `metrics.csv` where an epoch ended.
    ///
    /// Errors where a parameter is not finite: such a state is not worth keeping.
    fn save(
        &mut self,
        epoch_ended: bool,
        on_event: &mut impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Result<()> {
        let begun = Instant::now();
        let state = self.trainer.state()?;
        self.trainer.check_finite(&state)?;
        let checkpoint = Checkpoint {
            state,
            logs: self.trainer.logs().to_vec(),
            config: self.saved.config.clone(),
            data: self.saved.data.clone(),
            note: None,
            clock: self.trainer.clock(),
        };
        if let Some(folder) = &self.folder {
            let table = &self.trainer.network().parameters;
            if epoch_ended {
                let objective = checkpoint.config.objective();
                folder.save_metrics(&*objective, &checkpoint.logs)?;
                save_best(folder, table, &checkpoint)?;
            }
            folder.save_checkpoint(&checkpoint, table)?;
        }
        let step = checkpoint.state.step;
        self.saved = checkpoint;
        self.saved_at = Instant::now();
        if self.folder.is_none() {
            return Ok(());
        }
        on_event(&TrainEvent::Saved {
            step,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    fn interrupted(&self) -> Error {
        Error::Interrupted {
            what: format!("after {}; the run is saved", self.trainer.standing()),
            hint: "resume the run".to_owned(),
        }
    }

    /// Says where a run that diverged did so, and keeps the last finite model.
    fn diagnose(
        &mut self,
        what: &str,
        step: u64,
        hint: &str,
        on_event: &mut impl FnMut(&TrainEvent) -> Result<()>,
    ) -> Error {
        let replaying = TrainEvent::Replaying {
            what: what.to_owned(),
            steps: step.saturating_sub(self.saved.state.step),
        };
        let diagnosis = on_event(&replaying)
            .and_then(|()| self.trainer.diagnose(&self.saved.state, step))
            .and_then(|found| {
                let table = &self.trainer.network().parameters;
                let model = &found.last_finite.parameters;
                if let Some(folder) = &self.folder {
                    folder.remove_predictions();
                    folder.save_model(table, model, &self.saved.metadata())?;
                }
                Ok(found)
            });
        match diagnosis {
            Err(error) => error,
            Ok(found) => Error::Diverged {
                what: format!("{what}: {}", found.culprit),
                step,
                hint: format!(
                    "{hint}; model.safetensors holds the weights after step {}",
                    found.last_finite.step
                ),
            },
        }
    }
}

/// Where `trainer` stands, which was made from `config` and `data`.
fn checkpoint(trainer: &Trainer<'_>, config: &RunConfig, data: &DataRecord) -> Result<Checkpoint> {
    Ok(Checkpoint {
        state: trainer.state()?,
        logs: trainer.logs().to_vec(),
        config: config.clone(),
        data: data.clone(),
        note: None,
        clock: trainer.clock(),
    })
}

/// Writes the weights of an epoch that ended, where no other did as well on the validation set.
fn save_best(folder: &RunFolder, table: &ParameterTable, checkpoint: &Checkpoint) -> Result<()> {
    let state = &checkpoint.state;
    match state.selection.best {
        Some(best) if best.epoch == state.epoch => {
            folder.save_best(table, &state.parameters, &checkpoint.metadata())
        }
        _ => Ok(()),
    }
}
