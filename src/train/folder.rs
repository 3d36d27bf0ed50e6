//! The folder a run writes: configuration, environment, metrics, checkpoint, weights. Every file is
//! written whole or not at all, and so is the folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::checkpoint::Checkpoint;
use super::environment::{Environment, EnvironmentRecord};
use super::metrics::EpochMetrics;
use super::run_config::RunConfig;
use super::task::Task;
use super::weights::save_weights;
use crate::error::{Error, Result};
use crate::exec::Profile;
use crate::files::{
    partial_beside, remove_partial_files, rename, replace, unwritable, write_whole,
};
use crate::graph::ParameterTable;

const CONFIG: &str = "config.toml";
const ENVIRONMENT: &str = "environment.toml";
const METRICS: &str = "metrics.csv";
const CHECKPOINT: &str = "checkpoint.safetensors";
const MODEL: &str = "model.safetensors";
/// Locked by the process that writes into the folder.
const LOCK: &str = ".lock";

/// The folder of one run. While it lives, no other process writes into it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    task: Task,
    _lock: File,
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
        Self::refuse_existing(path)?;
        let task = Task::Regression;
        let files = [
            (CONFIG, to_toml(&checkpoint.config)?.into_bytes()),
            (ENVIRONMENT, to_toml(environment)?.into_bytes()),
            (METRICS, metrics_csv(task, &checkpoint.logs)),
            (
                CHECKPOINT,
                checkpoint.to_bytes(&path.join(CHECKPOINT), table)?,
            ),
        ];
        let above = path.parent().unwrap_or(Path::new(""));
        let made = make_folders(above)?;
        remove_forgotten_folders(above);
        let filled = fill(path, &files).and_then(|()| open_lock(path));
        let lock = filled.inspect_err(|_| remove_folders(&made))?;
        Ok(Self {
            _lock: hold(path, lock)?,
            path: path.to_path_buf(),
            task,
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
                "is no folder of a run"
            };
            let hint = "--resume takes the folder that a run wrote, such as runs/<time>-<net>";
            return Err(Error::file(path, what, hint));
        }
        let lock = hold(path, open_lock(path)?)?;
        remove_partial_files(path);
        Ok(Self {
            path: path.to_path_buf(),
            task: Task::Regression,
            _lock: lock,
        })
    }

    /// Errors where `path` exists, before any work is done for it.
    pub fn refuse_existing(path: &Path) -> Result<()> {
        if path.exists() {
            Err(exists(path))
        } else {
            Ok(())
        }
    }

    /// The configuration file of the run in the folder `path`.
    pub fn config_of(path: &Path) -> PathBuf {
        path.join(CONFIG)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes `metrics.csv`: a header and a line per epoch, numbers in full.
    pub fn save_metrics(&self, logs: &[EpochMetrics]) -> Result<()> {
        write_whole(&self.file(METRICS), &metrics_csv(self.task, logs))
    }

    /// Writes `config.toml` anew.
    pub fn save_config(&self, config: &RunConfig) -> Result<()> {
        write_whole(&self.file(CONFIG), to_toml(config)?.as_bytes())
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

    /// Writes `model.safetensors`.
    pub fn save_model(&self, table: &ParameterTable, tensors: &[Vec<f32>]) -> Result<()> {
        save_weights(&self.file(MODEL), table, tensors)
    }
}

/// A header and a line per epoch. A few kilobytes, written as a whole each time: a line appended by
/// a process that is killed may end anywhere.
fn metrics_csv(task: Task, logs: &[EpochMetrics]) -> Vec<u8> {
    let columns = task.columns();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = writer.write_record(columns.iter().map(|column| column.name));
    let mut lines = logs.iter().map(|epoch| {
        let line = columns.iter().map(|column| column.value(epoch));
        line.collect::<Vec<_>>()
    });
    let written = header.and_then(|()| lines.try_for_each(|line| writer.write_record(line)));
    let () = written.expect("lines of equal length, in memory");
    writer.into_inner().expect("in memory")
}

fn open_lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    // Windows locks no file that is open for appending alone.
    let mut options = OpenOptions::new();
    let opened = options.create(true).truncate(false).write(true).open(&path);
    opened.map_err(|error| unwritable(&path, &error))
}

