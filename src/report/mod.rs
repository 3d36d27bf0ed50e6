//! Floor 7: what a run's folder tells, as figures, pages and TensorBoard's events. Reads folders,
//! and the test set for its pictures; knows no trainer and no GPU, and never prints.

mod csv_table;
pub mod figures;
mod labels;
mod page;
mod pictures;
mod run_figures;
mod run_record;
mod series;
mod summary;
pub mod tensorboard;

pub use csv_table::CsvTable;
#[cfg(feature = "cli")]
pub(crate) use page::{duration, epochs, measured};
pub use run_record::{Predicted, RunRecord};
pub use series::{Series, Spread};
pub use summary::{Summary, SummaryRow};

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files::lock::make_plain_folder;
use crate::files::{remove_partial_files, unwritable, write_whole};
use figures::Figure;
use pictures::Pictures;

/// The page of a run, and of a comparison.
pub const PAGE: &str = "report.html";
/// After this time nobody is writing a page or a figure any more, which takes a moment.
const FORGOTTEN: Duration = Duration::from_mins(1);
/// The folder of the figures beside it.
pub const FIGURES: &str = crate::files::folder::FIGURES;

/// Draws the run in `folder` and writes `report.html` and `figures/*.svg` and `*.png` into it.
///
/// Pictures are taken from `test`, or without it from the data set that the run's configuration
/// names; where they cannot be had, the page says why, and has none. Errors where the folder cannot
/// be read or written: what the run itself wrote is never touched.
pub fn write_run_report(folder: &Path, test: Option<&Dataset>) -> Result<()> {
    let run = RunRecord::read(folder)?;
    let pictures = Pictures::of(&run, test);
    let figures = run_figures::all(&run, &pictures);
    let unknown = write_figures(folder, &figures)?;
    let page = page::of_run(&run, &figures, &unknown, &pictures);
    write_whole(&folder.join(PAGE), page.as_bytes())
}

/// What stands above the figures of a comparison.
#[derive(Debug, Clone, Default)]
pub struct Heading {
    /// What the runs are of; `None` counts them.
    pub title: Option<String>,
    /// What the runs are to answer.
    pub question: Option<String>,
    /// What else there is to know, such as runs that could not be compared, each a sentence.
    pub notes: Vec<String>,
}

/// Draws `runs` together and writes `report.html` and `figures/*.svg` and `*.png` into `out`, which
/// is made where it is missing; returns what the runs came to.
///
/// Errors where a run has no epoch yet or a damaged file, naming it, where `out` cannot be written, and
/// where a page stands there that gpu-train did not write.
pub fn compare(runs: &[PathBuf], heading: &Heading, out: &Path) -> Result<Summary> {
    refuse_foreign_page(&out.join(PAGE))?;
    let runs = read_all(runs)?;
    let summary = Summary::of(&runs);
    let figures = run_figures::compared(&runs, &summary);
    fs::create_dir_all(out).map_err(|error| unwritable(out, &error))?;
    let unknown = write_figures(out, &figures)?;
    let page = page::of_comparison(&runs, heading, &summary, (&figures, &unknown), out);
    write_whole(&out.join(PAGE), page.as_bytes())?;
    Ok(summary)
}

fn read_all(runs: &[PathBuf]) -> Result<Vec<RunRecord>> {
    if runs.is_empty() {
        let hint = "name the folders of runs, such as runs/<time>-<net>";
        return Err(Error::usage("there is no run to compare", hint));
    }
    let runs: Vec<RunRecord> = runs
        .iter()
        .map(|it| RunRecord::read(it))
        .collect::<Result<_>>()?;
    let what = |run: &RunRecord| run.measured[1].name;
    if let Some(other) = runs.iter().find(|run| what(run) != what(&runs[0])) {
        let (first, other) = (&runs[0], other);
        return Err(Error::usage(
            format!(
                "{} is of another task than {}: its loss is {}, and not {}",
                other.name, first.name, other.measured[0].short, first.measured[0].short
            ),
            "compare runs of one task",
        ));
    }
    Ok(runs)
}

/// Errors where something stands at `path` that is no page of ours: its footer would say so.
fn refuse_foreign_page(path: &Path) -> Result<()> {
    let end = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(page::END)))?;
        let mut end = Vec::new();
        file.take(page::END).read_to_end(&mut end)?;
        std::io::Result::Ok(String::from_utf8_lossy(&end).into_owned())
    };
    let is_ours = match fs::symlink_metadata(path) {
        Err(_) => true,
        Ok(metadata) => metadata.is_file() && end().is_ok_and(|it| it.contains(page::FOOTER)),
    };
    if is_ours {
        return Ok(());
    }
    let what = "is there already, and gpu-train did not write it";
    Err(Error::file(path, what, "give another folder with `out`"))
}

/// A figure and the name of its files.
#[derive(Debug)]
struct Named {
    name: &'static str,
    figure: Figure,
}

/// Writes `figures` into `folder`; returns the letters that their PNGs lack.
fn write_figures(folder: &Path, figures: &[Named]) -> Result<BTreeSet<char>> {
    remove_partial_files(folder, FORGOTTEN);
    let folder = folder.join(FIGURES);
    make_plain_folder(&folder).map_err(|error| unwritable(&folder, &error))?;
    remove_partial_files(&folder, FORGOTTEN);
    let mut unknown = BTreeSet::new();
    for Named { name, figure } in figures {
        write_figure(&folder, name, figure)?;
        unknown.extend(figure.unknown_letters()?);
    }
    Ok(unknown)
}

/// Writes `figure` as `NAME.svg` and `NAME.png` into `folder`.
///
/// Errors where they cannot be written.
pub fn write_figure(folder: &Path, name: &str, figure: &Figure) -> Result<()> {
    write_whole(&folder.join(format!("{name}.svg")), figure.svg().as_bytes())?;
    write_whole(&folder.join(format!("{name}.png")), &figure.png()?.bytes)
}
