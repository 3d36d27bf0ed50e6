//! The closing words of a run.

use super::style::{self, say};
use crate::data::{Baseline, Constant};
use crate::nn::Metric;
use crate::run::Run;
use crate::train::{EpochMetrics, Metrics};

/// Prints what was reached, how fast, and where it is, if a `table` was printed; in any case, whether it is of no use.
pub(super) fn show(run: &Run<'_>, table: bool) {
    let trainer = run.trainer();
    let baseline = run.baseline().ok().flatten();
    if !table {
        if let (Some(baseline), Some(last)) = (baseline, trainer.logs().last()) {
            compare_with(&baseline, trainer.objective().metrics(), &last.test);
        }
        return;
    }
    let Some(folder) = run.folder() else {
        return;
    };
    let folder = folder.path().display();
    let metrics = trainer.objective().metrics();
    let Some(last) = trainer.logs().last() else {
        say(format_args!(
            "ended by --max-time before its first epoch did; `gpu-train --resume {folder}` goes on"
        ));
        return;
    };
    let seconds: f64 = trainer.logs().iter().map(|epoch| epoch.seconds).sum();
    say(format_args!(""));
    say(format_args!(
        "trained {} parameters for {} in {} ({:.0} samples/s)",
        style::count(trainer.network().parameters.elements()),
        style::epochs(trainer.logs().len()),
        style::duration(seconds),
        median_speed(trainer.logs()),
    ));
    say(format_args!("test {}", style::all_of(metrics, &last.test)));
    if let Some(baseline) = baseline {
        show_baseline(&baseline, metrics);
        compare_with(&baseline, metrics, &last.test);
    }
    if let Some(best) = run.trainer().best() {
        let valid = trainer.logs().get(best.epoch.wrapping_sub(1));
        let valid = valid.and_then(|it| it.valid.as_ref());
        let words = valid.map_or(String::new(), |it| style::all_of(metrics, it));
        say(format_args!(
            "validation {words} after epoch {}, the best by its {}: best.safetensors",
            best.epoch,
            if best.accuracy.is_some() {
                "accuracy"
            } else {
                "loss"
            }
        ));
    }
    if trainer.has_stopped_early() {
        say(format_args!(
            "ended by --patience: no epoch since the best one does better on the validation set"
        ));
    } else if trainer.logs().len() < run.epochs() {
        say(format_args!(
            "ended by --max-time; `gpu-train --resume {folder}` goes on"
        ));
        if run.trainer().is_ahead_of_logs() {
            say(format_args!(
                "figures are of epoch {}; model and predictions are some steps further",
                last.epoch
            ));
        }
    }
    say(format_args!("model and metrics in {folder}"));
}

/// What predictions that look at no image come to, by metric.
fn constants(
    baseline: &Baseline,
    metrics: &'static [Metric],
) -> Vec<(&'static Metric, Constant, f64)> {
    let known = metrics.iter().filter_map(|metric| {
        let constant = metric.baseline?;
        Some((metric, constant, baseline.of(constant)))
    });
    known.collect()
}

/// Prints what predictions that look at no image come to.
fn show_baseline(baseline: &Baseline, metrics: &'static [Metric]) {
    let known = constants(baseline, metrics);
    let words = known.iter().rev().map(|(metric, constant, value)| {
        let value = style::value_of(metric, Some(*value));
        format!("{} {} {value}", constant.words(), metric.short)
    });
    say(format_args!("{}", words.collect::<Vec<_>>().join(", ")));
}

/// Says so where a run does no better than predictions that look at no image.
fn compare_with(baseline: &Baseline, metrics: &'static [Metric], test: &Metrics) {
    // What the net was trained for, where there is a prediction that is the best by it.
    if let Some((metric, constant, value)) = constants(baseline, metrics).first()
        && test.get(metric.name).is_some_and(|it| it >= *value)
    {
        style::notice(&format!(
            "the net predicts no better than {} of the training targets, whatever the image: try more --epochs, \
             or another --lr, which --find-lr looks for",
            constant.words()
        ));
    }
}

fn median_speed(logs: &[EpochMetrics]) -> f64 {
    let mut speeds: Vec<f64> = logs.iter().map(|epoch| epoch.samples_per_second).collect();
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}
