//! The folder a run writes: configuration, environment, metrics, checkpoint, weights. Every file is
//! written whole or not at all, and so is the folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checkpoint::Checkpoint;
use super::environment::{Environment, EnvironmentRecord};
use super::predictions::predictions_csv;
use super::reading::MAX_CONFIG_BYTES;
use super::run_config::RunConfig;
use super::weights::{Metadata, save_described_weights};
use crate::error::{Error, Result};
use crate::exec::Profile;
use crate::files::folder::{FolderLock, create_locked, open_locked, refuse_existing};
use crate::files::write_whole;
use crate::graph::ParameterTable;
use crate::nn::Objective;
use crate::train::{Column, EpochMetrics};

const CONFIG: &str = "config.toml";
const ENVIRONMENT: &str = "environment.toml";
const METRICS: &str = "metrics.csv";
const CHECKPOINT: &str = "checkpoint.safetensors";
const MODEL: &str = "model.safetensors";
const BEST: &str = "best.safetensors";
const PREDICTIONS: &str = "predictions.csv";

/// The folder of one run. While it lives, no other process writes into it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: FolderLock,
}

impl RunFolder {
    /// Makes the folder `path` with configuration, environment, empty metrics and a checkpoint in it:
    /// all of it at once or nothing at all, so that a run can be resumed from its first moment on.
    ///
    /// Errors where it exists, since a run is never overwritten, and where not all of it can be
    /// written; then nothing is left behind.
    pub fn create(
        path: &Path,
        environment: &Environment,
        checkpoint: &Checkpoint,
        table: &ParameterTable,
    ) -> Result<Self> {
        refuse_existing(path)?;
        let files = [
            (CONFIG, config_toml(&checkpoint.config)?),
            (ENVIRONMENT, to_toml(environment)?.into_bytes()),
            (
                METRICS,
                metrics_csv(&*checkpoint.config.objective(), &checkpoint.logs),
            ),
            (
                CHECKPOINT,
                checkpoint.to_bytes(&path.join(CHECKPOINT), table)?,
            ),
        ];
        Ok(Self {
            _lock: create_locked(path, &files)?,
            path: path.to_path_buf(),
        })
    }

