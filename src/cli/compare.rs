//! `gpu-train compare`: any runs in one figure, one table and one page.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use super::args::CompareArgs;
use super::style::{self, say};
use crate::error::{Error, Result};
use crate::report::{self, PAGE, Summary};
use crate::train::RunFolder;

pub(super) fn run(args: &CompareArgs) -> Result<()> {
    let out = args.out.clone().unwrap_or_else(default_folder);
    if RunFolder::config_of(&out).exists() {
        let what = "is the folder of a run, whose own report.html would be lost";
        return Err(Error::file(&out, what, "give another folder with --out"));
    }
    let summary = report::summarise(&args.runs)?;
    report::compare(&args.runs, &out)?;
    if !args.quiet {
        for warning in &summary.warnings {
            style::notice(warning);
        }
        show(&summary, &out);
    }
    Ok(())
}

fn default_folder() -> PathBuf {
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    Path::new("runs").join(format!("{now}-compare"))
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
            .map_or("-".to_owned(), |it| format!("{it:.4}"));
        say(format_args!(
            "{:width$}  {:>6}  {:>9.4}  {:>9.4}  {accuracy:>9}  {:>9}",
            row.label,
            row.epochs,
            row.train_mae,
            row.test_mae,
            style::duration(row.seconds),
        ));
    }
    say(format_args!("report in {}", out.join(PAGE).display()));
}
