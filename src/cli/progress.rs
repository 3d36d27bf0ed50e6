//! Renders [`TrainEvent`]s: a progress bar on stderr, a table line per epoch on stdout.

use std::time::{Duration, Instant};

use console::Term;
use indicatif::ProgressBar;

use super::bar::{self, Look};
use super::epoch_table::EpochTable;
use super::style;
use super::time_left::TimeLeft;
use super::wrap;
use crate::nn::Metric;
use crate::train::{EpochMetrics, TrainEvent};

/// How the bar of an epoch looks.
const BAR: Look = Look {
    wide: "{prefix} {bar:20} {pos}/{len}  {wide_msg}",
    narrow: "{prefix} {bar:6} {wide_msg}",
};
/// How the bar of pictures that are read looks, and after which time it comes.
const READING_BAR: Look = Look {
    wide: "{prefix} pictures {bar:24} {pos}/{len}  {eta} left",
    narrow: "{prefix} {bar:6} {pos}/{len}  {eta} left",
};
const MOMENT: Duration = Duration::from_millis(500);
/// How what takes a while looks.
const SPINNER: Look = Look {
    wide: "{spinner} {prefix}{wide_msg}",
    narrow: "{spinner} {prefix}{wide_msg}",
};
/// Seconds of compilation that are worth a line.
const WORTH_A_LINE: f64 = 1.0;

/// The bar and the table of one run.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    table: bool,
    /// Whether the user is shown lines beside the table.
    words: bool,
    /// What is measured.
    metrics: &'static [Metric],
    /// What stands before the epoch: the place of a run in a sweep, and its name.
    place: String,
    name: String,
    /// Whether there is a validation set.
    validates: bool,
    /// The table, once its header is printed.
    columns: Option<EpochTable>,
    left: TimeLeft,
    /// The epoch after which the run ends early.
    until: Option<usize>,
}

impl Progress {
    /// `bar`, `words` and `table` say what is shown.
    pub(super) fn new(bar: bool, words: bool, table: bool, metrics: &'static [Metric]) -> Self {
        Self {
            bar: BAR.bar(bar),
            epochs: 0,
            table,
            words,
            metrics,
            place: String::new(),
            name: String::new(),
            validates: false,
            columns: None,
            left: TimeLeft::default(),
            until: None,
        }
    }

    /// The bar of one run after the other, without their tables.
    pub(super) fn of_sweep(bar: bool, words: bool, metrics: &'static [Metric]) -> Self {
        Self::new(bar, words, false, metrics)
    }

