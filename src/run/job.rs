//! What single runs and sweeps share: from a configuration, step by step, to a run that is ready to
//! train.

use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::environment::Environment;
use super::folder::RunFolder;
use super::record::DataRecord;
use super::run::Run;
use super::run_config::RunConfig;
use super::task::{Found, Task};
use super::weights::{load_some_weights, load_weights};
use crate::data::{Dataset, Normalization, Split, TargetStatistics, hold_out};
use crate::error::{Error, Result};
use crate::kernel::shards::SHARDS;
use crate::kernel::target::Target;
use crate::kernel::tuning::Tuning;
use crate::nn::{Network, initial_parameters};
use crate::shape::ImageShape;
use crate::train::Plan;
use crate::train::Session;
use crate::train::Trainer;
use crate::train::TrainerOptions;
use crate::train::{ResidentSplit, SplitLayout};

/// The data of runs on the host: parted into what is trained on, tested on and validated on.
#[derive(Debug, Clone)]
pub struct HostData {
    split: Split,
    record: DataRecord,
    found: Found,
}

impl HostData {
    /// Parts `split`, the data that `config` names, as `config` says.
    ///
    /// Errors where nothing can be held out, or is to be beside a validation set that the data have; where
    /// there is none, and the configuration waits for it; and where targets make no classes and are to be some.
    pub fn new(mut split: Split, config: &RunConfig) -> Result<Self> {
        let record = DataRecord::of(&split);
        record.check_validation(config)?;
        if config.task_of(split.classes().is_some()) == Task::Classify {
            split = split.classified()?;
        }
        if config.valid_fraction != 0.0 {
            let (train, valid) = hold_out(&split.train, config.valid_fraction)?;
            split.train = train;
            split.valid = Some(valid);
        }
        let classes = split.classes().cloned();
        let count = classes.as_ref().map_or(0, |it| it.names().len());
        let counts = split.train.class_counts(count);
        let normalization = config.normalize.then(|| Normalization::of(&split.train));
        let normalization = normalization.transpose()?;
        Ok(Self {
            record,
            found: Found {
                targets: TargetStatistics::of(split.train.targets()),
                classes,
                counts,
                normalization,
            },
            split,
        })
    }

    /// How it would lie on an adapter that binds `binding_bytes` at once.
    ///
    /// Errors where it does not fit.
    pub fn layout(&self, binding_bytes: u64) -> Result<SplitLayout> {
        SplitLayout::of(&self.split, binding_bytes)
    }

    /// Shape of one image.
    pub fn image(&self) -> ImageShape {
        self.split.train.shape()
    }

    /// What they say of the task.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// What is tested on.
    pub fn test(&self) -> &Dataset {
        &self.split.test
    }

    /// Number of images that are trained on.
    pub fn samples(&self) -> usize {
        self.split.train.len()
    }

    /// What runs record of it.
    pub fn record(&self) -> &DataRecord {
        &self.record
    }
}

/// A training and a test set on the GPU, and what runs record of them. Jobs share it.
#[derive(Debug, Clone)]
pub struct JobData {
    resident: Arc<ResidentSplit>,
    record: DataRecord,
}

impl JobData {
    /// Copies `data` to the GPU.
    pub fn upload(session: &Session, data: HostData) -> Result<Self> {
        let HostData { split, record, .. } = data;
        let resident = session.upload_split(split)?;
        Ok(Self { resident, record })
    }

    /// What runs record of the data.
    pub fn record(&self) -> &DataRecord {
        &self.record
    }
}

/// A run of which everything is known, and nothing uploaded, allocated or written yet.
#[derive(Debug)]
pub struct Job {
    config: RunConfig,
    network: Network,
    options: TrainerOptions,
    plan: Plan,
    /// Which of its weights are not random, where some are.
    taken: Option<String>,
}

