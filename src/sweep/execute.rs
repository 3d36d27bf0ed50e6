//! One run after the other, on one device: data are uploaded once, pipelines are made once.

use std::path::Path;
use std::sync::Arc;

use super::description::{PlannedRun, Sweep};
use super::folder::SweepFolder;
use super::summary::{Outcome, Status};
use crate::data::{DataSource, Split};
use crate::error::{Error, Result};
use crate::files::folder::refuse_link;
use crate::files::utc_now;
use crate::kernel::tuning::Tuning;
use crate::run::{DataRecord, Found, HostData, Job, JobData, Run, RunConfig, RunFolder};
use crate::shape::ImageShape;
use crate::train::{Session, SplitLayout, TrainEvent};

/// What a sweep tells its caller while it works.
#[derive(Debug)]
pub enum SweepEvent<'a> {
    /// A run begins, or goes on.
    RunStarted {
        /// Its place in the sweep, counted from 1.
        number: usize,
        /// It.
        run: &'a PlannedRun,
    },
    /// The run goes on from its checkpoint.
    Resuming {
        /// Steps it had taken.
        step: u64,
        /// What is not as it was when the run began, and may change what it computes.
        differences: Vec<String>,
        /// [`Checkpoint::note`](crate::run::Checkpoint::note).
        note: Option<&'static str>,
    },
    /// What of the weights it begins with is not random ([`Job::taken`]), where that is in part, and not what was
    /// taken for the run before.
    Taken(&'a str),
    /// News of the run.
    Train(&'a TrainEvent),
    /// A run ended, or diverged.
    RunEnded {
        /// Its place in the sweep, counted from 1.
        number: usize,
        /// It.
        run: &'a PlannedRun,
        /// Its folder.
        path: &'a Path,
        /// What it has come to.
        outcome: &'a Outcome,
        /// Where it diverged, if it did.
        diverged: Option<&'a Error>,
    },
}

/// The device of a sweep, and the data that lie on it.
#[derive(Debug)]
pub struct Execution<'s> {
    session: &'s Session,
    loaded: Option<Loaded>,
    /// What was taken last of the weights to begin with.
    taken: Option<String>,
}

/// Data on the GPU, and which they are.
#[derive(Debug)]
struct Loaded {
    source: DataSource,
    /// What they were drawn by.
    seed: Option<u64>,
    valid_fraction: f64,
    found: Found,
    layout: SplitLayout,
    image: ImageShape,
    data: JobData,
}

/// What the data of a run depend on beside their source.
fn drawn_by(config: &RunConfig) -> Option<u64> {
    let is_drawn = config.data.is_drawn() || config.test_fraction > 0.0;
    is_drawn.then_some(config.data_seed)
}

impl<'s> Execution<'s> {
    /// On the device of `session`.
    pub fn new(session: &'s Session) -> Self {
        Self {
            session,
            loaded: None,
            taken: None,
        }
    }

    /// Takes `split`, the data of `config`, which the caller had to look at.
    ///
    /// Errors where they do not fit the device.
    pub fn upload(&mut self, config: &RunConfig, split: Split) -> Result<()> {
        // The data before are given back first: both need not fit.
        self.loaded = None;
        let data = HostData::new(split, config)?;
        let limits = self.session.device().target().limits;
        self.loaded = Some(Loaded {
            source: config.data.clone(),
            seed: drawn_by(config),
            valid_fraction: config.valid_fraction,
            found: data.found().clone(),
            layout: data.layout(limits.binding_bytes)?,
            image: data.image(),
            data: JobData::upload(self.session, data)?,
        });
        Ok(())
    }

    /// The data of `config`, loaded and uploaded unless they are those of the run before.
    fn load(&mut self, config: &RunConfig) -> Result<&Loaded> {
        let fits = |it: &Loaded| {
            it.source == config.data
                && it.seed == drawn_by(config)
                && it.valid_fraction == config.valid_fraction
        };
        if !self.loaded.as_ref().is_some_and(fits) {
            self.loaded = None;
            self.upload(config, config.data.load_with(&config.loading())?)?;
        }
        let missing = || Error::usage("no data were loaded", "this is a bug; please report it");
        self.loaded.as_ref().ok_or_else(missing)
    }

    /// Looks at all `runs` before the first one begins, on the data of the first; returns what there
    /// is to know of those. The runs' configurations say afterwards what these data are.
    ///
    /// Errors where a run cannot be: a layer does not fit the images, or a net the adapter.
    pub fn check(&mut self, runs: &mut [PlannedRun], tuning: &Tuning) -> Result<DataRecord> {
        let Some(first) = runs.first() else {
            return Err(Error::usage(
                "a sweep of no runs trains nothing",
                "give a setting several values, as in `lr` 1e-2,1e-4",
            ));
        };
        let session = self.session;
        let loaded = self.load(&first.config)?;
        for run in &mut *runs {
            loaded.data.record().check_validation(&run.config)?;
            run.config = run.config.on(&loaded.found)?;
            let job = loaded.job(session, run, tuning).and_then(Job::with_init);
            job.and_then(|job| job.plan().check(&session.device().target().limits))
                .map_err(|error| error.and_hint(&format!("it is run {} of the sweep", run.name)))?;
        }
        Ok(loaded.data.record().clone())
    }