    /// Shows the user a line, from any thread, above the bar; nothing where it is to be quiet.
    pub(super) fn notices(&self) -> impl Fn(&str) + Clone + Send + 'static + use<> {
        let (bar, words) = (self.bar.clone(), self.words);
        move |text| {
            if words {
                bar.suspend(|| style::notice(text));
            }
        }
    }

    /// Prints the table's header, for a run that `validates` or does not.
    pub(super) fn header(&mut self, validates: bool) {
        self.validates = validates;
        self.fit_table();
    }

    /// Prints a header where there is none yet, or the terminal became too narrow, or wide enough for more columns.
    fn fit_table(&mut self) {
        if !self.table {
            return;
        }
        let room = wrap::room(&Term::stdout());
        let table = EpochTable::new(self.metrics, self.validates, room);
        let header = table.header();
        let before = self.columns.replace(table);
        if before.is_none_or(|it| it.header() != header) {
            self.say(&header);
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| style::say(format_args!("{line}")));
    }

    /// Says that the run `name` of several begins, at this `place` among them, after which there are so many `more`,
    /// and which ends early after the epoch `until`.
    pub(super) fn begin_run(
        &mut self,
        place: String,
        name: &str,
        more: usize,
        until: Option<usize>,
    ) {
        self.place = place;
        self.name = format!("{name} ");
        self.until = until;
        self.left.begin_run(more);
    }

    /// The run of several, with a space behind; nothing where there is one alone.
    pub(super) fn run(&self) -> String {
        format!("{}{}", self.place, self.name)
    }

    /// Renders one event.
    pub(super) fn show(&mut self, event: &TrainEvent) {
        match event {
            TrainEvent::EpochStarted {
                epoch,
                epochs,
                samples,
            } => {
                self.epochs = *epochs;
                let last = self.until.unwrap_or(*epochs);
                self.left.begin_epoch(last.saturating_sub(*epoch), *samples);
                self.bar.reset();
                self.bar.set_style(BAR.style());
                self.bar.set_length(*samples as u64);
                let run = if bar::is_narrow() {
                    self.place.clone()
                } else {
                    style::clean_field(&self.run())
                };
                self.bar.set_prefix(format!("{run}epoch {epoch}/{epochs}"));
                self.bar.enable_steady_tick(Duration::from_millis(500));
            }
            TrainEvent::Progress {
                samples,
                metrics,
                samples_per_second,
            } => {
                let measured = shown(self.metrics, "train").filter_map(|metric| {
                    let value = metrics.get(metric.name)?;
                    let words = style::value_of(metric, Some(value));
                    Some(format!("  {} {words}", metric.head))
                });
                let measured: String = measured.collect();
                let left = self.left.after(*samples);
                let left = left.map_or(String::new(), |it| {
                    format!("{} left  ", style::duration(it))
                });
                // The window may have another width by now.
                self.bar.set_style(BAR.style());
                self.bar.set_message(if bar::is_narrow() {
                    left
                } else {
                    format!("{left}{samples_per_second:.0} samples/s{measured}")
                });
                self.bar.set_position(*samples as u64);
            }
            TrainEvent::Compiling => {
                self.bar.reset();
                self.bar.set_style(SPINNER.style());
                self.bar.set_prefix(style::clean_field(&self.run()));
                self.bar.set_message("compiling shaders");
                self.bar.enable_steady_tick(Duration::from_millis(100));
            }
            TrainEvent::Compiled { seconds } => {
                self.bar.set_message("");
                self.bar.set_style(BAR.style());
                let line = format_args!("shaders compiled in {seconds:.1} s");
                if self.words && *seconds >= WORTH_A_LINE {
                    self.bar.suspend(|| style::tell(line));
                } else {
                    self.bar.suspend(|| style::detail(line));
                }
            }
            TrainEvent::EpochEnded(metrics) => self.line(metrics),
            TrainEvent::Saved { step, seconds } => self.bar.suspend(|| {
                style::detail(format_args!(
                    "checkpoint of step {step} written in {seconds:.2} s"
                ));
            }),
            TrainEvent::RanksDiffer(ranks) => {
                let ranks: Vec<String> = ranks.iter().map(ToString::to_string).collect();
                self.notices()(&format!(
                    "{} came to other weights than rank 0, as unlike processors do: after every epoch all ranks \
                     go on with those of rank 0",
                    ranks.join(", ")
                ));
            }
            TrainEvent::Replaying { what, steps } => {
                self.finish();
                style::notice(&format!(
                    "{what}: running the {steps} steps since the last checkpoint once more, to find \
                     out where it began"
                ));
            }
        }
    }

    /// Prints an epoch's line of the table.
    fn line(&mut self, epoch: &EpochMetrics) {
        self.fit_table();
        if let Some(table) = &self.columns {
            self.say(&table.row(epoch, self.epochs));
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Those of `metrics` that the table has of a set.
fn shown(metrics: &'static [Metric], set: &str) -> impl Iterator<Item = &'static Metric> {
    let of_test = set == "test";
    metrics.iter().filter(move |it| of_test || !it.is_of_test)
}

/// The bar of pictures that are decoded or drawn, which comes where it takes longer than a moment.
pub(super) struct ReadingBar {
    bar: ProgressBar,
    begun: Instant,
}

impl ReadingBar {
    /// One that is `shown`, or none; `what` is done with the pictures.
    pub(super) fn new(shown: bool, what: &'static str) -> Self {
        Self {
            bar: READING_BAR.bar(shown).with_prefix(what),
            begun: Instant::now(),
        }
    }

    /// Shows that `done` of `all` pictures are done; from any thread.
    pub(super) fn show(&self, done: usize, all: usize) {
        if self.begun.elapsed() >= MOMENT {
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
