//! The page of several runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::words::{count, duration, in_order, of_test, spread, value_of, without_folders};
use super::{WIDE, data_size, environment, figures, options, page};
use crate::nn::Metric;
use crate::report::figures::printable;
use crate::report::{Heading, Named, PAGE, RunRecord, Series, Summary, SummaryRow};

/// Bytes of a name that do not stand for themselves in a link.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `drawn` are the figures of the comparison, and the letters that their PNGs lack; the page is to stand in `out`.
pub(in super::super) fn of_comparison(
    runs: &[RunRecord],
    heading: &Heading,
    summary: &Summary,
    (drawn, unknown): (&[Named], &BTreeSet<char>),
    out: &Path,
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
            p {
                @if runs.len() == 1 { "A run on " } @else { (count(runs.len())) " runs on " }
                (data(summary))
                @if let Some(size) = data_size(runs) { ": " (size) }
            }
        }
        @if let Some(question) = &heading.question { p.question { (printable(question)) } }
        p.result { (result(summary)) }
        @for note in &heading.notes { p.note { (printable(note)) } }
        @for warning in &summary.warnings { p.warning role="alert" { (warning) } }
        (figures(drawn.iter(), unknown))
        @if summary.series.len() < summary.rows.len() { (means(summary)) }
        (results(summary, out))
        (options(&labels, runs))
        (environment(&labels, runs))
    };
    page(&title, &body)
}

/// What came out, in sentences: the best, how far the others are from it, and what predictions that look at no image
/// come to.
fn result(summary: &Summary) -> String {
    let metrics = metrics(summary);
    let compared = &metrics[1];
    let value = |series: &Series| spread(compared, Some(series.compared_test));
    let mut ranked: Vec<&Series> = summary.series.iter().collect();
    ranked.sort_by(|one, other| {
        let order = one.compared_test.mean.total_cmp(&other.compared_test.mean);
        if compared.is_share {
            order.reverse()
        } else {
            order
        }
    });
    let best = ranked[0];
    let what = of_test(compared);
    let mut words = match ranked[..] {
        [only] => format!("{}: {what} {}.", only.label, value(only)),
        [.., last] => format!(
            "Best: {} ({what} {}). Last: {} ({}).",
            best.label,
            value(best),
            last.label,
            value(last)
        ),
        [] => String::new(),
    };
    if let Some((constant, baseline)) = compared.baseline.zip(summary.baseline()) {
        let to_beat = baseline.of(constant);
        let beaten = |it: &&&Series| it.compared_test.mean < to_beat;
        let verdict = match (ranked.iter().filter(beaten).count(), ranked.len()) {
            (0, 1) => "the net does no better".to_owned(),
            (0, _) => "none does better".to_owned(),
            (1, 1) => "the net does better".to_owned(),
            (better, all) if better == all => "all do better".to_owned(),
            (1, all) => format!("1 of {all} does better"),
            (better, all) => format!("{better} of {all} do better"),
        };
        let _ = write!(
            words,
            " Without looking at an image, {} of the training targets comes to {}: {verdict}.",
            constant.words(),
            value_of(compared, Some(to_beat)),
        );
    }
    words
}

/// The page of the run in `folder`, as one in `out` links to it: where there is one, and no more than one folder lies
/// between them, so that the link says nothing of where its author keeps files.
fn link(folder: &Path, out: &Path) -> Option<String> {
    if !folder.join(PAGE).is_file() {
        return None;
    }
    let [folder, out] = [folder, out].map(|it| std::path::absolute(it).ok());
    let (folder, out) = (folder?, out?);
    let (above, base) = match folder.strip_prefix(&out) {
        Ok(below) => ("", below),
        Err(_) => ("../", folder.strip_prefix(out.parent()?).ok()?),
    };
    let parts = base.iter().map(|part| {
        let part = part.as_encoded_bytes();
        percent_encode(part, ENCODED).to_string()
    });
    let parts: Vec<String> = parts.collect();
    Some(format!("{above}{}/{PAGE}", parts.join("/")))
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

/// A column of a table: its head, and what a row has there.
struct Column<Row> {
    head: String,
    value: Box<dyn Fn(&Row) -> String>,
}

fn column<Row>(head: impl Into<String>, value: impl Fn(&Row) -> String + 'static) -> Column<Row> {
    Column {
        head: head.into(),
        value: Box::new(value),
    }
}

/// The table of results.
fn results_columns(summary: &Summary) -> Vec<Column<SummaryRow>> {
    let metrics = metrics(summary);
    let compared = &metrics[1];
    let tests = in_order(metrics).map(|(at, metric)| {
        let is_common = summary.rows.iter().all(|row| row.metrics[at] == *metric);
        let head = if is_common {
            of_test(metric)
        } else {
            format!("test {}", metric.name)
        };
        column(head, move |row: &SummaryRow| {
            value_of(metric, row.test.get(at).copied().flatten())
        })
    });
    let mut columns: Vec<Column<SummaryRow>> = tests.collect();
    columns.extend([
        column(format!("train {}", compared.short), |row: &SummaryRow| {
            value_of(compared, Some(row.compared_train()))
        }),
        column("gap", |row: &SummaryRow| {
            value_of(compared, Some(row.generalisation_gap()))
        }),
        column(
            format!("best test {}", compared.short),
            |row: &SummaryRow| value_of(compared, Some(row.best_test)),
        ),
        column("in epoch", |row: &SummaryRow| row.best_epoch.to_string()),
        column("epochs", |row: &SummaryRow| row.epochs.to_string()),
        column("parameters", |row: &SummaryRow| {
            row.parameters.map_or(String::new(), count)
        }),
        column("training time", |row: &SummaryRow| duration(row.seconds)),
        column("samples/s", |row: &SummaryRow| {
            let speed = row.samples_per_second;
            speed.map_or(String::new(), |it| count(it as usize))
        }),
    ]);
    columns
}

/// The table of means over seeds.
fn means_columns(metrics: &'static [Metric]) -> Vec<Column<Series>> {
    let compared = &metrics[1];
    let tests = in_order(metrics)
        .filter(|(at, _)| *at > 0)
        .map(|(at, metric)| {
            column(of_test(metric), move |series: &Series| {
                spread(metric, series.test.get(at).copied().flatten())
            })
        });
    let mut columns = vec![column("runs", |series: &Series| {
        series.runs.len().to_string()
    })];
    columns.extend(tests);
    columns.extend([
        column(format!("train {}", compared.short), |series: &Series| {
            spread(compared, Some(series.compared_train))
        }),
        column("gap", |series: &Series| spread(compared, Some(series.gap))),
        column("parameters", |series: &Series| {
            series.parameters.map_or(String::new(), count)
        }),
        column("training time", |series: &Series| {
            duration(series.seconds.mean)
        }),
    ]);
    columns
}

/// The metrics of the first run, by which all are compared.
fn metrics(summary: &Summary) -> &'static [Metric] {
    summary.rows[0].metrics
}

