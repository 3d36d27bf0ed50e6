//! The page of one run.

use maud::{Markup, html};

use super::words::{cell, count, duration, measured, percent};
use super::{page, side_by_side, table, tile};
use crate::report::figures::{Picture, png_uri, short};
use crate::report::pictures::Pictures;
use crate::report::{Named, RunRecord, Summary, SummaryRow};

/// `drawn` are all figures of the run; sheets of pictures are set anew, to fit the screen.
pub(in super::super) fn of_run(run: &RunRecord, drawn: &[Named], pictures: &Pictures) -> String {
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
            }
        }
        (tiles(row))
        section.figures {
            @for named in charts { figure { (maud::PreEscaped(named.figure.svg())) } }
        }
        @if let Some(why) = &pictures.missing {
            section { h2 { "Predictions" } p.muted { "No pictures: " (why) "." } }
        }
        (grid("Worst predictions", true, &pictures.worst))
        (grid("Best predictions", false, &pictures.best))
        (epochs(run))
        div.pair {
        (side_by_side("Configuration", &[], std::slice::from_ref(run), |run| &run.config))
        (side_by_side("Environment", &[], std::slice::from_ref(run), |run| &run.environment))
        }
    };
    page(&run.name, &body)
}

fn tiles(row: &SummaryRow) -> Markup {
    let best = format!("test MAE in epoch {}, the best", row.best_epoch);
    html! {
        section.tiles {
            (tile("test MAE after the last epoch", &measured(row.test_mae)))
            (tile("test MSE after the last epoch", &measured(row.test_loss)))
            @if let Some(accuracy) = row.test_accuracy {
                (tile("rounded accuracy on the test set", &percent(accuracy)))
            }
            (tile(&best, &measured(row.best_test_mae)))
            (tile("generalisation gap (test less train MAE)", &measured(row.generalisation_gap())))
            (tile(&format!("of training, {} epochs", row.epochs), &duration(row.seconds)))
            @if let Some(speed) = row.samples_per_second {
                (tile("samples per second", &count(speed as usize)))
            }
            @if let Some(parameters) = row.parameters {
                (tile("parameters", &count(parameters)))
            }
        }
        p.muted {
            @if row.best_by_validation { "The best epoch is that with the least validation MAE. " }
            @else { "The best epoch was picked by the test set itself: a hint, not a result. " }
            @if row.train_evaluated {
                "The training set was evaluated after the epoch, as the test set was."
            } @else {
                "Train figures are means over an epoch's batches, each before its update."
            }
        }
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
                                "is " b { (short(picture.target)) } br;
                                "got " b.alarm[wrong] { (short(picture.prediction)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn epochs(run: &RunRecord) -> Markup {
    let names: Vec<String> = run.metrics.names().map(str::to_owned).collect();
    let columns: Vec<&[Option<f64>]> = names
        .iter()
        .filter_map(|name| run.metrics.column(name))
        .collect();
    let others = names.iter().skip(1).map(|name| name.replace('_', " "));
    let rows: Vec<(String, Vec<String>)> = (0..run.metrics.lines())
        .map(|line| {
            let cells = columns.iter().map(|column| cell(column[line]));
            let mut cells: Vec<String> = cells.collect();
            (cells.remove(0), cells)
        })
        .collect();
    table("Epochs", &others.collect::<Vec<_>>(), &rows)
}
