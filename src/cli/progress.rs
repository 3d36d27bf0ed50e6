//! Renders [`TrainEvent`]s: a progress bar on stderr, a table line per epoch on stdout.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::style;
use crate::train::{EpochMetrics, Metrics, TrainEvent};

/// The bar and the table of one run.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    table: bool,
    /// Whether the user is shown lines beside the table.
    words: bool,
    /// What stands before the epoch: the run of a sweep.
    pub(super) run: String,
}

impl Progress {
    /// `bar` and `table` say what is shown.
    pub(super) fn new(bar: bool, table: bool) -> Self {
        let bar = if bar {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        // The template is a constant of ours: a mistake in it would only cost the bar its looks.
        let style =
            ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len}  {msg}  {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            epochs: 0,
            table,
            words: table,
            run: String::new(),
        }
    }

    /// The bar of one run after the other, without their tables.
    pub(super) fn of_sweep(bar: bool, words: bool) -> Self {
        Self {
            words,
            ..Self::new(bar, false)
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
        if self.table {
            style::say(format_args!(
                "{:>7}  {:>10} {:>9} {:>9}  {:>10} {:>9} {:>9}  {:>9} {:>10}",
                "epoch",
                "train loss",
                "train MAE",
                "accuracy",
                "test loss",
                "test MAE",
                "accuracy",
                "seconds",
                "samples/s"
            ));
        }
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
                let Metrics { loss, mae, .. } = metrics;
                self.bar.set_message(format!(
                    "{samples_per_second:.0} samples/s  loss {loss:.4}  MAE {mae:.4}"
                ));
                self.bar.set_position(*samples as u64);
            }
            TrainEvent::EpochEnded(metrics) => self.line(metrics),
            TrainEvent::Replaying { what, steps } => {
                self.finish();
                style::notice(&format!(
                    "{what}: running the {steps} steps since the last checkpoint once more, to find \
                     out where it began"
                ));
            }
        }
    }

    /// Prints a line of the table.
    fn line(&self, epoch: &EpochMetrics) {
        if !self.table {
            return;
        }
        let line = format!(
            "{:>7}  {:>10.4} {:>9.4} {:>9}  {:>10.4} {:>9.4} {:>9}  {:>9.2} {:>10.0}",
            format!("{}/{}", epoch.epoch, self.epochs),
            epoch.train.loss,
            epoch.train.mae,
            accuracy(epoch.train),
            epoch.test.loss,
            epoch.test.mae,
            accuracy(epoch.test),
            epoch.seconds,
            epoch.samples_per_second,
        );
        self.bar.suspend(|| style::say(format_args!("{line}")));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Rounded accuracy in percent, or a dash where there is none.
pub(super) fn accuracy(metrics: Metrics) -> String {
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    metrics.accuracy.map_or("-".to_owned(), percent)
}
