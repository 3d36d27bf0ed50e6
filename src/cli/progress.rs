//! Renders [`TrainEvent`]s: a progress bar on stderr, a table line per epoch on stdout.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::style;
use crate::nn::Metric;
use crate::train::{EpochMetrics, Metrics, TrainEvent};

/// How the bar of an epoch looks.
const BAR: &str = "{prefix} {bar:24} {pos}/{len}  {msg}  {eta} left";
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
}

impl Progress {
    /// `bar` and `table` say what is shown.
    pub(super) fn new(bar: bool, table: bool, metrics: &'static [Metric]) -> Self {
        let bar = if bar {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(style_of(BAR));
        Self {
            bar,
            epochs: 0,
            table,
            words: table,
            metrics,
            run: String::new(),
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

    /// Prints the table's header.
    pub(super) fn header(&self) {
        let head = |set: &str, metric: &Metric| {
            if metric.is_share {
                metric.head.to_owned()
            } else {
                format!("{set} {}", metric.head)
            }
        };
        let of = |set: &'static str| {
            let heads = shown(self.metrics, set).map(|it| head(set, it));
            heads.collect::<Vec<_>>()
        };
        self.row(
            "epoch",
            &[of("train"), of("test")],
            ["seconds", "samples/s"],
        );
    }

    /// Prints a line of the table: what stands in front, the metrics of two sets, how long it took.
    fn row(&self, epoch: &str, sets: &[Vec<String>; 2], times: [&str; 2]) {
        if !self.table {
            return;
        }
        let columns = |set: &Vec<String>| {
            let widths = [10].into_iter().chain(std::iter::repeat(9));
            let columns = set.iter().zip(widths);
            let columns = columns.map(|(text, width)| format!("{text:>width$}"));
            columns.collect::<Vec<_>>().join(" ")
        };
        let [train, test] = sets.each_ref().map(columns);
        let [seconds, speed] = times;
        let line = format!("{epoch:>7}  {train}  {test}  {seconds:>9} {speed:>10}");
        self.bar.suspend(|| style::say(format_args!("{line}")));
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
                let speed = format!("{samples_per_second:.0} samples/s");
                self.bar.set_message(format!("{speed}{measured}"));
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
                self.bar.set_style(style_of(BAR));
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
        let of = |name: &str, set: &Metrics| {
            let values = shown(self.metrics, name);
            let values = values.map(|it| style::value_of(it, set.get(it.name)));
            values.collect::<Vec<_>>()
        };
        self.row(
            &format!("{}/{}", epoch.epoch, self.epochs),
            &[of("train", &epoch.train), of("test", &epoch.test)],
            [
                &format!("{:.2}", epoch.seconds),
                &format!("{:.0}", epoch.samples_per_second),
            ],
        );
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
