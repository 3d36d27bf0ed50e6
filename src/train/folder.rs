//! The folder a run writes: configuration, environment, metrics, weights. Every file but the
//! growing metrics.csv is written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::metrics::{EpochMetrics, Metrics, Task};
use super::run_config::{Environment, RunConfig};
use super::weights::save_weights;
use crate::error::{Error, Result};
use crate::exec::Profile;
use crate::graph::ParameterTable;

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder `path` and writes `config.toml`, `environment.toml` and the header of
    /// `metrics.csv` into it.
    ///
    /// Errors where it exists: a run is never overwritten.
    pub fn create(path: &Path, config: &RunConfig, environment: &Environment) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| unwritable(parent, &error))?;
        }
        fs::create_dir(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(path),
            _ => unwritable(path, &error),
        })?;
        let folder = Self {
            path: path.to_path_buf(),
        };
        write_whole(&folder.file("config.toml"), to_toml(config)?.as_bytes())?;
        write_whole(
            &folder.file("environment.toml"),
            to_toml(environment)?.as_bytes(),
        )?;
        let header = Task::Regression.columns().join(",") + "\n";
        write_whole(&folder.file("metrics.csv"), header.as_bytes())?;
        Ok(folder)
    }

    /// Errors where `path` exists, before any work is done for it.
    pub fn refuse_existing(path: &Path) -> Result<()> {
        if path.exists() {
            Err(exists(path))
        } else {
            Ok(())
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Appends an epoch to `metrics.csv`, numbers in full.
    pub fn append(&self, metrics: &EpochMetrics) -> Result<()> {
        let path = self.file("metrics.csv");
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| unwritable(&path, &error))?;
        let mut writer = csv::Writer::from_writer(file);
        let written = writer.write_record(record(metrics));
        written
            .map_err(std::io::Error::other)
            .and_then(|()| writer.flush())
            .map_err(|error| unwritable(&path, &error))
    }

    /// Writes `trace.json`, the steps of a profile as a Chrome trace.
    pub fn save_trace(&self, profile: &Profile) -> Result<()> {
        write_whole(&self.file("trace.json"), profile.chrome_trace().as_bytes())
    }

    /// Writes `model.safetensors`.
    pub fn save_model(&self, table: &ParameterTable, tensors: &[Vec<f32>]) -> Result<()> {
        save_weights(&self.file("model.safetensors"), table, tensors)
    }
}

/// The columns of [`Task::Regression`].
fn record(epoch: &EpochMetrics) -> Vec<String> {
    let Metrics { loss, mae, .. } = epoch.train;
    let accuracy = |metrics: Metrics| metrics.accuracy.map_or(String::new(), |it| it.to_string());
    vec![
        epoch.epoch.to_string(),
        loss.to_string(),
        mae.to_string(),
        epoch.test.loss.to_string(),
        epoch.test.mae.to_string(),
        accuracy(epoch.train),
        accuracy(epoch.test),
        epoch.lr.to_string(),
        epoch.seconds.to_string(),
        epoch.samples_per_second.to_string(),
    ]
}

fn to_toml(value: &impl Serialize) -> Result<String> {
    toml::to_string(value).map_err(|error| {
        Error::usage(
            format!("the configuration cannot be written as TOML: {error}"),
            "this is a bug in gpu-train; please report it",
        )
    })
}

/// Writes a file whole or not at all: to a temporary name beside it, then renamed.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error: std::io::Error| {
        let _ = fs::remove_file(&partial);
        unwritable(path, &error)
    })
}

fn exists(path: &Path) -> Error {
    Error::file(
        path,
        "exists already, and a run is never overwritten",
        "give another folder with --out, or leave --out away",
    )
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::file(
        path,
        format!("cannot be written: {error}"),
        "choose a folder that can be written with --out, and see to free space",
    )
}
