//! What a sweep shows: the bar, a line per run, and the table at its end.

use super::output_args::Words;
use super::progress::Progress;
use super::resumed::other_bits;
use super::style::{self, say};
use super::table::{self, Column};
use crate::nn::Metric;
use crate::report::Summary;
use crate::run::RunFolder;
use crate::sweep::{Outcome, Status, SweepEvent, SweepFolder};
use crate::train::BestBy;

/// The bar and the lines of one sweep.
#[derive(Debug)]
pub(super) struct SweepProgress {
    bar: Progress,
    runs: usize,
    /// Whether one run is trained alone, which needs no number.
    alone: bool,
    /// Length of the longest run's name.
    width: usize,
    quiet: bool,
}

impl SweepProgress {
    pub(super) fn new(folder: &SweepFolder, words: Words) -> Self {
        let Words {
            quiet, no_progress, ..
        } = words;
        let runs = &folder.sweep().runs;
        Self {
            bar: Progress::of_sweep(!quiet && !no_progress, !quiet, measured(folder)),
            runs: runs.len(),
            alone: folder.part().is_some(),
            width: width(folder),
            quiet,
        }
    }

    /// Shows the user a line, from any thread.
    pub(super) fn notices(&self) -> impl Fn(&str) + Clone + Send + 'static + use<> {
        self.bar.notices()
    }

    /// Renders one event.
    pub(super) fn show(&mut self, event: &SweepEvent<'_>) {
        match event {
            SweepEvent::RunStarted {
                number,
                run,
                until,
                more,
            } => {
                let name = &run.name;
                let place = if self.alone {
                    "run ".to_owned()
                } else {
                    format!("run {number}/{} ", self.runs)
                };
                self.bar.begin_run(place, name, *more, *until);
            }
            SweepEvent::RungEnded {
                rung,
                rungs,
                epochs,
                kept,
                dropped,
            } => {
                if !self.quiet {
                    let all = kept.len() + dropped.len();
                    style::tell(format_args!(
                        "rung {rung} of {rungs}: after {}, {} of {all} runs go on",
                        style::epochs(*epochs),
                        kept.len(),
                    ));
                }
            }
            SweepEvent::Resuming {
                step,
                differences,
                note,
            } => {
                let notices = self.bar.notices();
                notices(&format!("{}goes on after step {step}", self.bar.run()));
                if let Some(note) = note {
                    notices(note);
                }
                if !differences.is_empty() {
                    notices(&other_bits(differences));
                }
            }
            SweepEvent::Taken(taken) => self.bar.notices()(taken),
            SweepEvent::Train(event) => self.bar.show(event),
            SweepEvent::RunEnded {
                number,
                run,
                outcome,
                diverged,
                ..
            } => {
                self.bar.finish();
                if self.quiet {
                    return;
                }
                let place = if self.alone {
                    String::new()
                } else {
                    format!("{:>9}  ", format!("{number}/{}", self.runs))
                };
                let (name, width) = (&run.name, self.width);
                let came_to = came_to(run.config.objective().metrics(), outcome);
                style::tell(format_args!("{place}{name:<width$}  {came_to}"));
                if let Some(error) = diverged {
                    style::notice(&format!("{name} diverged: {error}; {}", error.hint()));
                }
            }
        }
    }

    /// Says what the end of run `index`, trained alone, leaves to do; whether this process had to `train` it, and how
    /// many others have not ended.
    pub(super) fn part_ended(&self, index: usize, trained: bool, left: usize) {
        if !trained {
            style::tell(format_args!("run {index} had ended before"));
        }
        if left > 0 {
            let ended = self.runs - left;
            style::tell(format_args!(
                "{ended} of {} runs have ended; the last one draws all of them",
                self.runs
            ));
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish();
    }
}

/// What is measured of the runs.
fn measured(folder: &SweepFolder) -> &'static [Metric] {
    let run = folder.sweep().runs.first();
    run.map_or(&[], |run| run.config.objective().metrics())
}

fn width(folder: &SweepFolder) -> usize {
    let names = folder.sweep().runs.iter().map(|run| run.name.len());
    names.max().unwrap_or(0)
}

