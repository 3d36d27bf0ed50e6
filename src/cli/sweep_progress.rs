//! What a sweep shows: the bar, a line per run, and the table at its end.

use super::args::Words;
use super::progress::Progress;
use super::resumed::other_bits;
use super::style::{self, say};
use crate::nn::Metric;
use crate::report::Summary;
use crate::sweep::{Outcome, Status, SweepEvent, SweepFolder};

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
            SweepEvent::RunStarted { number, run } => {
                let name = &run.name;
                if self.alone {
                    self.bar.begin_run(format!("run {name} "), 0);
                } else {
                    let words = format!("run {number}/{} {name} ", self.runs);
                    self.bar.begin_run(words, self.runs.saturating_sub(*number));
                }
            }
            SweepEvent::Resuming {
                step,
                differences,
                note,
            } => {
                let notices = self.bar.notices();
                notices(&format!("{}goes on after step {step}", self.bar.run));
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
    let width = width(folder).max(3);
    let summary = folder.summary();
    let [_, compared_by, others @ ..] = measured(folder) else {
        return;
    };
    // The training set's is that after the epoch, where it was evaluated.
    let column = |set: &str| format!("{set}_{}", compared_by.name);
    let evaluated = column("train_eval");
    let has = |run| !summary.value(run, &evaluated).is_empty();
    let train = if (0..summary.len()).any(has) {
        evaluated
    } else {
        column("train")
    };
    let [train_head, test_head] = ["train", "test"].map(|it| format!("{it} {}", compared_by.head));
    let heads = others.iter().map(|it| format!("  {:>8}", it.head));
    let heads: String = heads.collect();
    say(format_args!(""));
    say(format_args!(
        "{:<width$}  {:>10}  {:>6}  {train_head:>9}  {test_head:>9}  {:>9}{heads}  {:>8}",
        "run", "parameters", "epochs", "gap", "time"
    ));
    for run in 0..summary.len() {
        let value = |column: &str| summary.value(run, column);
        let measured =
            |metric: &Metric, column: &str| style::value_of(metric, value(column).parse().ok());
        let status = match summary.status(run) {
            Status::Done => "",
            other => other.name(),
        };
        let others = others.iter().map(|metric| {
            let value = measured(metric, &format!("test_{}", metric.name));
            format!("  {value:>8}")
        });
        let line = format!(
            "{:<width$}  {:>10}  {:>6}  {:>9}  {:>9}  {:>9}{}  {:>8}  {status}",
            value("run"),
            whole(value("parameters")),
            value("epochs"),
            measured(compared_by, &train),
            measured(compared_by, &column("test")),
            measured(compared_by, "generalisation_gap"),
            others.collect::<String>(),
            seconds(value("seconds")),
        );
        say(format_args!("{}", line.trim_end()));
    }
    if let Some(compared) = compared {
        super::compare::means(compared);
    }
    let path = folder.path().display();
    let page = compared.map_or("", |_| "report.html, ");
    say(format_args!(
        "\n{page}summary.csv and a folder per run in {path}"
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
