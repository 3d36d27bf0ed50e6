//! The closing words of a run.

use super::progress::accuracy;
use super::style::{self, say};
use crate::train::{EpochMetrics, Run};

/// Prints what was reached, how fast, and where it is.
pub(super) fn show(run: &Run<'_>) {
    let trainer = run.trainer();
    let Some(last) = trainer.logs().last() else {
        return;
    };
    let seconds: f64 = trainer.logs().iter().map(|epoch| epoch.seconds).sum();
    say(format_args!(""));
    say(format_args!(
        "trained {} parameters for {} epochs in {} ({:.0} samples/s)",
        style::count(trainer.network().parameters.elements()),
        trainer.logs().len(),
        style::duration(seconds),
        median_speed(trainer.logs()),
    ));
    say(format_args!(
        "test MAE {:.4}, MSE {:.4}, rounded accuracy {}",
        last.test.mae,
        last.test.loss,
        accuracy(last.test)
    ));
    let folder = run.folder().path().display();
    say(format_args!("model and metrics in {folder}"));
}

fn median_speed(logs: &[EpochMetrics]) -> f64 {
    let mut speeds: Vec<f64> = logs.iter().map(|epoch| epoch.samples_per_second).collect();
    speeds.sort_by(f64::total_cmp);
    speeds[speeds.len() / 2]
}
