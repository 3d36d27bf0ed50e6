//! The folder of a sweep: `sweep.toml` with what was asked, `summary.csv`, and a folder per run. Beside them are
//! empty files that processes lock, where several share a sweep.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::description::Sweep;
use super::summary::{Outcome, Status, Summary};
use crate::error::{Error, Result};
use crate::files::folder::{FolderLock, create_locked, open_locked, remove_left_files};
use crate::files::lock::PartLock;
use crate::files::read_regular;
use crate::run::RunFolder;

pub(super) const SWEEP: &str = "sweep.toml";
pub(super) const SUMMARY: &str = "summary.csv";
/// Beside the locks of runs: no run is named `summary.csv`.
const SUMMARY_LOCK: &str = ".summary.csv.lock";
/// Far more than a thousand configurations and the tiles need.
const MAX_BYTES: u64 = 16 << 20;
const DAMAGED: &str = "restore the file from a copy, or begin a new sweep";
const HINT: &str = "`resume` takes the folder that a sweep wrote, such as runs/<time>-sweep";

/// The folder of a sweep. While it lives, no other process goes on with it, or with the one run that is this one's.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    sweep: Sweep,
    summary: Summary,
    note: Option<&'static str>,
    part: Option<Part>,
    _lock: FolderLock,
}

/// The run of a sweep that one process has, where others have others.
#[derive(Debug)]
struct Part {
    index: usize,
    _lock: PartLock,
    /// Once it is this process that writes `summary.csv`.
    summary: Option<PartLock>,
}

impl SweepFolder {
    /// Makes the first of `paths` where nothing is yet: all of the folder at once or nothing at all.
    ///
    /// Errors where all of them exist, since what was written is never overwritten, where the folder
    /// cannot be written, and where two runs have one name.
    pub fn create(paths: impl IntoIterator<Item = PathBuf>, sweep: Sweep) -> Result<Self> {
        let hint = "give values and nets other names; names are made of what varies";
        sweep
            .check()
            .map_err(|what| Error::usage(format!("these runs make no sweep: {what}"), hint))?;
        sweep.check_halving()?;
        let summary = Summary::new(&sweep.runs);
        let files = [(SWEEP, sweep.to_bytes()?), (SUMMARY, summary.to_bytes())];
        let mut paths = paths.into_iter().peekable();
        loop {
            let Some(path) = paths.next() else {
                let what = "there is no name for a sweep's folder";
                return Err(Error::usage(what, "give one with `out`"));
            };
            match create_locked(&path, &files) {
                // Another sweep was faster.
                Err(_) if path.exists() && paths.peek().is_some() => {}
                Err(error) => return Err(error),
                Ok(lock) => {
                    return Ok(Self {
                        path,
                        sweep,
                        summary,
                        note: None,
                        part: None,
                        _lock: lock,
                    });
                }
            }
        }
    }

