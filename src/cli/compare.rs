//! `gpu-train compare`: any runs in one figure, one table and one page.

use std::path::{Path, PathBuf};

use super::args::CompareArgs;
use super::style::{self, say};
use crate::error::{Error, Result};
use crate::files::utc_stamp;
use crate::report::{self, Heading, PAGE, Spread, Summary};
use crate::sweep::SweepFolder;
use crate::train::RunFolder;

pub(super) fn run(args: &CompareArgs) -> Result<()> {
    let out = args.out.clone().unwrap_or_else(default_folder);
    let own = [
        (RunFolder::config_of(&out), "is the folder of a run"),
        (SweepFolder::sweep_of(&out), "is the folder of a sweep"),
    ];
    if let Some((_, folder)) = own.iter().find(|(file, _)| file.exists()) {
        let what = format!("{folder}, whose own report.html would be lost");
        return Err(Error::file(&out, what, "give another folder with --out"));
    }
    let summary = report::compare(&args.runs, &Heading::default(), &out)?;
    if !args.quiet {
        for warning in &summary.warnings {
            style::notice(warning);
        }
        show(&summary, &out);
    }
    Ok(())
}

fn default_folder() -> PathBuf {
    Path::new("runs").join(format!("{}-compare", utc_stamp()))
}

fn show(summary: &Summary, out: &Path) {
    let labels = summary.rows.iter().map(|row| row.label.chars().count());
    let width = labels.max().unwrap_or(0).max("run".len());
    say(format_args!(
        "{:width$}  {:>6}  {:>9}  {:>9}  {:>9}  {:>9}",
        "run", "epochs", "train MAE", "test MAE", "accuracy", "time"
    ));
    for row in &summary.rows {
        let accuracy = row
            .test_accuracy
            .map_or("-".to_owned(), |it| format!("{:.1}%", it * 100.0));
        say(format_args!(
            "{:width$}  {:>6}  {:>9.4}  {:>9.4}  {accuracy:>9}  {:>9}",
            row.label,
            row.epochs,
            row.train_mae,
            row.test_mae,
            style::duration(row.seconds),
        ));
    }
    means(summary);
    say(format_args!("report in {}", out.join(PAGE).display()));
}

/// Prints what runs that differ in nothing but their seed have come to, if there are any.
pub(super) fn means(summary: &Summary) {
    if summary.series.len() == summary.rows.len() {
        return;
    }
    let labels = summary.series.iter().map(|it| it.label.chars().count());
    let width = labels.max().unwrap_or(0).max("mean of".len());
    say(format_args!(
        "\n{:width$}  {:>15}  {:>15}  {:>15}  {:>12}",
        "mean of", "train MAE", "test MAE", "gap", "accuracy"
    ));
    for series in &summary.series {
        let error = |value| with_deviation(value, 1.0, 4, "");
        let accuracy = series.test_accuracy;
        say(format_args!(
            "{:width$}  {:>15}  {:>15}  {:>15}  {:>12}",
            series.label,
            error(series.train_mae),
            error(series.test_mae),
            error(series.gap),
            accuracy.map_or("-".to_owned(), |it| with_deviation(it, 100.0, 1, "%")),
        ));
    }
}

/// Mean ± standard deviation, both times `scale`.
fn with_deviation(value: Spread, scale: f64, decimals: usize, unit: &str) -> String {
    let mean = format!("{:.decimals$}{unit}", value.mean * scale);
    match value.deviation {
        None => mean,
        Some(deviation) => format!("{mean} ± {:.*}", decimals.min(3), deviation * scale),
    }
}
