//! The page of one run.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::words::{cell, count, duration, epochs, in_order, percent, value_of};
use super::{data_size, environment, figures, options, page, table, tile};
use crate::data::Classes;
use crate::nn::Metric;
use crate::report::figures::{Picture, png_uri, printable};
use crate::report::pictures::Pictures;
use crate::report::{Named, RunRecord, Summary, SummaryRow};
use crate::train::{ClassCounts, ClassScore};

/// Pairs of classes in the table of mistakes.
const MISTAKES: usize = 20;

/// `drawn` are all figures of the run, whose PNGs lack the `unknown` letters; sheets of pictures are set anew, to fit
/// the screen.
pub(in super::super) fn of_run(
    run: &RunRecord,
    drawn: &[Named],
    unknown: &BTreeSet<char>,
    pictures: &Pictures,
) -> String {
    let summary = Summary::of(std::slice::from_ref(run));
    let [row] = &summary.rows[..] else {
        unreachable!("one run, one row");
    };
    let option = |key: &str| run.option(key).unwrap_or_default();
    let is_sheet = |it: &&Named| ["worst", "best"].contains(&it.name);
    let charts = drawn.iter().filter(|it| !is_sheet(it));
    let body = html! {
        header {
            h1 { (run.name) }
            p {
                (option("net")) " on " (run.data()) ", learning rate " (option("lr"))
                ", batches of " (option("batch-size")) ", seed " (option("seed"))
                @if let Some(size) = data_size(std::slice::from_ref(run)) { ". " (size) "." }
                @if let Some(device) = device(run) { br; (device) }
            }
        }
        (tiles(row))
        (figures(charts, unknown))
        @if let Some(why) = &pictures.missing {
            section { h2 { "Predictions" } p.muted { "No pictures: " (why) "." } }
        }
        (grid("Worst predictions", true, &pictures.worst))
        (grid("Best predictions", false, &pictures.best))
        (classes(run))
        (epoch_table(run))
        (options(&[], std::slice::from_ref(run)))
        (environment(&[], std::slice::from_ref(run)))
    };
    page(&run.name, &body)
}

/// What the run was trained on, and when.
fn device(run: &RunRecord) -> Option<String> {
    let text = |it: &toml::Value| it.as_str().map(printable);
    let name = text(run.environment.get("adapter")?.get("name")?)?;
    let version = text(run.environment.get("version")?)?;
    let started = run.environment.get("started").and_then(text);
    let on = started.map_or(String::new(), |it| format!(", begun {it}"));
    Some(format!("Trained on {name} with gpu-train {version}{on}."))
}

fn tiles(row: &SummaryRow) -> Markup {
    let compared = row.compared();
    let best = format!(
        "test {} in epoch {}, the best",
        compared.short, row.best_epoch
    );
    let gap = format!("generalisation gap (test minus train {})", compared.short);
    html! {
        section.tiles {
            @for (at, metric) in in_order(row.metrics) {
                @if row.test[at].is_some() {
                    (tile(&what(metric), &value_of(metric, row.test[at])))
                }
            }
            @if let Some((words, value)) = baseline(row) { (tile(&words, &value)) }
            (tile(&best, &value_of(compared, Some(row.best_test))))
            (tile(&gap, &value_of(compared, Some(row.generalisation_gap()))))
            (tile(&format!("of training, {}", epochs(row.epochs)), &duration(row.seconds)))
            @if let Some(speed) = row.samples_per_second {
                (tile("samples per second", &count(speed as usize)))
            }
            @if let Some(parameters) = row.parameters {
                (tile("parameters", &count(parameters)))
            }
        }
        p.muted {
            "The best epoch is that with the " (row.best_has())
            @if row.best_by_validation { " on the validation set. " }
            @else { " on the test set: a hint, not a result. " }
            @if row.train_evaluated {
                "The training set was evaluated after the epoch, as the test set was."
            } @else {
                "Train figures are means over an epoch's batches, each before its update."
            }
        }
    }
}

/// What a prediction that looks at no image comes to, by what runs are compared by.
fn baseline(row: &SummaryRow) -> Option<(String, String)> {
    let compared = row.compared();
    let constant = compared.baseline?;
    let value = row.baseline?.of(constant);
    let words = format!("test {} of {}", compared.short, constant.words());
    Some((words, value_of(compared, Some(value))))
}

