//! `summary.csv`: a line per run of a sweep.

use std::path::Path;

use super::description::PlannedRun;
use super::halving::NOT_COMPARABLE;
use crate::error::Result;
use crate::files::{read_regular, write_whole};
use crate::nn::Metric;
use crate::train::{Best, BestBy, EpochMetrics};

/// Far more than a thousand lines need.
const MAX_BYTES: u64 = 16 << 20;
/// The sets that are measured, as names of columns begin.
const SETS: [&str; 3] = ["train", "test", "train_eval"];

/// The column of what [`Outcome::best`] says.
const BEST: &str = "best_valid";

/// The columns behind the run's name and what varies.
fn columns(metrics: &[Metric]) -> Vec<String> {
    let before = ["parameters", "epochs"].map(str::to_owned);
    let after = ["generalisation_gap", BEST, "seconds", "status"].map(str::to_owned);
    let of_set = |set: &'static str| metrics.iter().map(move |it| format!("{set}_{}", it.name));
    before
        .into_iter()
        .chain(SETS.into_iter().flat_map(of_set))
        .chain(after)
        .collect()
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It trained to its end.
    Done,
    /// Something became NaN or infinite.
    Diverged,
    /// Others did better on the validation set before it came to its end.
    Dropped,
    /// It has not begun, or can go on.
    Unfinished,
}

impl Status {
    const ALL: [Self; 4] = [Self::Done, Self::Diverged, Self::Dropped, Self::Unfinished];

    /// Its name in `summary.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Diverged => "diverged",
            Self::Dropped => "dropped",
            Self::Unfinished => "unfinished",
        }
    }
}

/// What a run has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Whether it ended, and how.
    pub status: Status,
    /// Parameters of its net.
    pub parameters: usize,
    /// Metrics of its last whole epoch, if there was one.
    pub last: Option<EpochMetrics>,
    /// Its best epoch on the validation set, where there is one.
    pub best: Option<Best>,
    /// Seconds of training, without evaluations.
    pub seconds: f64,
}

impl Outcome {
    /// `metric` on the test set less that on the training set after the same epoch, or, where that was
    /// not evaluated, less the mean over the epoch's batches, each before its update. Where an error's is
    /// positive, the net knows its training set better than what it never saw.
    pub fn generalisation_gap(&self, metric: &Metric) -> Option<f64> {
        let last = self.last.as_ref()?;
        let train = last.train_eval.as_ref().unwrap_or(&last.train);
        Some(last.test.get(metric.name)? - train.get(metric.name)?)
    }

    /// What the line holds behind the run's name and what varies: numbers in full, nothing where
    /// there is none.
    fn values(&self, metrics: &[Metric]) -> Vec<String> {
        let text = |value: Option<f64>| value.map_or(String::new(), |it| it.to_string());
        let last = self.last.as_ref();
        let sets = [
            last.map(|it| &it.train),
            last.map(|it| &it.test),
            last.and_then(|it| it.train_eval.as_ref()),
        ];
        let mut values = vec![
            self.parameters.to_string(),
            last.map_or(0, |it| it.epoch).to_string(),
        ];
        for set in sets {
            let of = |metric: &Metric| text(set.and_then(|it| it.get(metric.name)));
            values.extend(metrics.iter().map(of));
        }
        values.extend([
            text(self.generalisation_gap(&metrics[1])),
            text(self.best.map(|best| best.accuracy.unwrap_or(best.loss))),
            self.seconds.to_string(),
            self.status.name().to_owned(),
        ]);
        values
    }
}

