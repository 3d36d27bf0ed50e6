//! The page of several runs.

use maud::{Markup, html};

use super::words::{count, duration, measured, percent};
use super::{figures, page, side_by_side};
use crate::report::{Named, RunRecord, Summary, SummaryRow};

/// `drawn` are the figures of the comparison.
pub(in super::super) fn of_comparison(
    runs: &[RunRecord],
    summary: &Summary,
    drawn: &[Named],
) -> String {
    let labels: Vec<String> = summary.rows.iter().map(|row| row.label.clone()).collect();
    let title = match runs {
        [run] => run.name.clone(),
        _ => format!("{} runs compared", runs.len()),
    };
    let body = html! {
        header {
            h1 { (title) }
            p { "Runs of " (data(summary)) }
        }
        @for warning in &summary.warnings { p.warning role="alert" { (warning) } }
        (figures(drawn))
        (results(summary))
        (side_by_side("Configurations", &labels, runs, |run| &run.config))
        (side_by_side("Environments", &labels, runs, |run| &run.environment))
    };
    page(&title, &body)
}

fn data(summary: &Summary) -> String {
    let mut names: Vec<&str> = summary.rows.iter().map(|row| row.data.as_str()).collect();
    names.dedup();
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

fn results(summary: &Summary) -> Markup {
    let least = summary
        .rows
        .iter()
        .map(|row| row.test_mae)
        .fold(f64::INFINITY, f64::min);
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
                                    span class={ "swatch s" (index % 7) } {} (row.label)
                                }
                                @for (_, value) in COLUMNS { td { (value(row)) } }
                            }
                        }
                    }
                }
            }
            p.muted {
                "After the last epoch of each run. The gap is test less train MAE; train figures are \
                 means over the last epoch's batches, each before its update. The best epoch "
                @if summary.rows.iter().all(|row| row.best_by_validation) {
                    "is that with the least validation MAE."
                } @else {
                    "was picked by the test set itself where a run has no validation set: a hint, \
                     not a result."
                }
            }
        }
    }
}