/// What the tile of a metric of the test set is called.
fn what(metric: &Metric) -> String {
    let short = metric.short;
    if metric.is_share {
        format!("{short} on the test set")
    } else {
        format!("test {short} after the last epoch")
    }
}

/// Pictures, as many in a row as fit; predictions that are `wrong` stand out.
fn grid(title: &str, wrong: bool, pictures: &[Picture]) -> Markup {
    html! {
        @if !pictures.is_empty() {
            section {
                h2 { (title) }
                div.grid {
                    @for picture in pictures {
                        figure.picture {
                            img src=(png_uri(&picture.png)) alt=(format!("sample {}", picture.index));
                            figcaption {
                                "is " b dir="auto" { (picture.target) } br;
                                "got " b.alarm[wrong] dir="auto" { (picture.prediction) }
                                @if let Some(sure) = picture.probability { (format!(" {:.0}%", sure * 100.0)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How well each class is told from the others, and which are taken for each other.
fn scores(labels: &Classes, counts: &ClassCounts) -> Markup {
    let names: Vec<String> = labels.names().iter().map(|it| printable(it)).collect();
    let heads = ["images", "precision", "recall", "F1"].map(str::to_owned);
    let scores = counts.scores();
    let cells = |it: &ClassScore| {
        vec![
            count(it.support),
            percent(it.precision),
            percent(it.recall),
            format!("{:.4}", it.f1),
        ]
    };
    let mut rows: Vec<(String, Vec<String>)> = names
        .iter()
        .cloned()
        .zip(scores.iter().map(cells))
        .collect();
    let mean =
        |of: fn(&ClassScore) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
    rows.push((
        "mean of the classes".to_owned(),
        vec![
            count(scores.iter().map(|it| it.support).sum()),
            percent(mean(|it| it.precision)),
            percent(mean(|it| it.recall)),
            format!("{:.4}", mean(|it| it.f1)),
        ],
    ));
    let mistakes = counts.mistakes().into_iter().take(MISTAKES);
    let mistakes = mistakes.map(|(class, taken, times)| {
        let share = times as f64 / scores[class].support as f64;
        let pair = format!("{} taken for {}", names[class], names[taken]);
        (pair, vec![count(times), percent(share)])
    });
    let mistakes: Vec<(String, Vec<String>)> = mistakes.collect();
    let mistake_heads = ["images", "of the class"].map(str::to_owned);
    html! {
        (table("Classes", &heads, &rows))
        @if !mistakes.is_empty() { (table("Most frequent mistakes", &mistake_heads, &mistakes)) }
    }
}

/// The names that targets have, of which every one is a line of the table; of classes that were told apart,
/// how well.
fn classes(run: &RunRecord) -> Markup {
    if let Some(labels) = run.labels()
        && let Some(counts) = run.class_counts(labels.names().len())
    {
        return scores(&labels, &counts);
    }
    let classes = run.classes();
    let names = classes.iter().flat_map(Classes::names).enumerate();
    let row = |(target, name): (usize, &String)| (target.to_string(), vec![printable(name)]);
    let rows: Vec<(String, Vec<String>)> = names.map(row).collect();
    html! { @if !rows.is_empty() { (table("Classes by target", &[], &rows)) } }
}

/// All columns of the metrics in which there is anything.
fn epoch_table(run: &RunRecord) -> Markup {
    let columns = run.metrics.names().filter_map(|name| {
        let column = run.metrics.column(name)?;
        (column.iter().any(Option::is_some)).then_some((name, column))
    });
    let columns: Vec<(&str, &[Option<f64>])> = columns.collect();
    let others = columns.iter().skip(1);
    let heads: Vec<String> = others.map(|(name, _)| name.replace('_', " ")).collect();
    let rows: Vec<(String, Vec<String>)> = (0..run.metrics.lines())
        .map(|line| {
            let cells = columns.iter().map(|(_, column)| cell(column[line]));
            let mut cells: Vec<String> = cells.collect();
            (cells.remove(0), cells)
        })
        .collect();
    table("Epochs", &heads, &rows)
}