    /// Opens the folder of a sweep to go on with it.
    ///
    /// Errors where it is none, or where another process has it.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(path, open_locked)
    }

    /// Opens the folder of a sweep for its run `index`, counted from 0; other processes may have other runs of it.
    ///
    /// Errors where there is no such run, and where another process has it, or the whole sweep.
    pub fn open_run(path: &Path, index: usize) -> Result<Self> {
        let mut folder = Self::read(path, FolderLock::share)?;
        let count = folder.sweep.runs.len();
        let Some(run) = folder.sweep.runs.get(index) else {
            return Err(Error::usage(
                format!("{} has no run {index}", path.display()),
                format!("its {count} runs are 0 to {}", count - 1),
            ));
        };
        if folder.sweep.halving.is_some() {
            return Err(Error::usage(
                format!(
                    "the runs of {} compete: one process trains them all",
                    path.display()
                ),
                "omit `only`",
            ));
        }
        let lock = PartLock::hold(&path.join(format!(".{}.lock", run.name)))?;
        let lock = lock.ok_or_else(|| {
            Error::file(
                &folder.run_path(index),
                format!("another gpu-train is training run {index} of this sweep"),
                "wait until it has ended, or stop it",
            )
        })?;
        folder.part = Some(Part {
            index,
            _lock: lock,
            summary: None,
        });
        Ok(folder)
    }

    fn read(path: &Path, lock: impl FnOnce(&Path) -> Result<FolderLock>) -> Result<Self> {
        let file = path.join(SWEEP);
        if !file.is_file() {
            let what = if path.is_dir() {
                "holds no sweep.toml"
            } else {
                "is not a sweep folder"
            };
            return Err(Error::file(path, what, HINT));
        }
        let lock = lock(path)?;
        let bytes = read_regular(&file, MAX_BYTES, HINT, DAMAGED)?;
        let (sweep, is_checked) =
            Sweep::parse(&bytes).map_err(|what| Error::file(&file, what, DAMAGED))?;
        let note = "sweep.toml is of an earlier version and has no checksum: whether it is as it was \
                    written is not known";
        Ok(Self {
            note: (!is_checked).then_some(note),
            summary: Summary::read(&path.join(SUMMARY), &sweep.runs),
            path: path.to_path_buf(),
            sweep,
            part: None,
            _lock: lock,
        })
    }

    /// The description of the sweep in the folder `path`.
    pub fn sweep_of(path: &Path) -> PathBuf {
        path.join(SWEEP)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was asked for.
    pub fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    /// What to tell of the file that it was read from, a sentence.
    pub fn note(&self) -> Option<&'static str> {
        self.note
    }

    /// What has come of it so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The folder of run `index`.
    pub fn run_path(&self, index: usize) -> PathBuf {
        self.path.join(&self.sweep.runs[index].name)
    }

    /// The one run that is this process's, where others may have others.
    pub fn part(&self) -> Option<usize> {
        self.part.as_ref().map(|part| part.index)
    }

    /// The runs that are this process's: all, or one.
    pub(super) fn own_runs(&self) -> Range<usize> {
        let all = 0..self.sweep.runs.len();
        self.part().map_or(all, |index| index..index + 1)
    }

    /// Run `index` in a sentence: of one that is trained alone, its name is enough.
    pub(super) fn words_of(&self, index: usize) -> String {
        let name = &self.sweep.runs[index].name;
        match self.part {
            Some(_) => format!("run {name}"),
            None => format!("run {} of {}, {name}", index + 1, self.sweep.runs.len()),
        }
    }

    /// Whether run `index` has ended, and all that it left is there.
    pub(super) fn has_ended(&self, index: usize) -> bool {
        let path = self.run_path(index);
        match self.summary.status(index) {
            // A run that lost its model goes on from its checkpoint, which has it.
            Status::Done => RunFolder::is_complete(&path),
            Status::Diverged | Status::Dropped => path.exists(),
            Status::Unfinished => false,
        }
    }

    /// How many runs have not ended, all processes taken together. Nobody else records what a run came to from now
    /// on, or draws the sweep, as long as this lives.
    pub fn settle(&mut self) -> Result<usize> {
        let lock = self.catch_up()?;
        self.hold_summary(lock);
        let runs = 0..self.sweep.runs.len();
        Ok(runs.filter(|index| !self.has_ended(*index)).count())
    }

    /// Records that run `index` trains, where `summary.csv` says that it ended.
    pub(super) fn begin(&mut self, index: usize) -> Result<()> {
        if self.summary.status(index) == Status::Unfinished {
            return Ok(());
        }
        let _lock = self.catch_up()?;
        self.summary.clear(index);
        self.summary.write(&self.path.join(SUMMARY))
    }

    /// Records what run `index` has come to, in `summary.csv`. Where it is the only one of this process, all is said
    /// then: the right to say it stays here, so that one process alone finds that all have ended.
    pub(super) fn record(&mut self, index: usize, outcome: &Outcome) -> Result<()> {
        let lock = self.catch_up()?;
        self.summary.set(index, outcome);
        self.summary.write(&self.path.join(SUMMARY))?;
        self.hold_summary(lock);
        Ok(())
    }

    /// Records that `runs` were dropped; returns whether that is new of any.
    pub(super) fn drop_runs(&mut self, runs: &[usize]) -> Result<bool> {
        let status = |index: &usize| self.summary.status(*index);
        let unfinished = runs.iter().filter(|it| status(it) == Status::Unfinished);
        let unfinished: Vec<usize> = unfinished.copied().collect();
        for index in &unfinished {
            self.summary.drop_run(*index);
        }
        if !unfinished.is_empty() {
            self.summary.write(&self.path.join(SUMMARY))?;
        }
        Ok(!unfinished.is_empty())
    }

    /// Waits until no other process records what a run came to, and reads what all of them did.
    fn catch_up(&mut self) -> Result<Option<PartLock>> {
        if !matches!(self.part, Some(Part { summary: None, .. })) {
            return Ok(None);
        }
        let lock = PartLock::wait(&self.path.join(SUMMARY_LOCK))?;
        // All that others write into this folder, they write while they have this lock.
        remove_left_files(&self.path);
        self.summary = Summary::read(&self.path.join(SUMMARY), &self.sweep.runs);
        Ok(Some(lock))
    }

    fn hold_summary(&mut self, lock: Option<PartLock>) {
        if let (Some(part), Some(lock)) = (&mut self.part, lock) {
            part.summary = Some(lock);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::description::PlannedRun;
    use super::*;
    use crate::kernel::tuning::Tuning;
    use crate::nn::NetworkType;
    use crate::run::{DataRecord, RunConfig, SetRecord};

    /// Runs of these names that vary by their learning rate.
    pub(in super::super) fn planned(names: &[&str]) -> Vec<PlannedRun> {
        let config = |lr: f64| RunConfig {
            dense_hiddens: vec![3],
            lr,
            batch_size: 16,
            epochs: 2,
            checkpoint_minutes: 0.0,
            // What is recorded of the data.
            task: Some(crate::run::Task::Regress),
            target_scale: Some(crate::run::ScaleRule::None),
            targets: Some(crate::data::TargetStatistics::of(&[0.0, 9.0])),
            ..RunConfig::default_for(NetworkType::Mlp)
        };
        let run = |(index, &name): (usize, &&str)| PlannedRun {
            name: name.to_owned(),
            varies: vec![("lr".to_owned(), (index + 1).to_string())],
            config: config((index + 1) as f64),
        };
        names.iter().enumerate().map(run).collect()
    }

    fn sweep(names: &[&str]) -> Sweep {
        let set = || SetRecord {
            fingerprint: "00".repeat(8),
            images: 3,
            shape: [1, 2, 2],
        };
        Sweep {
            title: "sweep".to_owned(),
            version: "1".to_owned(),
            data: DataRecord {
                train: set(),
                test: set(),
                valid: None,
            },
            tuning: Tuning::default(),
            halving: None,
            runs: planned(names),
        }
    }

    #[test]
    fn a_sweep_is_read_back_as_it_was_asked_for() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let paths = ["a", "b"].map(|name| place.path().join(name));
        let create = || SweepFolder::create(paths.clone(), sweep(&["lr-1", "lr-2"]));
        let first = create().expect("is free");
        let second = create().expect("the next name is free");
        assert_eq!(second.path(), paths[1]);
        let error = create().expect_err("both are taken");
        assert!(error.to_string().contains("never overwritten"), "{error}");
        let error = SweepFolder::open(&paths[0]).expect_err("is held");
        assert!(error.to_string().contains("another gpu-train"), "{error}");
        drop(first);
        let read = SweepFolder::open(&paths[0]).expect("is a sweep");
        assert_eq!(read.sweep(), second.sweep());
        assert_eq!(read.summary(), second.summary());
        assert_eq!(read.run_path(1), paths[0].join("lr-2"));
    }

    #[test]
    fn names_that_lead_elsewhere_make_no_sweep() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().join("a");
        let long = "x".repeat(161);
        for names in [
            &["../b"][..],
            &[".."],
            &["/etc"],
            &["a\\b"],
            &[""],
            &["summary.csv"],
            &["a", "A"],
            &[&long],
            &[],
        ] {
            let error = SweepFolder::create([path.clone()], sweep(names)).expect_err("is none");
            assert!(!error.hint().is_empty(), "{names:?}");
            assert!(!path.exists(), "{names:?}");
        }
        // The same in a file that somebody else wrote, as earlier versions did: without a checksum.
        drop(SweepFolder::create([path.clone()], sweep(&["b"])).expect("is free"));
        let file = path.join(SWEEP);
        let text = std::fs::read_to_string(&file).expect("reads");
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let text = lines.join("\n");
        std::fs::write(&file, &text).expect("writes");
        let old = SweepFolder::open(&path).expect("is one");
        assert!(old.note().is_some_and(|it| it.contains("no checksum")));
        drop(old);
        for (from, to) in [
            ("\"b\"", "\"../b\""),
            ("title", "titel"),
            ("[[runs]]", "[["),
        ] {
            std::fs::write(&file, text.replace(from, to)).expect("writes");
            let error = SweepFolder::open(&path).expect_err("is none");
            assert!(error.to_string().contains("sweep.toml"), "{error}");
        }
        for wrong in ["none", ""] {
            let error = SweepFolder::open(&place.path().join(wrong)).expect_err("is none");
            assert!(error.hint().contains("`resume`"), "{error}");
        }
    }
}