impl Job {
    /// What `config` means on images of shape `image` that lie as `layout`, for an adapter that is
    /// `target`; `tuning` are the measured tiles in use.
    ///
    /// Errors where an option makes no sense or a layer does not fit, naming it.
    pub fn new(
        config: RunConfig,
        layout: &SplitLayout,
        image: ImageShape,
        target: &Target,
        tuning: Option<Arc<Tuning>>,
    ) -> Result<Self> {
        config.validate()?;
        if target.is_cpu() && config.shards == Some(1) {
            return Err(Error::usage(
                format!("`shards` 1 is for adapters: the processor computes a batch in {SHARDS}"),
                "omit `shards`",
            ));
        }
        let network = config.network(image)?;
        let options = TrainerOptions {
            tuning,
            ..config.options()
        };
        let plan = Plan::new(&network, layout, &options, target)?;
        Ok(Self {
            config,
            network,
            options,
            plan,
            taken: None,
        })
    }

    /// The same, from the weights of the file that the configuration names, if it names one; a run
    /// that goes on has its own.
    ///
    /// Errors where they cannot be read, or are not of this net.
    pub fn with_init(mut self) -> Result<Self> {
        let Some(path) = self.config.init.as_deref() else {
            return Ok(self);
        };
        self.options.init = Some(if self.config.init_partial {
            let found = load_some_weights(path, &self.network)?;
            self.taken = Some(found.to_string());
            let random = initial_parameters(&self.network.parameters, self.options.seed);
            let pairs = found.tensors.into_iter().zip(random);
            pairs
                .map(|(found, random)| found.unwrap_or(random))
                .collect()
        } else {
            load_weights(path, &self.network.parameters)?
        });
        Ok(self)
    }

    /// Which weights the file that it begins with has, and which begin at random, a sentence; `None` where it has all,
    /// or there is none.
    pub fn taken(&self) -> Option<&str> {
        self.taken.as_deref()
    }

    /// The first batch of its training as bytes, one image after the other, and the shape of an image.
    ///
    /// Errors as [`Session::first_batch`].
    pub fn first_batch(&self, session: &Session, data: &JobData) -> Result<(Vec<u8>, ImageShape)> {
        let set = data.resident.train();
        Ok((session.first_batch(set, &self.options)?, set.shape()))
    }

    /// What was asked for.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The net.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What it will run, and the memory it takes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The trainer, on `data`.
    pub fn trainer<'s>(&self, session: &'s Session, data: &JobData) -> Result<Trainer<'s>> {
        let resident = Arc::clone(&data.resident);
        let options = self.options.clone();
        Trainer::of(session, resident, self.network.clone(), options)
    }

    /// What the run records of where it runs, since when (`started`, such as `2026-11-26T21:03:59Z`), and on
    /// what.
    pub fn environment(
        &self,
        session: &Session,
        data: &DataRecord,
        started: String,
    ) -> Environment {
        Environment {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            started,
            train_fingerprint: data.train.fingerprint.clone(),
            test_fingerprint: data.test.fingerprint.clone(),
            train_images: data.train.images,
            test_images: data.test.images,
            image_shape: data.train.shape,
            adapter: session.device().description().clone(),
            tuning: self.plan.tuning(),
        }
    }

    /// The new run of `trainer`, which is this job's, in the first of `paths` where nothing is yet.
    ///
    /// Errors as [`Run::create`] does.
    pub fn create<'s>(
        &self,
        trainer: Trainer<'s>,
        paths: impl IntoIterator<Item = PathBuf>,
        data: &DataRecord,
        environment: &Environment,
    ) -> Result<Run<'s>> {
        Run::create(trainer, paths, &self.config, data, environment)
    }

    /// The run in `folder` from its `checkpoint` on, by `trainer`, which is this job's.
    ///
    /// Errors as [`Run::resume`] does.
    pub fn resume<'s>(
        &self,
        trainer: Trainer<'s>,
        folder: RunFolder,
        checkpoint: Checkpoint,
        data: &DataRecord,
        environment: &Environment,
    ) -> Result<Run<'s>> {
        Run::resume(trainer, folder, checkpoint, &self.config, data, environment)
    }
}