/// The best of `values` of `metric`.
fn best(metric: &Metric, values: impl Iterator<Item = f64>) -> f64 {
    if metric.is_share {
        values.fold(f64::NEG_INFINITY, f64::max)
    } else {
        values.fold(f64::INFINITY, f64::min)
    }
}

/// Runs that differ in nothing but their seed, in one line.
fn means(summary: &Summary) -> Markup {
    let metrics = metrics(summary);
    let columns = means_columns(metrics);
    let best = best(
        &metrics[1],
        summary.series.iter().map(|it| it.compared_test.mean),
    );
    html! {
        section {
            h2 { "Means over seeds" }
            div.scroll {
                table.wide[columns.len() > WIDE] {
                    thead { tr { th { "mean of" } @for column in &columns { th { (column.head) } } } }
                    tbody {
                        @for (index, series) in summary.series.iter().enumerate() {
                            tr.best[series.compared_test.mean == best && summary.series.len() > 1] {
                                th scope="row" { (swatch(index)) (series.label) }
                                @for column in &columns { td { ((column.value)(series)) } }
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

fn results(summary: &Summary, out: &Path) -> Markup {
    let metrics = metrics(summary);
    let columns = results_columns(summary);
    let best = best(
        &metrics[1],
        summary.rows.iter().map(SummaryRow::compared_test),
    );
    let series_of = |run: usize| summary.series.iter().position(|it| it.runs.contains(&run));
    html! {
        section {
            h2 { "Results" }
            div.scroll {
                table.wide[columns.len() > WIDE] {
                    thead { tr { th { "run" } @for column in &columns { th { (column.head) } } } }
                    tbody {
                        @for (index, row) in summary.rows.iter().enumerate() {
                            tr.best[row.compared_test() == best && summary.rows.len() > 1] {
                                th scope="row" title=(without_folders(&row.folder.to_string_lossy())) {
                                    (swatch(series_of(index).unwrap_or(index)))
                                    @match link(&row.folder, out) {
                                        Some(link) => a href=(link) { (row.label) },
                                        None => (row.label),
                                    }
                                }
                                @for column in &columns { td { ((column.value)(row)) } }
                            }
                        }
                        (baseline(summary, columns.len()))
                    }
                }
            }
            p.muted { (remarks(summary)) }
        }
    }
}

/// What predictions that look at no image come to, as the last line of a table with so many `columns`.
fn baseline(summary: &Summary, columns: usize) -> Markup {
    let metrics = metrics(summary);
    let words = metrics.iter().filter_map(|metric| {
        let constant = metric.baseline?;
        Some(format!("{}: {}", metric.short, constant.words()))
    });
    let words: Vec<String> = words.collect();
    html! {
        @if let Some(baseline) = summary.baseline() {
            tr {
                th scope="row" { "without looking" }
                @for (_, metric) in in_order(metrics) {
                    td { (value_of(metric, metric.baseline.map(|it| baseline.of(it)))) }
                }
                td colspan=(columns - metrics.len()) { (words.join("; ")) " of the training targets" }
            }
        }
    }
}

/// What the columns of the results are.
fn remarks(summary: &Summary) -> Markup {
    let all = |is: fn(&SummaryRow) -> bool| summary.rows.iter().all(is);
    html! {
        "After the last epoch of each run. The gap is test minus train " (metrics(summary)[1].short) "; "
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
            "is that with the " (summary.rows[0].best_has()) " on the validation set."
        } @else {
            "is that with the " (summary.rows[0].best_has()) " on the test set where a run has no validation \
             set: a hint, not a result."
        }
    }
}
