//! What runs came to, in numbers; and what tells them apart.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::labels::labels;
use super::run_record::RunRecord;
use super::series::{Series, series};
use crate::data::Baseline;
use crate::nn::Metric;

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
    /// What was measured: first the loss, second what runs are compared by.
    pub metrics: &'static [Metric],
    /// Each metric of the training set: after the last epoch where it was evaluated, else the mean over
    /// the epoch's batches, each before its update.
    pub train: Vec<Option<f64>>,
    /// Whether the training set was evaluated after the last epoch.
    pub train_evaluated: bool,
    /// Each metric of the test set after the last epoch.
    pub test: Vec<Option<f64>>,
    /// The epoch with the lowest loss, or the highest accuracy: of the validation set where there is one,
    /// else of the test set.
    pub best_epoch: usize,
    /// What runs are compared by, of the test set after it.
    pub best_test: f64,
    /// Whether a validation set chose the best epoch.
    pub best_by_validation: bool,
    /// Whether it is that of the highest accuracy.
    pub best_by_accuracy: bool,
    /// Seconds of training, without evaluations.
    pub seconds: f64,
    /// Training speed, median over the epochs.
    pub samples_per_second: Option<f64>,
    /// What predictions that look at no image come to on the test set, where that is known.
    pub baseline: Option<Baseline>,
}

impl SummaryRow {
    /// What the best epoch has: `lowest loss`.
    pub fn best_has(&self) -> &'static str {
        if self.best_by_accuracy {
            "highest accuracy"
        } else {
            "lowest loss"
        }
    }

    /// What runs are compared by.
    pub fn compared(&self) -> &'static Metric {
        &self.metrics[1]
    }

    /// What runs are compared by, of the test set after the last epoch.
    pub fn compared_test(&self) -> f64 {
        self.test[1].unwrap_or(f64::NAN)
    }

    /// The same of the training set.
    pub fn compared_train(&self) -> f64 {
        self.train[1].unwrap_or(f64::NAN)
    }

    /// How new data differ from what was trained on: test minus train, after the last epoch.
    pub fn generalisation_gap(&self) -> f64 {
        self.compared_test() - self.compared_train()
    }
}

impl Summary {
    /// What predictions that look at no image come to, where it is the same for all runs.
    pub fn baseline(&self) -> Option<Baseline> {
        let mut all = self.rows.iter().map(|row| row.baseline);
        let first = all.next().flatten()?;
        all.all(|it| it == Some(first)).then_some(first)
    }

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
    let metrics = run.measured;
    let by_accuracy = run.option("best-by").is_some_and(|it| it == "accuracy");
    // What is to be low.
    let watched = |set: &str| -> Vec<f64> {
        if by_accuracy {
            let accuracies = column(&format!("{set}_accuracy"));
            return accuracies.into_iter().map(|it| -it).collect();
        }
        column(&format!("{set}_loss"))
    };
    let (valid, test) = (watched("valid"), watched("test"));
    let by_validation = valid.len() == test.len();
    let chosen_by = if by_validation { &valid } else { &test };
    let best = (0..test.len()).min_by(|&one, &other| chosen_by[one].total_cmp(&chosen_by[other]));
    let best = best.expect("a record has an epoch");
    let mut speeds = column("samples_per_second");
    speeds.sort_by(f64::total_cmp);
    let of = |set: &str| -> Vec<Option<f64>> {
        let names = metrics.iter().map(|it| format!("{set}_{}", it.name));
        names.map(|it| last(&it)).collect()
    };
    let evaluated = of("train_eval");
    let train_evaluated = evaluated[1].is_some();
    let compared = column(&format!("test_{}", metrics[1].name));
    SummaryRow {
        label,
        folder: run.folder.clone(),
        data: run.data(),
        epochs: test.len(),
        parameters: run.parameters,
        metrics,
        train: if train_evaluated {
            evaluated
        } else {
            of("train")
        },
        train_evaluated,
        test: of("test"),
        best_epoch: best + 1,
        best_test: compared.get(best).copied().unwrap_or(f64::NAN),
        best_by_validation: by_validation,
        best_by_accuracy: by_accuracy,
        seconds: column("seconds").iter().sum(),
        samples_per_second: speeds.get(speeds.len() / 2).copied(),
        baseline: run.baseline(),
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