/// What one run came to, for its line.
fn came_to(metrics: &[Metric], outcome: &Outcome) -> String {
    let seconds = style::duration(outcome.seconds);
    match &outcome.last {
        None => "ended before its first epoch did".to_owned(),
        Some(last) => format!(
            "test {} after {} in {seconds}",
            style::all_of(metrics, &last.test),
            style::epochs(last.epoch),
        ),
    }
}

/// Prints a line per run of the sweep, the means over seeds of what is `compared`, and where all of
/// it is.
pub(super) fn table(folder: &SweepFolder, compared: Option<&Summary>) {
    let summary = folder.summary();
    let [_, compared_by, others @ ..] = measured(folder) else {
        return;
    };
    // The training set's is that after the epoch, where it was evaluated.
    let name = |set: &str| format!("{set}_{}", compared_by.name);
    let evaluated = name("train_eval");
    let has = |run| !summary.value(run, &evaluated).is_empty();
    let train = if (0..summary.len()).any(has) {
        evaluated
    } else {
        name("train")
    };
    let column = |name: &str, text: &dyn Fn(&str) -> String| -> Vec<String> {
        let runs = 0..summary.len();
        runs.map(|run| text(summary.value(run, name))).collect()
    };
    let of = |metric: &'static Metric| move |it: &str| style::value_of(metric, it.parse().ok());
    let [train_head, test_head] = ["train", "test"].map(|it| format!("{it} {}", compared_by.head));
    let mut columns = vec![
        Column::words("run", 0, column("run", &str::to_owned)),
        Column::new("parameters", 5, column("parameters", &whole)),
        Column::new("epochs", 6, column("epochs", &str::to_owned)),
        Column::new(train_head, 3, column(&train, &of(compared_by))),
        Column::new(test_head, 0, column(&name("test"), &of(compared_by))),
        Column::new("gap", 4, column("generalisation_gap", &of(compared_by))),
    ];
    for metric in others {
        let cells = column(&format!("test_{}", metric.name), &of(metric));
        columns.push(Column::new(metric.head, 1, cells));
    }
    let status = |text: &str| match text {
        done if done == Status::Done.name() => String::new(),
        other => other.to_owned(),
    };
    columns.extend([
        Column::new("time", 2, column("seconds", &seconds)),
        Column::words("", 0, column("status", &status)),
    ]);
    say(format_args!(""));
    table::print(columns);
    if let Some(compared) = compared {
        super::compare::means(compared);
    }
    best(folder);
    let path = folder.path().display();
    let page = compared.map_or("", |_| "report.html, ");
    say(format_args!(
        "\n{page}summary.csv and a folder per run in {path}"
    ));
}

/// Says which run is the best, by what, and how it is trained again.
fn best(folder: &SweepFolder) {
    let runs = &folder.sweep().runs;
    let summary = folder.summary();
    if runs.len() < 2 {
        return;
    }
    let config = &runs[0].config;
    let Some((run, column)) = summary.best(config.best_by) else {
        return;
    };
    let loss = measured(folder).first();
    let accuracy = || measured(folder).iter().find(|it| it.name == "accuracy");
    let (by, metric) = match (column, config.best_by) {
        ("test_loss", _) => (
            "test loss; --valid-fraction 0.1 lets a validation set choose",
            loss,
        ),
        (_, BestBy::Loss) => ("validation loss", loss),
        (_, BestBy::Accuracy) => ("validation accuracy", accuracy()),
    };
    let value = summary.value(run, column).parse().ok();
    let value = metric.map_or(String::new(), |metric| style::value_of(metric, value));
    say(format_args!(
        "\nbest: {} with {value}, by {by}\nthe same again: gpu-train --config {}",
        summary.value(run, "run"),
        RunFolder::config_of(&folder.run_path(run)).display()
    ));
}

fn whole(value: &str) -> String {
    value.parse().map_or_else(|_| "-".to_owned(), style::count)
}

fn seconds(value: &str) -> String {
    value
        .parse()
        .map_or_else(|_| "-".to_owned(), style::duration)
}