/// Locks the folder of a run for this process, as long as the file lives.
///
/// Errors where another process holds it. Where the file system knows no locks, there is none.
fn hold(folder: &Path, lock: File) -> Result<File> {
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::file(
            folder,
            "another gpu-train is writing into this run",
            "wait until it has ended, or stop it; a new run needs no --out",
        )),
        _ => Ok(lock),
    }
}

/// What a new folder is called before it is whole.
const NEW: &str = ".gpu-train-new";
/// After this time nobody is filling a folder any more.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// Makes the folder `path` with `files` in it: filled under another name, then renamed.
fn fill(path: &Path, files: &[(&str, Vec<u8>)]) -> Result<()> {
    let new = partial_beside(&path.with_file_name(NEW));
    let write = || {
        fs::create_dir(&new).map_err(|error| unwritable(path, &error))?;
        for (name, bytes) in files {
            let written = replace(&new.join(name), bytes);
            written.map_err(|error| unwritable(&path.join(name), &error))?;
        }
        // A path may be too long for what is to lie in the folder, though not for the folder.
        for file in files.iter().map(|(name, _)| path.join(name)) {
            if let Err(error) = fs::symlink_metadata(partial_beside(&file))
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(unwritable(&file, &error));
            }
        }
        rename(&new, path).map_err(|error| {
            // Another run may have made it in the meantime.
            if path.exists() {
                exists(path)
            } else {
                unwritable(path, &error)
            }
        })
    };
    write().inspect_err(|_| {
        let _ = fs::remove_dir_all(&new);
    })
}

/// Removes folders in `above` that a killed process left before they were runs.
fn remove_forgotten_folders(above: &Path) {
    let above = if above.as_os_str().is_empty() {
        Path::new(".")
    } else {
        above
    };
    let entries = fs::read_dir(above).into_iter().flatten().flatten();
    for entry in entries {
        let forgotten = || {
            let age = entry.metadata().ok()?.modified().ok()?.elapsed().ok()?;
            Some(age > FORGOTTEN)
        };
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(NEW) && forgotten() == Some(true) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes what is missing of the folder `path`, which may exist; returns what it made, the outermost
/// first. Where it fails, it takes away again what it made.
fn make_folders(path: &Path) -> Result<Vec<PathBuf>> {
    let mut missing: Vec<&Path> = path
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    missing.reverse();
    let mut made = Vec::new();
    for folder in missing {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_path_buf()),
            // Another run may have made it in the meantime.
            Err(_) if folder.is_dir() => {}
            Err(error) => {
                remove_folders(&made);
                return Err(unwritable(folder, &error));
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
        assert_eq!(make_folders(&place.path().join("a/b/c")).ok(), Some(vec![]));
        remove_folders(&made);
        assert_eq!(names(), 0);
    }

    #[test]
    fn a_folder_has_all_of_its_files_or_is_not_there() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let run = place.path().join("run");
        let names = || fs::read_dir(place.path()).expect("readable").count();
        let error = fill(&run, &[("a", vec![1]), ("no/such/folder", vec![2])]);
        assert!(error.is_err());
        assert_eq!(names(), 0);
        fill(&run, &[("a", vec![1]), ("b", vec![2])]).expect("can be written");
        assert_eq!(fs::read(run.join("b")).ok(), Some(vec![2]));
        // As by a second run that found the name free a moment ago.
        let error = fill(&run, &[("a", vec![3])]).expect_err("is there");
        assert!(error.to_string().contains("never overwritten"), "{error}");
        assert_eq!(fs::read(run.join("a")).ok(), Some(vec![1]));
        assert_eq!(names(), 1);
    }

    #[test]
    fn one_process_at_a_time_writes_into_a_run() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let lock = || hold(place.path(), open_lock(place.path()).expect("opens"));
        let held = lock().expect("is free");
        let error = lock().expect_err("is held");
        assert!(error.to_string().contains("another gpu-train"), "{error}");
        drop(held);
        assert!(lock().is_ok());
    }
}
