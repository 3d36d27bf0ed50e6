//! What runs came to, in numbers; and what tells them apart.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::labels::labels;
use super::run_record::RunRecord;
use super::series::{Series, series};

/// Runs beside each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// One per run, in the order in which they were named.
    pub rows: Vec<SummaryRow>,
    /// Every run once: those together that differ in nothing but their seed.
    pub series: Vec<Series>,
    /// What must be known to compare them, each a sentence: runs of different data sets, curves that
    /// end early.
    pub warnings: Vec<String>,
}

/// One run of a [`Summary`].
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// What tells the run from the others: the options in which they differ, or its folder's name.
    pub label: String,
    /// The folder, as it was named.
    pub folder: PathBuf,
    /// The data set's name: of a path its last part.
    pub data: String,
    /// Epochs that it was trained for.
    pub epochs: usize,
    /// Parameters of its net, where it has ended.
    pub parameters: Option<usize>,
    /// Mean absolute error of the training set: after the last epoch where it was evaluated, else
    /// the mean over the epoch's batches, each before its update.
    pub train_mae: f64,
    /// Whether the training set was evaluated after the last epoch.
    pub train_evaluated: bool,
    /// Mean absolute error of the test set after the last epoch.
    pub test_mae: f64,
    /// Mean squared error of the test set after the last epoch.
    pub test_loss: f64,
    /// Share of test samples whose rounded prediction is the target, where targets are whole.
    pub test_accuracy: Option<f64>,
    /// The epoch with the least error: of the validation set where there is one, else of the test
    /// set.
    pub best_epoch: usize,
    /// Mean absolute error of the test set after it.
    pub best_test_mae: f64,
    /// Whether a validation set chose the best epoch.
    pub best_by_validation: bool,
    /// Seconds of training, without evaluations.
    pub seconds: f64,
    /// Training speed, median over the epochs.
    pub samples_per_second: Option<f64>,
}

impl SummaryRow {
    /// By how much the error on new data exceeds that on what was trained on: test MAE less train
    /// MAE, after the last epoch.
    pub fn generalisation_gap(&self) -> f64 {
        self.test_mae - self.train_mae
    }
}

impl Summary {
    /// Sums `runs` up.
    pub fn of(runs: &[RunRecord]) -> Self {
        let rows = runs.iter().zip(labels(runs));
        let rows: Vec<SummaryRow> = rows.map(|(run, label)| row(run, label)).collect();
        let series = series(runs, &rows);
        let mut warnings = warnings(runs);
        let unequal = |one: &Series| {
            let mut epochs = one.runs.iter().map(|&run| rows[run].epochs);
            let first = epochs.next();
            epochs.any(|it| Some(it) != first)
        };
        if series.iter().any(unequal) {
            warnings.push("A mean curve ends where the shortest of its runs does.".to_owned());
        }
        Self {
            rows,
            series,
            warnings,
        }
    }
}

fn row(run: &RunRecord, label: String) -> SummaryRow {
    let last = |name: &str| run.metrics.last(name);
    let column = |name: &str| -> Vec<f64> {
        let column = run.metrics.column(name).unwrap_or_default();
        column.iter().copied().flatten().collect()
    };
    let (valid, test) = (column("valid_mae"), column("test_mae"));
    let by_validation = valid.len() == test.len();
    let chosen_by = if by_validation { &valid } else { &test };
    let best = (0..test.len()).min_by(|&one, &other| chosen_by[one].total_cmp(&chosen_by[other]));
    let best = best.expect("a record has an epoch");
    let mut speeds = column("samples_per_second");
    speeds.sort_by(f64::total_cmp);
    let required = "a record has this column";
    SummaryRow {
        label,
        folder: run.folder.clone(),
        data: run.data(),
        epochs: test.len(),
        parameters: run.parameters,
        train_mae: (last("train_eval_mae").or_else(|| last("train_mae"))).expect(required),
        train_evaluated: last("train_eval_mae").is_some(),
        test_mae: last("test_mae").expect(required),
        test_loss: last("test_loss").expect(required),
        test_accuracy: last("test_accuracy"),
        best_epoch: best + 1,
        best_test_mae: test[best],
        best_by_validation: by_validation,
        seconds: column("seconds").iter().sum(),
        samples_per_second: speeds.get(speeds.len() / 2).copied(),
    }
}

fn warnings(runs: &[RunRecord]) -> Vec<String> {
    let fingerprints: BTreeSet<[&str; 2]> = runs.iter().map(RunRecord::fingerprints).collect();
    let tests: BTreeSet<&str> = fingerprints.iter().map(|it| it[1]).collect();
    let mut warnings = Vec::new();
    if tests.len() > 1 {
        let what = "Warning: these runs were tested on different data sets.";
        warnings.push(what.to_owned());
    } else if fingerprints.len() > 1 {
        warnings.push("Warning: these runs were trained on different data sets.".to_owned());
    }
    warnings
}
