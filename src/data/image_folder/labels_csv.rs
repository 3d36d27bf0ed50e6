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

/// Reads the rows of `labels`, which lies in `folder`; looks at the images' names alone.
///
/// A file may be listed several times, and is as many samples then. Links are followed, wherever they
/// lead, as those in folders of classes are.
///
/// Fails, naming the line and where paths start, where it is not as `HINT` says, a target is not finite, a path leads
/// out of `folder` (by `..`, by a root), or to no image.
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
        let (name, target) = (&record[0], record[1].trim());
        let target = target.parse().ok().filter(|it: &f32| it.is_finite());
        let Some(target) = target else {
            let target = record[1].trim();
            let what = format!("line {line}: the target `{target}` is not a finite number");
            return Err(Error::file(labels, what, HINT));
        };
        let path = match inside(folder, name) {
            None => Err((format!("`{name}` leads out of the folder"), HINT.to_owned())),
            Some(path) => check_image(&path)
                .map_err(|error| said(name, &error))
                .map(|()| path),
        };
        let path = path.map_err(|(what, hint)| {
            let folder = folder.display();
            Error::file(
                labels,
                format!("line {line}: {what}"),
                format!("paths start at the folder {folder} and stay within it; {hint}"),
            )
        })?;
        samples.push(Sample { path, target });
    }
    Ok(samples)
}

/// What `error` says of the file `name`, and what helps.
fn said(name: &str, error: &Error) -> (String, String) {
    let what = match error {
        Error::File { what, .. } => what.clone(),
        other => other.to_string(),
    };
    (format!("{name}: {what}"), error.hint().to_owned())
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
        "line 1: has the columns `{}`, not `{}`",
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
    let line = error
        .position()
        .map_or(String::new(), |it| format!("line {}: ", it.line()));
    let what = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{line}has {len} of {expected_len} columns"),
        csv::ErrorKind::Utf8 { .. } => format!("{line}is not UTF-8 text"),
        _ => format!("{line}cannot be read: {error}"),
    };
    Error::file(labels, what, HINT)
}
