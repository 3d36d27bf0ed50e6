//! The folder of a sweep: `sweep.toml` with what was asked, `summary.csv`, and a folder per run.
//!
//! The first line of `sweep.toml` is the CRC-32 of all that follows.

use std::path::{Path, PathBuf};

use crc32fast::hash;
use serde::{Deserialize, Serialize};

use super::axes::MOST_RUNS;
use super::summary::{Outcome, Summary};
use crate::error::{Error, Result};
use crate::files::folder::{FolderLock, create_locked, open_locked};
use crate::files::read_regular;
use crate::kernel::tuning::Tuning;
use crate::run::{DataRecord, RunConfig};

const SWEEP: &str = "sweep.toml";
const SUMMARY: &str = "summary.csv";
/// Far more than a thousand configurations and the tiles need.
const MAX_BYTES: u64 = 16 << 20;
/// Of `sweep.toml`. Files of before have neither a format nor a checksum.
const FORMAT: i64 = 2;
const CHECKSUM: &str = "checksum = ";
const DAMAGED: &str = "restore the file from a copy, or begin a new sweep";
/// A run's name is a folder's: systems allow 255 bytes, and files are written beside it.
const MAX_NAME: usize = 160;
const HINT: &str = "`resume` takes the folder that a sweep wrote, such as runs/<time>-sweep";

/// What a sweep was asked for, every default resolved: `sweep.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sweep {
    /// What it is: `sweep`, or the name of an experiment.
    pub title: String,
    /// Version of gpu-train that began it.
    pub version: String,
    /// The data of its first run.
    pub data: DataRecord,
    /// Measured tiles that all of its runs use.
    #[serde(default, skip_serializing_if = "Tuning::is_empty")]
    pub tuning: Tuning,
    /// Its runs, in order.
    pub runs: Vec<PlannedRun>,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PlannedRun {
    /// Its name, and that of its folder.
    pub name: String,
    /// The options that vary in this sweep, with this run's values.
    pub varies: Vec<(String, String)>,
    /// All of its options.
    #[serde(deserialize_with = "RunConfig::recorded")]
    pub config: RunConfig,
}

impl Sweep {
    /// The bytes of its file.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = toml::to_string(self).map_err(|error| {
            let what = format!("the sweep cannot be written as TOML: {error}");
            Error::usage(what, "this is a bug in gpu-train; please report it")
        })?;
        let text = format!("format = {FORMAT}\n{text}");
        Ok(format!("{CHECKSUM}{}\n{text}", hash(text.as_bytes())).into_bytes())
    }

    /// Reads the bytes of a file; also tells whether its checksum could be verified, which files of an
    /// earlier version have none of.
    fn parse(bytes: &[u8]) -> Result<(Self, bool), String> {
        let text = str::from_utf8(bytes).map_err(|_| "is no text".to_owned())?;
        let wrong = |error: toml::de::Error| format!("describes no sweep: {}", error.message());
        let checked = text.strip_prefix(CHECKSUM);
        let checked = checked.and_then(|it| it.split_once('\n'));
        let mut table: toml::Table = match checked {
            Some((sum, rest)) if sum == hash(rest.as_bytes()).to_string() => toml::from_str(rest),
            Some(_) => return Err("is damaged: its checksum does not fit".to_owned()),
            None => toml::from_str(text),
        }
        .map_err(wrong)?;
        let format = table.remove("format");
        let format = format.map(|it| it.as_integer().unwrap_or_default());
        match (checked, format) {
            (Some(_), Some(FORMAT)) | (None, None) => {}
            (_, None | Some(FORMAT)) => {
                return Err("is damaged: its checksum is missing".to_owned());
            }
            (_, Some(other)) => {
                return Err(format!("is of format {other}; this version reads {FORMAT}"));
            }
        }
        let sweep: Self = table.try_into().map_err(wrong)?;
        sweep.check()?;
        Ok((sweep, checked.is_some()))
    }

    /// Errors where there is no run, a name is no name of a folder or is there twice, runs do not vary
    /// alike, and where options make no sense.
    fn check(&self) -> Result<(), String> {
        self.data.check_sane()?;
        let Some(first) = self.runs.first() else {
            return Err("names no run".to_owned());
        };
        if self.runs.len() > MOST_RUNS {
            return Err(format!("names more than {MOST_RUNS} runs"));
        }
        let whole = |run: &PlannedRun| run.config.whole();
        let keys = |run: &PlannedRun| run.varies.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
        for (index, run) in self.runs.iter().enumerate() {
            let name = &run.name;
            if !is_name(name) {
                return Err(format!("'{name}' is no name for a run"));
            }
            let same = |other: &PlannedRun| other.name.eq_ignore_ascii_case(name);
            if self.runs[..index].iter().any(same) {
                return Err(format!("two runs are named {name}"));
            }
            if keys(run) != keys(first) {
                return Err(format!("run {name} varies by other options than the first"));
            }
            if whole(run) != whole(first) {
                let what = "is on another device, from other weights or for another time";
                return Err(format!("run {name} {what} than the first"));
            }
            let checked = run.config.validate();
            checked.map_err(|error| format!("run {name} cannot be: {error}"))?;
        }
        Ok(())
    }
}

/// Whether `name` names a folder within another one, on every system.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('.')
        && name.chars().all(allowed)
        && ![SWEEP, SUMMARY].contains(&name)
}

/// The folder of a sweep. While it lives, no other process goes on with it.
#[derive(Debug)]
pub struct SweepFolder {
    path: PathBuf,
    sweep: Sweep,
    summary: Summary,
    note: Option<&'static str>,
    _lock: FolderLock,
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
        let file = path.join(SWEEP);
        if !file.is_file() {
            let what = if path.is_dir() {
                "holds no sweep.toml"
            } else {
                "is no folder of a sweep"
            };
            return Err(Error::file(path, what, HINT));
        }
        let lock = open_locked(path)?;
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

    /// Records what run `index` has come to, in `summary.csv`.
    pub(super) fn record(&mut self, index: usize, outcome: &Outcome) -> Result<()> {
        self.summary.set(index, outcome);
        self.summary.write(&self.path.join(SUMMARY))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::nn::NetworkType;
    use crate::run::SetRecord;

    /// Runs of these names that vary by their learning rate.
    pub(in super::super) fn planned(names: &[&str]) -> Vec<PlannedRun> {
        let config = |lr: f64| RunConfig {
            dense_hiddens: vec![3],
            lr,
            batch_size: 16,
            epochs: 2,
            checkpoint_minutes: 0.0,
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