    /// Opens the folder of a run to go on with it; takes away what a killed process left half
    /// written.
    ///
    /// Errors where it is not there, or where another process is writing into it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(CHECKPOINT).is_file() {
            let what = if path.is_dir() {
                "holds no checkpoint"
            } else {
                "is not a run folder"
            };
            let hint = "`resume` takes the folder that a run wrote, such as runs/<time>-<net>";
            return Err(Error::file(path, what, hint));
        }
        let lock = open_locked(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            _lock: lock,
        })
    }

    /// Errors where `path` exists, before any work is done for it.
    pub fn refuse_existing(path: &Path) -> Result<()> {
        refuse_existing(path)
    }

    /// The configuration file of the run in the folder `path`.
    pub fn config_of(path: &Path) -> PathBuf {
        path.join(CONFIG)
    }

    /// The checkpoint of the run in the folder `path`.
    pub fn checkpoint_of(path: &Path) -> PathBuf {
        path.join(CHECKPOINT)
    }

    /// The weights of the run in the folder `path`, which are there once it has ended.
    pub fn model_of(path: &Path) -> PathBuf {
        path.join(MODEL)
    }

    /// The weights of the lowest validation loss of the run in the folder `path`, where it has a
    /// validation set.
    pub fn best_of(path: &Path) -> PathBuf {
        path.join(BEST)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes `metrics.csv`: a header and a line per epoch, numbers in full.
    pub fn save_metrics(&self, objective: &dyn Objective, logs: &[EpochMetrics]) -> Result<()> {
        write_whole(&self.file(METRICS), &metrics_csv(objective, logs))
    }

    /// Writes `config.toml` anew.
    pub fn save_config(&self, config: &RunConfig) -> Result<()> {
        write_whole(&self.file(CONFIG), &config_toml(config)?)
    }

    /// What the run ran on, as `environment.toml` records it.
    pub fn environment(&self) -> Result<EnvironmentRecord> {
        EnvironmentRecord::read(&self.file(ENVIRONMENT))
    }

    /// Writes `environment.toml` anew.
    pub fn save_environment(&self, record: &EnvironmentRecord) -> Result<()> {
        write_whole(&self.file(ENVIRONMENT), record.to_string().as_bytes())
    }

    /// Reads the checkpoint.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Checkpoint::read(&self.file(CHECKPOINT))
    }

    /// Writes the checkpoint; the one before stays until this one is safely there.
    pub fn save_checkpoint(&self, checkpoint: &Checkpoint, table: &ParameterTable) -> Result<()> {
        let path = self.file(CHECKPOINT);
        write_whole(&path, &checkpoint.to_bytes(&path, table)?)
    }

    /// Writes `trace.json`, the steps of a profile as a Chrome trace.
    pub fn save_trace(&self, profile: &Profile) -> Result<()> {
        write_whole(&self.file("trace.json"), profile.chrome_trace().as_bytes())
    }

    /// Writes `best.safetensors`, the weights of the lowest validation loss.
    pub fn save_best(
        &self,
        table: &ParameterTable,
        tensors: &[Vec<f32>],
        metadata: &Metadata,
    ) -> Result<()> {
        save_described_weights(&self.file(BEST), table, tensors, metadata)
    }

    /// Whether an epoch of the run at `path` has ended, as its `metrics.csv` says.
    pub fn has_epochs(path: &Path) -> bool {
        let metrics = fs::read_to_string(path.join(METRICS));
        metrics.is_ok_and(|text| text.lines().count() > 1)
    }

    /// Whether the run at `path` has all that a run leaves that trained to its end.
    pub fn is_complete(path: &Path) -> bool {
        let files = [MODEL, PREDICTIONS].iter();
        files.map(|file| path.join(file)).all(|file| file.is_file())
    }

    /// Writes `predictions.csv`: what the net of `config` gave for the test set, `values`, beside `targets`.
    pub fn save_predictions(
        &self,
        config: &RunConfig,
        targets: &[f32],
        values: &[f32],
    ) -> Result<()> {
        let text = predictions_csv(config, targets, values);
        write_whole(&self.file(PREDICTIONS), text.as_bytes())
    }

    /// Removes `predictions.csv`, where the model is another than the one that predicted.
    pub fn remove_predictions(&self) {
        let _ = fs::remove_file(self.file(PREDICTIONS));
    }

    /// Writes `model.safetensors`.
    pub fn save_model(
        &self,
        table: &ParameterTable,
        tensors: &[Vec<f32>],
        metadata: &Metadata,
    ) -> Result<()> {
        save_described_weights(&self.file(MODEL), table, tensors, metadata)
    }
}

/// A header and a line per epoch. A few kilobytes, written as a whole each time: a line appended by
/// a process that is killed may end anywhere.
fn metrics_csv(objective: &dyn Objective, logs: &[EpochMetrics]) -> Vec<u8> {
    let columns = Column::all(objective);
    // Numbers and plain names: nothing to quote.
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut text = format!("{}\n", names.join(","));
    for epoch in logs {
        let line: Vec<String> = columns.iter().map(|it| it.value(epoch)).collect();
        text.push_str(&line.join(","));
        text.push('\n');
    }
    text.into_bytes()
}

/// The bytes of `config.toml`.
///
/// Errors where nobody could read it back: of all that it holds, only the names of classes are as many as
/// somebody else likes.
fn config_toml(config: &RunConfig) -> Result<Vec<u8>> {
    let text = to_toml(config)?;
    if text.len() as u64 > MAX_CONFIG_BYTES {
        return Err(Error::usage(
            format!(
                "the configuration takes {} bytes of TOML; at most {MAX_CONFIG_BYTES} can be read back",
                text.len()
            ),
            "give the classes of the data set shorter names, or numbers",
        ));
    }
    Ok(text.into_bytes())
}

fn to_toml(value: &impl Serialize) -> Result<String> {
    toml::to_string(value).map_err(|error| {
        Error::usage(
            format!("the configuration cannot be written as TOML: {error}"),
            "this is a bug in gpu-train; please report it",
        )
    })
}
