//! The folder a run writes: configuration, environment, metrics, weights. Every file but the
//! growing metrics.csv is written whole or not at all.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::metrics::EpochMetrics;
use super::run_config::{Environment, RunConfig};
use super::task::Task;
use super::weights::save_weights;
use crate::error::{Error, Result};
use crate::exec::Profile;
use crate::files::{unwritable, write_whole};
use crate::graph::ParameterTable;

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    task: Task,
}

impl RunFolder {
    /// Makes the folder `path` and writes `config.toml`, `environment.toml` and the header of
    /// `metrics.csv` into it.
    ///
    /// Errors where it exists, since a run is never overwritten, and where not all of it can be
    /// written; then nothing is left behind.
    pub fn create(path: &Path, config: &RunConfig, environment: &Environment) -> Result<Self> {
        let task = Task::Regression;
        let names: Vec<&str> = task.columns().iter().map(|column| column.name).collect();
        let files = [
            ("config.toml", to_toml(config)?),
            ("environment.toml", to_toml(environment)?),
            ("metrics.csv", names.join(",") + "\n"),
        ];
        let made = make_folders(path)?;
        let folder = Self {
            path: path.to_path_buf(),
            task,
        };
        let write =
            |(name, text): &(&str, String)| write_whole(&folder.file(name), text.as_bytes());
        if let Err(error) = files.iter().try_for_each(write) {
            for (name, _) in &files {
                let _ = fs::remove_file(folder.file(name));
            }
            remove_folders(&made);
            return Err(error);
        }
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
        let columns = self.task.columns().iter();
        let written = writer.write_record(columns.map(|column| column.value(metrics)));
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

/// Makes `path`, which must not exist, and what is missing above it; returns what it made, the
/// outermost first. Where it fails, it takes away again what it made.
fn make_folders(path: &Path) -> Result<Vec<PathBuf>> {
    let mut missing: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|parent| !parent.as_os_str().is_empty() && !parent.exists())
        .collect();
    missing.reverse();
    let mut made = Vec::new();
    for folder in missing.into_iter().chain([path]) {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_path_buf()),
            // Another run may have made it in the meantime.
            Err(_) if folder != path && folder.is_dir() => {}
            Err(error) => {
                remove_folders(&made);
                return Err(match error.kind() {
                    std::io::ErrorKind::AlreadyExists => exists(path),
                    _ => unwritable(folder, &error),
                });
            }
        }
    }
    Ok(made)
}

/// Removes what [`make_folders`] made, as far as it is still empty.
fn remove_folders(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

fn to_toml(value: &impl Serialize) -> Result<String> {
    toml::to_string(value).map_err(|error| {
        Error::usage(
            format!("the configuration cannot be written as TOML: {error}"),
            "this is a bug in gpu-train; please report it",
        )
    })
}

fn exists(path: &Path) -> Error {
    Error::file(
        path,
        "exists already, and a run is never overwritten",
        "give another folder with --out, or leave --out away",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_cannot_all_be_made_leave_none() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let names = || fs::read_dir(place.path()).expect("readable").count();
        let long = "x".repeat(300);
        let error = make_folders(&place.path().join("a/b").join(&long).join("c"));
        assert!(error.is_err(), "no system has such long names");
        assert_eq!(names(), 0);
        let made = make_folders(&place.path().join("a/b/c")).expect("can be made");
        assert_eq!(made.len(), 3);
        assert!(make_folders(&place.path().join("a/b/c")).is_err());
        remove_folders(&made);
        assert_eq!(names(), 0);
    }
}