    /// Trains every run of `folder` that is its own and has not ended, one after the other. `interrupted` is asked
    /// after every step; where it says so, the run is saved.
    ///
    /// A run that diverges is recorded as such, and the sweep goes on. Errors with
    /// [`Error::Interrupted`] where somebody asked it to stop; after every error it can go on by
    /// [`SweepFolder::open`].
    pub fn run(
        &mut self,
        folder: &mut SweepFolder,
        interrupted: impl Fn() -> bool,
        mut on_event: impl FnMut(&SweepEvent<'_>) -> Result<()>,
    ) -> Result<()> {
        let sweep = folder.sweep().clone();
        for index in folder.own_runs() {
            let run = &sweep.runs[index];
            let path = folder.run_path(index);
            if folder.has_ended(index) {
                continue;
            }
            if interrupted() {
                return Err(Error::Interrupted {
                    what: format!("before {}", folder.words_of(index)),
                    hint: "resume the sweep".to_owned(),
                });
            }
            folder.begin(index)?;
            let number = index + 1;
            on_event(&SweepEvent::RunStarted { number, run })?;
            let ended = self.one(&sweep, run, &path, &interrupted, &mut on_event);
            let (outcome, diverged) = ended.map_err(|error| match error {
                Error::Interrupted { what, hint } => Error::Interrupted {
                    what: format!("in {}, {what}", folder.words_of(index)),
                    hint,
                },
                other => other,
            })?;
            on_event(&SweepEvent::RunEnded {
                number,
                run,
                path: &path,
                outcome: &outcome,
                diverged: diverged.as_ref(),
            })?;
            // The last thing: whoever reads that a run has ended finds all that was made of it.
            folder.record(index, &outcome)?;
        }
        Ok(())
    }

    /// Trains `run` in the folder `path` to its end, from its checkpoint on where it has one.
    fn one(
        &mut self,
        sweep: &Sweep,
        run: &PlannedRun,
        path: &Path,
        interrupted: &impl Fn() -> bool,
        on_event: &mut impl FnMut(&SweepEvent<'_>) -> Result<()>,
    ) -> Result<(Outcome, Option<Error>)> {
        let mut run = self.begin(sweep, run, path, on_event)?;
        let trained = run.train(interrupted, |event| on_event(&SweepEvent::Train(event)));
        let (status, diverged) = match trained {
            // Its time was up before its first epoch ended: there is nothing to compare yet.
            Ok(()) if run.trainer().logs().is_empty() => (Status::Unfinished, None),
            Ok(()) => (Status::Done, None),
            Err(error @ Error::Diverged { .. }) => (Status::Diverged, Some(error)),
            Err(other) => return Err(other),
        };
        let trainer = run.trainer();
        let outcome = Outcome {
            status,
            parameters: trainer.network().parameters.elements(),
            last: trainer.logs().last().cloned(),
            seconds: (trainer.logs().iter()).fold(0.0, |sum, epoch| sum + epoch.seconds),
        };
        Ok((outcome, diverged))
    }

    fn begin(
        &mut self,
        sweep: &Sweep,
        run: &PlannedRun,
        path: &Path,
        on_event: &mut impl FnMut(&SweepEvent<'_>) -> Result<()>,
    ) -> Result<Run<'s>> {
        let (session, said) = (self.session, self.taken.clone());
        let loaded = self.load(&run.config)?;
        let data = loaded.data.record();
        if loaded
            .seed
            .is_none_or(|seed| seed == sweep.runs[0].config.data_seed)
        {
            let recorded = sweep.data.check(data);
            recorded.map_err(|error| error.and_hint("sweep.toml records the sweep's data"))?;
        }
        let mut job = loaded.job(session, run, &sweep.tuning)?;
        let environment = job.environment(session, data, utc_now());
        refuse_link(path)?;
        if path.exists() {
            let folder = RunFolder::open(path)?;
            let checkpoint = folder.checkpoint()?;
            checkpoint.check_config(&run.config, path)?;
            let record = folder.environment()?;
            record.check_kind(&environment)?;
            on_event(&SweepEvent::Resuming {
                step: checkpoint.state.step,
                differences: record.differences(&environment),
                note: checkpoint.note,
            })?;
            let trainer = job.trainer(session, &loaded.data)?;
            return job.resume(trainer, folder, checkpoint, data, &environment);
        }
        job = job.with_init()?;
        let taken = job.taken().map(str::to_owned);
        if let Some(news) = taken.as_deref().filter(|it| said.as_deref() != Some(*it)) {
            on_event(&SweepEvent::Taken(news))?;
        }
        let trainer = job.trainer(session, &loaded.data)?;
        let run = job.create(trainer, [path.to_path_buf()], data, &environment)?;
        self.taken = taken;
        Ok(run)
    }
}

impl Loaded {
    fn job(&self, session: &Session, run: &PlannedRun, tuning: &Tuning) -> Result<Job> {
        let tuning = (!tuning.is_empty()).then(|| Arc::new(tuning.clone()));
        let target = session.device().target();
        let config = run.config.on(&self.found)?;
        Job::new(config, &self.layout, self.image, target, tuning)
    }
}
