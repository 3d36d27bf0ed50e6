//! `labels.csv`: the images of a folder and their targets.

use std::path::{Component, Path, PathBuf};

use super::listing::{Sample, check_image};
use crate::data::stream::open_regular;
use crate::error::{Error, Result};

/// Name of the file.
pub(super) const LABELS_FILE: &str = "labels.csv";
const HEADER: [&str; 2] = ["file", "target"];
const HINT: &str = "expected is a first line `file,target`, then a line per image, for example \
                    `house.png,3.5`";
const INSIDE_HINT: &str = "paths start at the folder of labels.csv and stay within it";

/// Reads the rows of `labels`, which lies in `folder`; looks at the images' names alone.
///
/// A file may be listed several times, and is as many samples then. Links are followed, wherever they
/// lead, as those in folders of classes are.
///
/// Fails, naming the row, where it is not as `HINT` says, a target is not finite, or a path leads out of
/// `folder` (by `..`, by a root).
pub(super) fn read(folder: &Path, labels: &Path) -> Result<Vec<Sample>> {
    let (file, _) = open_regular(labels, HINT)?;
    let mut reader = csv::Reader::from_reader(file);
    let header = reader
        .byte_headers()
        .map_err(|error| unusable(labels, &error))?;
    check_header(labels, header)?;
    let mut samples = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| unusable(labels, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong =
            |what: String, hint| Err(Error::file(labels, format!("line {line}: {what}"), hint));
        let (name, target) = (&record[0], record[1].trim());
        let Some(target) = target
            .parse()
            .ok()
            .filter(|target: &f32| target.is_finite())
        else {
            return wrong(
                format!("the target `{target}` is not a finite number"),
                HINT,
            );
        };
        let Some(path) = inside(folder, name) else {
            return wrong(format!("`{name}` leads out of the folder"), INSIDE_HINT);
        };
        check_image(&path)?;
        samples.push(Sample { path, target });
    }
    Ok(samples)
}

/// Errors where the first line is not `file,target`, with what it is.
fn check_header(labels: &Path, header: &csv::ByteRecord) -> Result<()> {
    let header: Vec<_> = header.iter().map(<[u8]>::trim_ascii).collect();
    if header == HEADER.map(str::as_bytes) {
        return Ok(());
    }
    let header: Vec<_> = header
        .iter()
        .take(9)
        .map(|it| String::from_utf8_lossy(it))
        .collect();
    let what = format!(
        "has the columns `{}`, not `{}`",
        header.join(","),
        HEADER.join(",")
    );
    Err(Error::file(labels, what, HINT))
}

/// `name` below `folder`, unless it starts elsewhere or goes up.
fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut parts = Path::new(name).components();
    let stays = parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    stays.then(|| folder.join(name))
}

fn unusable(labels: &Path, error: &csv::Error) -> Error {
    Error::file(labels, format!("cannot be read: {error}"), HINT)
}
