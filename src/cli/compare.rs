//! `gpu-train compare`: any runs in one figure, one table and one page.

use std::path::{Path, PathBuf};

use super::args::CompareArgs;
use super::browser;
use super::start::runs_of_sweep;
use super::style::{self, say};
use crate::error::{Error, Result};
use crate::files::utc_stamp;
use crate::nn::Metric;
use crate::report::{self, Heading, PAGE, Spread, Summary};
use crate::run::RunFolder;
use crate::sweep::SweepFolder;

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
    // Of a sweep, all of its runs.
    let runs = args.runs.iter();
    let runs = runs.flat_map(|it| runs_of_sweep(it).unwrap_or_else(|| vec![it.clone()]));
    let runs: Vec<PathBuf> = runs.collect();
    let summary = report::compare(&runs, &Heading::default(), &out)?;
    if !args.quiet {
        for warning in &summary.warnings {
            style::notice(warning.trim_start_matches("Warning: "));
        }
        show(&summary, &out);
    }
    if args.open {
        browser::show(&out.join(PAGE), args.quiet);
    }
    Ok(())
}

fn default_folder() -> PathBuf {
    Path::new("runs").join(format!("{}-compare", utc_stamp()))
}

fn show(summary: &Summary, out: &Path) {
    let labels = summary.rows.iter().map(|row| row.label.chars().count());
    let width = labels.max().unwrap_or(0).max("run".len());
    let [_, compared, others @ ..] = summary.rows[0].metrics else {
        return;
    };
    let [train, test] = ["train", "test"].map(|it| format!("{it} {}", compared.head));
    let heads = others.iter().map(|it| format!("  {:>9}", it.head));
    let heads: String = heads.collect();
    say(format_args!(
        "{:width$}  {:>6}  {train:>9}  {test:>9}{heads}  {:>9}",
        "run", "epochs", "time"
    ));
    for row in &summary.rows {
        let others = others.iter().zip(row.test.iter().skip(2));
        let others = others.map(|(it, value)| format!("  {:>9}", style::value_of(it, *value)));
        say(format_args!(
            "{:width$}  {:>6}  {:>9}  {:>9}{}  {:>9}",
            row.label,
            row.epochs,
            style::value_of(compared, Some(row.compared_train())),
            style::value_of(compared, Some(row.compared_test())),
            others.collect::<String>(),
            style::duration(row.seconds),
        ));
    }
    baseline(summary, width);
    means(summary);
    say(format_args!("report in {}", out.join(PAGE).display()));
}

/// Prints the line of a prediction that looks at no image, behind runs whose names take `width` letters.
fn baseline(summary: &Summary, width: usize) {
    let compared = summary.rows[0].compared();
    if let Some((constant, baseline)) = compared.baseline.zip(summary.baseline()) {
        let value = style::value_of(compared, Some(baseline.of(constant)));
        let words = constant.words();
        // Behind the epochs and the training set's column.
        say(format_args!("{words:<0$}  {value:>9}", width + 19));
    }
}

/// Prints what runs that differ in nothing but their seed have come to, if there are any.
pub(super) fn means(summary: &Summary) {
    if summary.series.len() == summary.rows.len() {
        return;
    }
    let labels = summary.series.iter().map(|it| it.label.chars().count());
    let width = labels.max().unwrap_or(0).max("mean of".len());
    let [_, compared, others @ ..] = summary.rows[0].metrics else {
        return;
    };
    let [train, test] = ["train", "test"].map(|it| format!("{it} {}", compared.head));
    let heads = others.iter().map(|it| format!("  {:>16}", it.head));
    let heads: String = heads.collect();
    say(format_args!(
        "\n{:width$}  {train:>21}  {test:>21}  {:>21}{heads}",
        "mean of", "gap"
    ));
    for series in &summary.series {
        let others = others.iter().zip(series.test.iter().skip(2));
        let others = others.map(|(it, value)| format!("  {:>16}", with_deviation(it, *value)));
        let compared = |value| with_deviation(compared, Some(value));
        say(format_args!(
            "{:width$}  {:>21}  {:>21}  {:>21}{}",
            series.label,
            compared(series.compared_train),
            compared(series.compared_test),
            compared(series.gap),
            others.collect::<String>(),
        ));
    }
}

/// Mean ± standard deviation of values of `metric`; a dash where there is none.
fn with_deviation(metric: &Metric, value: Option<Spread>) -> String {
    let mean = style::value_of(metric, value.map(|it| it.mean));
    match value.and_then(|it| it.deviation) {
        None => mean,
        Some(deviation) if metric.is_share => format!("{mean} ± {:.1}", deviation * 100.0),
        Some(deviation) => format!("{mean} ± {}", style::measured(deviation)),
    }
}
