//! `sweep.toml`: what a sweep was asked for. Its first line is the CRC-32 of all that follows.

use crc32fast::hash;
use serde::{Deserialize, Serialize};

use super::axes::MOST_RUNS;
use super::folder::{SUMMARY, SWEEP};
use super::halving::NOT_COMPARABLE;
use crate::error::{Error, Result};
use crate::kernel::tuning::Tuning;
use crate::run::{DataRecord, RunConfig};

/// Files of before have neither a format nor a checksum.
const FORMAT: i64 = 2;
const CHECKSUM: &str = "checksum = ";
/// A run's name is a folder's: systems allow 255 bytes, and files are written beside it.
const MAX_NAME: usize = 160;

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
    /// Of how many candidates one goes on from each rung of successive halving; without it, all runs train to their
    /// end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halving: Option<usize>,
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
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = toml::to_string(self).map_err(|error| {
            let what = format!("the sweep cannot be written as TOML: {error}");
            Error::usage(what, "this is a bug in gpu-train; please report it")
        })?;
        let text = format!("format = {FORMAT}\n{text}");
        Ok(format!("{CHECKSUM}{}\n{text}", hash(text.as_bytes())).into_bytes())
    }

    /// Reads the bytes of a file; also tells whether its checksum could be verified, which files of an
    /// earlier version have none of.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, bool), String> {
        let text = str::from_utf8(bytes).map_err(|_| "is not text".to_owned())?;
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
    pub(super) fn check(&self) -> Result<(), String> {
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
                return Err(format!("'{name}' is not a name for a run"));
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

    /// Errors where its runs cannot compete.
    pub(super) fn check_halving(&self) -> Result<()> {
        let Some(factor) = self.halving else {
            return Ok(());
        };
        if !(2..=MOST_RUNS).contains(&factor) {
            return Err(Error::usage(
                format!("`halving` is {factor}: each rung keeps one run in so many"),
                "give it 2 or more, such as 3",
            ));
        }
        let config = &self.runs[0].config;
        if self.data.valid.is_none() && config.valid_fraction == 0.0 {
            return Err(Error::usage(
                "`halving` chooses runs by a validation set, and there is none",
                "hold one out with `valid_fraction` 0.1",
            ));
        }
        if config.max_time.is_some() {
            return Err(Error::usage(
                "`halving` compares runs after the same epochs, and `max_time` ends them after others",
                "omit `max_time`, or `halving`",
            ));
        }
        let varies = self.runs[0].varies.iter();
        let mut varies = varies.filter(|(key, _)| NOT_COMPARABLE.contains(&&key[..]));
        if let Some((key, _)) = varies.next() {
            return Err(Error::usage(
                format!(
                    "`halving` cannot compare runs that vary by `{}`",
                    key.replace('-', "_")
                ),
                "give it one value, or omit `halving`",
            ));
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