/// A header and a line per run, as `summary.csv` holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    metrics: &'static [Metric],
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Summary {
    /// That of `runs` of which none has ended.
    pub(super) fn new(runs: &[PlannedRun]) -> Self {
        let objective = runs.first().map(|run| run.config.objective());
        let metrics = objective.map_or(&[][..], |it| it.metrics());
        let varies = runs.first().map_or(&[][..], |run| &run.varies);
        let mut header = vec!["run".to_owned()];
        header.extend(varies.iter().map(|(key, _)| key.clone()));
        header.extend(columns(metrics));
        let row = |run: &PlannedRun| {
            let mut row = vec![run.name.clone()];
            row.extend(run.varies.iter().map(|(_, value)| value.clone()));
            row
        };
        let mut summary = Self {
            metrics,
            rows: runs.iter().map(row).collect(),
            header,
        };
        (0..runs.len()).for_each(|index| summary.clear(index));
        summary
    }

    /// What `path` says of `runs`. Where it says nothing that can be understood, none has ended: each
    /// is then looked at again, and a finished one has nothing left to train.
    pub(super) fn read(path: &Path, runs: &[PlannedRun]) -> Self {
        let new = Self::new(runs);
        let read = || {
            let bytes = read_regular(path, MAX_BYTES, "", "").ok()?;
            let mut reader = csv::Reader::from_reader(&bytes[..]);
            let header = reader.headers().ok()?.iter().map(str::to_owned).collect();
            let row = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
            let rows: Result<_, _> = reader.records().map(|it| it.map(row)).collect();
            let rows = rows.ok()?;
            let metrics = new.metrics;
            Some(Self {
                metrics,
                header,
                rows,
            })
        };
        let own = |read: &Self| {
            // A line begins with the run's name and what varies.
            let known = new.known();
            let starts = |(a, b): (&Vec<String>, &Vec<String>)| a[..known] == b[..known];
            read.header == new.header
                && read.rows.len() == new.rows.len()
                && read.rows.iter().zip(&new.rows).all(starts)
        };
        read().filter(own).unwrap_or(new)
    }

    /// Columns of the run's name and what varies.
    fn known(&self) -> usize {
        self.header.len() - columns(self.metrics).len()
    }

    /// Writes it to `path`.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, &self.to_bytes())
    }

    /// The bytes of its file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut lines = std::iter::once(&self.header).chain(&self.rows);
        let () = lines
            .try_for_each(|line| writer.write_record(line))
            .expect("lines of equal length, in memory");
        writer.into_inner().expect("in memory")
    }

    /// Records that run `index` has not ended.
    pub(super) fn clear(&mut self, index: usize) {
        let (known, length) = (self.known(), self.header.len());
        let row = &mut self.rows[index];
        row.truncate(known);
        row.resize(length - 1, String::new());
        row.push(Status::Unfinished.name().to_owned());
    }

    /// Records what run `index` has come to.
    pub(super) fn set(&mut self, index: usize, outcome: &Outcome) {
        let known = self.known();
        let row = &mut self.rows[index];
        row.truncate(known);
        row.extend(outcome.values(self.metrics));
    }

    /// Records that run `index` was dropped, as far as it has come.
    pub(super) fn drop_run(&mut self, index: usize) {
        if let Some(status) = self.rows[index].last_mut() {
            Status::Dropped.name().clone_into(status);
        }
    }

    /// The best of the runs that trained to their end, and the column that says so: that of the validation set, or
    /// without one the loss on the test set. `None` where none did, and where runs vary by what they are measured by.
    pub fn best(&self, best_by: BestBy) -> Option<(usize, &'static str)> {
        let varies = &self.header[..self.known()];
        let is_incomparable = |key: &&str| *key != "epochs" && varies.iter().any(|it| it == key);
        if NOT_COMPARABLE.iter().any(is_incomparable) {
            return None;
        }
        let done = || (0..self.len()).filter(|&run| self.status(run) == Status::Done);
        let lowest = |column: &'static str, sign: f64| {
            let value = |run: usize| self.value(run, column).parse::<f64>().ok();
            let known = done().filter_map(|run| Some((run, sign * value(run)?)));
            let best = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
            Some((best.0, column))
        };
        let sign = match best_by {
            BestBy::Loss => 1.0,
            BestBy::Accuracy => -1.0,
        };
        lowest(BEST, sign).or_else(|| lowest("test_loss", 1.0))
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.header
    }

    /// How far run `index` has come.
    pub fn status(&self, index: usize) -> Status {
        let name = self.value(index, "status");
        let found = Status::ALL.into_iter().find(|it| it.name() == name);
        found.unwrap_or(Status::Unfinished)
    }

    /// What the line of run `index` holds in `column`; nothing where there is no such column.
    pub fn value(&self, index: usize, column: &str) -> &str {
        let at = self.header.iter().position(|name| name == column);
        let value = at.and_then(|at| self.rows[index].get(at));
        value.map_or("", String::as_str)
    }

    /// Number of runs.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no run.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::planned;
    use super::*;
    use crate::train::Metrics;

    fn outcome(status: Status, train_eval: Option<f64>) -> Outcome {
        let metrics = |mae| -> Metrics {
            let values = [("loss", 2.0 * mae), ("mae", mae), ("accuracy", 0.25)];
            values.into_iter().collect()
        };
        let last = EpochMetrics {
            epoch: 3,
            train: metrics(1.0),
            test: metrics(1.5),
            valid: None,
            train_eval: train_eval.map(metrics),
            lr: 1e-3,
            seconds: 2.0,
            samples_per_second: 10.0,
        };
        Outcome {
            status,
            parameters: 77,
            last: Some(last),
            best: train_eval.map(|_| Best {
                epoch: 2,
                loss: 1.75,
                accuracy: None,
            }),
            seconds: 6.5,
        }
    }

    #[test]
    fn lines_are_written_and_read_back() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().join("summary.csv");
        let runs = planned(&["a", "b", "c"]);
        let mut summary = Summary::new(&runs);
        summary.set(0, &outcome(Status::Done, Some(1.25)));
        summary.set(1, &outcome(Status::Diverged, None));
        summary.write(&path).expect("writes");
        let text = std::fs::read_to_string(&path).expect("reads");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("run,lr,parameters,epochs,train_loss"),
            "{text}"
        );
        assert_eq!(
            lines[1],
            "a,1,77,3,2,1,0.25,3,1.5,0.25,2.5,1.25,0.25,0.25,1.75,6.5,done"
        );
        assert_eq!(
            lines[2],
            "b,2,77,3,2,1,0.25,3,1.5,0.25,,,,0.5,,6.5,diverged"
        );
        assert_eq!(lines[3], "c,3,,,,,,,,,,,,,,,unfinished");
        let read = Summary::read(&path, &runs);
        assert_eq!(read, summary);
        let statuses = [0, 1, 2].map(|index| read.status(index));
        assert_eq!(
            statuses,
            [Status::Done, Status::Diverged, Status::Unfinished]
        );
        assert_eq!(read.value(0, "test_mae"), "1.5");
    }

    #[test]
    fn what_is_not_this_sweeps_says_nothing() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().join("summary.csv");
        let runs = planned(&["a", "b"]);
        let new = Summary::new(&runs);
        let mut other = Summary::new(&planned(&["a", "x"]));
        other.set(0, &outcome(Status::Done, None));
        let other = String::from_utf8(other.to_bytes()).expect("text");
        for text in [
            "",
            "run,lr\n",
            "run,status\na,done\nb,done\n",
            "\u{0}\n\"",
            &other,
        ] {
            std::fs::write(&path, text).expect("writes");
            assert_eq!(Summary::read(&path, &runs), new, "{text}");
        }
        assert_eq!(Summary::read(&place.path().join("none"), &runs), new);
    }
}
