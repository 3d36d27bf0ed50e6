//! `gpu-train compare`: any runs in one figure, one table and one page.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::args::CompareArgs;
use super::browser;
use super::latest::{RUNS, followed};
use super::model_args::Format;
use super::records::Records;
use super::start::runs_of_sweep;
use super::style::{self, say};
use super::table::{self, Column};
use crate::error::{Error, Result};
use crate::files::utc_stamp;
use crate::nn::Metric;
use crate::report::{self, Heading, PAGE, Series, Spread, Summary, SummaryRow};
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
    let runs: Vec<PathBuf> = named(&args.runs)
        .iter()
        .flat_map(|it| runs_in(it, args.quiet))
        .collect();
    let summary = report::compare(&runs, &Heading::default(), &out)?;
    if !args.quiet {
        for warning in &summary.warnings {
            style::notice(warning.trim_start_matches("Warning: "));
        }
    }
    match args.format {
        Format::Table if args.quiet => {}
        Format::Table => show(&summary, &out),
        Format::Csv => records(&summary).say_csv(),
        Format::Json => records(&summary).say_json()?,
    }
    if args.open {
        browser::show(&out.join(PAGE), args.quiet);
    }
    Ok(())
}

/// The run at `path`; of a sweep all of its runs of which there is something to compare.
fn runs_in(path: &Path, quiet: bool) -> Vec<PathBuf> {
    let Some(runs) = runs_of_sweep(path) else {
        return vec![path.to_path_buf()];
    };
    let (begun, others): (Vec<PathBuf>, Vec<PathBuf>) =
        runs.into_iter().partition(|it| RunFolder::has_epochs(it));
    for run in others.iter().filter(|_| !quiet && !begun.is_empty()) {
        let run = run.display();
        style::notice(&format!("{run} is left out: none of its epochs has ended"));
    }
    // If none has begun, the first one says what is missing.
    if begun.is_empty() { others } else { begun }
}

/// What `paths` name: the link to the latest run is that run, unless it is named beside it, as `runs/*` does.
fn named(paths: &[PathBuf]) -> Vec<PathBuf> {
    let real = paths.iter().map(|path| (path, followed(path)));
    let named = real.filter(|(path, real)| *path == real || !paths.contains(real));
    named.map(|(_, real)| real).collect()
}

fn default_folder() -> PathBuf {
    Path::new(RUNS).join(format!("{}-compare", utc_stamp()))
}

fn show(summary: &Summary, out: &Path) {
    let first = &summary.rows[0];
    let [_, compared, others @ ..] = first.metrics else {
        return;
    };
    let baseline = compared.baseline.zip(summary.baseline());
    // A line for each run, and one for a prediction that looks at no image.
    let column = |of_run: &dyn Fn(&SummaryRow) -> String, of_baseline: String| {
        let mut cells: Vec<String> = summary.rows.iter().map(of_run).collect();
        cells.extend(baseline.map(|_| of_baseline));
        cells
    };
    let none = String::new;
    let constant = baseline.map_or(none(), |(constant, _)| constant.words().to_owned());
    let best = baseline.map(|(constant, of)| of.of(constant));
    let of = |metric: &'static Metric, value| style::value_of(metric, value);
    let mut columns = vec![
        Column::words("run", 0, column(&|row| row.label.clone(), constant)),
        Column::new("epochs", 4, column(&|row| row.epochs.to_string(), none())),
        Column::new(
            format!("train {}", compared.head),
            2,
            column(&|row| of(compared, Some(row.compared_train())), none()),
        ),
        Column::new(
            format!("test {}", compared.head),
            0,
            column(
                &|row| of(compared, Some(row.compared_test())),
                of(compared, best),
            ),
        ),
    ];
    for (at, metric) in others.iter().enumerate() {
        let cells = column(&|row| of(metric, row.test[at + 2]), none());
        columns.push(Column::new(metric.head, 1, cells));
    }
    let seconds = column(&|row| style::duration(row.seconds), none());
    columns.push(Column::new("time", 3, seconds));
    table::print(columns);
    means(summary);
    say(format_args!("report in {}", out.join(PAGE).display()));
}

/// Prints what runs that differ in nothing but their seed have come to, if there are any.
pub(super) fn means(summary: &Summary) {
    if summary.series.len() == summary.rows.len() {
        return;
    }
    let [_, compared, others @ ..] = summary.rows[0].metrics else {
        return;
    };
    let column = |head: String, rank, of: &dyn Fn(&Series) -> String| {
        Column::new(head, rank, summary.series.iter().map(of).collect())
    };
    let with = |value| with_deviation(compared, Some(value));
    let labels = summary.series.iter().map(|it| it.label.clone()).collect();
    let mut columns = vec![
        Column::words("mean of", 0, labels),
        column(format!("train {}", compared.head), 3, &|it| {
            with(it.compared_train)
        }),
        column(format!("test {}", compared.head), 0, &|it| {
            with(it.compared_test)
        }),
        column("gap".to_owned(), 2, &|it| with(it.gap)),
    ];
    for (at, metric) in others.iter().enumerate() {
        let cell = |it: &Series| with_deviation(metric, it.test[at + 2]);
        columns.push(column(metric.head.to_owned(), 1, &cell));
    }
    say(format_args!(""));
    table::print(columns);
}

/// What programs are told of the runs: a line or an object each.
fn records(summary: &Summary) -> Records {
    let metrics = summary.rows[0].metrics;
    let of_set = |set: &'static str| metrics.iter().map(move |it| format!("{set}_{}", it.name));
    let before = ["run", "folder", "data", "epochs", "parameters"].map(str::to_owned);
    let after = ["best_epoch", "seconds", "samples_per_second"].map(str::to_owned);
    let columns = before
        .into_iter()
        .chain(of_set("train"))
        .chain(of_set("test"));
    let mut records = Records::new(columns.chain(after));
    for row in &summary.rows {
        let mut values: Vec<Value> = vec![
            row.label.clone().into(),
            row.folder.display().to_string().into(),
            row.data.clone().into(),
            row.epochs.into(),
            row.parameters.into(),
        ];
        // Runs that are compared are measured alike.
        values.extend(row.train.iter().chain(&row.test).map(|it| Value::from(*it)));
        values.extend([
            row.best_epoch.into(),
            row.seconds.into(),
            row.samples_per_second.into(),
        ]);
        records.push(values);
    }
    records
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
