//! The page of several runs.

use maud::{Markup, html};

use super::words::{count, duration, measured, percent, percents, spread};
use super::{figures, page, side_by_side};
use crate::report::figures::printable;
use crate::report::{Heading, Named, RunRecord, Series, Summary, SummaryRow};

/// `drawn` are the figures of the comparison.
pub(in super::super) fn of_comparison(
    runs: &[RunRecord],
    heading: &Heading,
    summary: &Summary,
    drawn: &[Named],
) -> String {
    let labels: Vec<String> = summary.rows.iter().map(|row| row.label.clone()).collect();
    let title = match (&heading.title, runs) {
        (Some(title), _) => title.clone(),
        (None, [run]) => run.name.clone(),
        (None, _) => format!("{} runs compared", runs.len()),
    };
    let body = html! {
        header {
            h1 { (title) }
            p { "Runs on " (data(summary)) }
        }
        @for note in &heading.notes { p.note { (printable(note)) } }
        @for warning in &summary.warnings { p.warning role="alert" { (warning) } }
        (figures(drawn))
        @if summary.series.len() < summary.rows.len() { (means(summary)) }
        (results(summary))
        (side_by_side("Configuration", &labels, runs, |run| &run.config))
        (side_by_side("Environment", &labels, runs, |run| &run.environment))
    };
    page(&title, &body)
}

fn data(summary: &Summary) -> String {
    let mut names: Vec<&str> = Vec::new();
    for row in &summary.rows {
        if !names.contains(&row.data.as_str()) {
            names.push(&row.data);
        }
    }
    names.join(", ")
}

/// A column of the table of results: its head, and what a run has there.
type Column = (&'static str, fn(&SummaryRow) -> String);

const COLUMNS: [Column; 11] = [
    ("test MAE", |row| measured(row.test_mae)),
    ("test MSE", |row| measured(row.test_loss)),
    ("rounded accuracy", |row| {
        row.test_accuracy.map_or(String::new(), percent)
    }),
    ("train MAE", |row| measured(row.train_mae)),
    ("gap", |row| measured(row.generalisation_gap())),
    ("best test MAE", |row| measured(row.best_test_mae)),
    ("in epoch", |row| row.best_epoch.to_string()),
    ("epochs", |row| row.epochs.to_string()),
    ("parameters", |row| {
        row.parameters.map_or(String::new(), count)
    }),
    ("training time", |row| duration(row.seconds)),
    ("samples/s", |row| {
        row.samples_per_second
            .map_or(String::new(), |it| count(it as usize))
    }),
];

/// A column of the table of means: its head, and what a series has there.
type MeansColumn = (&'static str, fn(&Series) -> String);

const MEANS: [MeansColumn; 7] = [
    ("runs", |series| series.runs.len().to_string()),
    ("test MAE", |series| spread(series.test_mae)),
    ("rounded accuracy", |series| {
        series.test_accuracy.map_or(String::new(), percents)
    }),
    ("train MAE", |series| spread(series.train_mae)),
    ("gap", |series| spread(series.gap)),
    ("parameters", |series| {
        series.parameters.map_or(String::new(), count)
    }),
    ("training time", |series| duration(series.seconds.mean)),
];

/// Runs that differ in nothing but their seed, in one line.
fn means(summary: &Summary) -> Markup {
    let means = summary.series.iter().map(|it| it.test_mae.mean);
    let least = means.fold(f64::INFINITY, f64::min);
    html! {
        section {
            h2 { "Means over seeds" }
            div.scroll {
                table {
                    thead { tr { th { "mean of" } @for (head, _) in MEANS { th { (head) } } } }
                    tbody {
                        @for (index, series) in summary.series.iter().enumerate() {
                            tr.best[series.test_mae.mean == least && summary.series.len() > 1] {
                                th scope="row" { (swatch(index)) (series.label) }
                                @for (_, value) in MEANS { td { (value(series)) } }
                            }
                        }
                    }
                }
            }
            p.muted { "Mean ± standard deviation of the sample." }
        }
    }
}

/// The colour of series `index` in the figures.
fn swatch(index: usize) -> Markup {
    html! { span class={ "swatch s" (index % 7) } {} }
}

fn results(summary: &Summary) -> Markup {
    let errors = summary.rows.iter().map(|row| row.test_mae);
    let least = errors.fold(f64::INFINITY, f64::min);
    let series_of = |run: usize| summary.series.iter().position(|it| it.runs.contains(&run));
    html! {
        section {
            h2 { "Results" }
            div.scroll {
                table {
                    thead { tr { th { "run" } @for (head, _) in COLUMNS { th { (head) } } } }
                    tbody {
                        @for (index, row) in summary.rows.iter().enumerate() {
                            tr.best[row.test_mae == least && summary.rows.len() > 1] {
                                th scope="row" title=(row.folder.display()) {
                                    (swatch(series_of(index).unwrap_or(index))) (row.label)
                                }
                                @for (_, value) in COLUMNS { td { (value(row)) } }
                            }
                        }
                    }
                }
            }
            p.muted { (remarks(summary)) }
        }
    }
}

/// What the columns of the results are.
fn remarks(summary: &Summary) -> Markup {
    let all = |is: fn(&SummaryRow) -> bool| summary.rows.iter().all(is);
    html! {
        "After the last epoch of each run. The gap is test less train MAE; "
        @if all(|row| row.train_evaluated) {
            "the training set was evaluated after the epoch, as the test set was. "
        } @else if all(|row| !row.train_evaluated) {
            "train figures are means over the last epoch's batches, each before its update. "
        } @else {
            "the training set was evaluated after the epoch where a run did that, else train \
             figures are means over the last epoch's batches, each before its update. "
        }
        "The best epoch "
        @if all(|row| row.best_by_validation) {
            "is that with the least validation MAE."
        } @else {
            "was picked by the test set itself where a run has no validation set: a hint, not a \
             result."
        }
    }
}
