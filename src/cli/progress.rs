//! Renders [`TrainEvent`]s: a progress bar on stderr, a table line per epoch on stdout.

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::epoch_table::EpochTable;
use super::style;
use super::time_left::TimeLeft;
use crate::nn::Metric;
use crate::train::{EpochMetrics, TrainEvent};

/// How the bar of an epoch looks.
const BAR: &str = "{prefix} {bar:20} {pos}/{len}  {wide_msg}";
/// The same on a narrow terminal, which has fewer columns than [`NARROW`].
const NARROW_BAR: &str = "{prefix} {bar:6} {wide_msg}";
const NARROW: u16 = 60;
/// How the bar of pictures that are decoded looks, and after which time it comes.
const READING_BAR: &str = "reading pictures {bar:24} {pos}/{len}  {eta} left";
const MOMENT: Duration = Duration::from_millis(500);
/// How what takes a while looks.
const SPINNER: &str = "{spinner} {prefix}{msg}";
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
    /// What stands before the epoch: the run of a sweep.
    pub(super) run: String,
    /// The table, once its header is printed.
    columns: Option<EpochTable>,
    left: TimeLeft,
    /// The epoch after which the run ends early.
    until: Option<usize>,
}

impl Progress {
    /// `bar` and `table` say what is shown.
    pub(super) fn new(bar: bool, table: bool, metrics: &'static [Metric]) -> Self {
        let bar = if bar {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(epoch_style());
        Self {
            bar,
            epochs: 0,
            table,
            words: table,
            metrics,
            run: String::new(),
            columns: None,
            left: TimeLeft::default(),
            until: None,
        }
    }

    /// The bar of one run after the other, without their tables.
    pub(super) fn of_sweep(bar: bool, words: bool, metrics: &'static [Metric]) -> Self {
        Self {
            words,
            ..Self::new(bar, false, metrics)
        }
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
        if !self.table {
            return;
        }
        let terminal = Term::stdout();
        let room = terminal.is_term().then(|| usize::from(terminal.size().1));
        let table = EpochTable::new(self.metrics, validates, room);
        self.say(&table.header());
        self.columns = Some(table);
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| style::say(format_args!("{line}")));
    }

    /// Says that another run of several begins, after which there are so many `more`, and which ends early after the
    /// epoch `until`.
    pub(super) fn begin_run(&mut self, name: String, more: usize, until: Option<usize>) {
        self.run = name;
        self.until = until;
        self.left.begin_run(more);
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
                self.bar.set_length(*samples as u64);
                let run = style::clean_field(&self.run);
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
                let speed = format!("{samples_per_second:.0} samples/s");
                self.bar.set_message(format!("{left}{speed}{measured}"));
                self.bar.set_position(*samples as u64);
            }
            TrainEvent::Compiling => {
                self.bar.reset();
                self.bar.set_style(style_of(SPINNER));
                self.bar.set_prefix(style::clean_field(&self.run));
                self.bar.set_message("compiling shaders");
                self.bar.enable_steady_tick(Duration::from_millis(100));
            }
            TrainEvent::Compiled { seconds } => {
                self.bar.set_message("");
                self.bar.set_style(epoch_style());
                if self.words && *seconds >= WORTH_A_LINE {
                    let line = format_args!("shaders compiled in {seconds:.1} s");
                    self.bar.suspend(|| style::tell(line));
                }
            }
            TrainEvent::EpochEnded(metrics) => self.line(metrics),
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
    fn line(&self, epoch: &EpochMetrics) {
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

/// How the bar of an epoch looks on this terminal.
fn epoch_style() -> ProgressStyle {
    style_of(if Term::stderr().size().1 < NARROW {
        NARROW_BAR
    } else {
        BAR
    })
}

/// The bar of pictures that are decoded, which comes where it takes longer than a moment.
pub(super) struct ReadingBar {
    bar: ProgressBar,
    begun: Instant,
}

impl ReadingBar {
    /// One that is `shown`, or none.
    pub(super) fn new(shown: bool) -> Self {
        let bar = if shown {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(style_of(READING_BAR));
        Self {
            bar,
            begun: Instant::now(),
        }
    }

    /// Shows that `done` of `all` pictures are decoded; from any thread.
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

fn style_of(template: &str) -> ProgressStyle {
    // The templates are constants of ours: a mistake in one would only cost the bar its looks.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
