//! `runs/latest`: a link to the run or the sweep that began last.

use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};

use super::style;
use crate::files::folder::link_beside;

/// The folder of runs that were given no other.
pub(super) const RUNS: &str = "runs";
/// Name of the link.
const LATEST: &str = "latest";

/// Lets `runs/latest` lead to `folder`, if that lies in `runs`. What is no link stays, and where links cannot be made
/// there is none: nothing depends on it.
pub(super) fn point_to(folder: &Path) {
    let Some((above, name)) = folder.parent().zip(folder.file_name()) else {
        return;
    };
    let same = |one: &Path, other: &Path| {
        let real = [one, other].map(fs::canonicalize);
        matches!(real, [Ok(one), Ok(other)] if one == other)
    };
    let link = above.join(LATEST);
    let is_ours = fs::symlink_metadata(&link).map_or(true, |it| it.is_symlink());
    if !same(above, Path::new(RUNS)) || !is_ours {
        return;
    }
    if link_beside(&link, Path::new(name)).is_ok() {
        let (link, folder) = (link.display(), folder.display());
        style::detail(format_args!("{link} leads to {folder}"));
    }
}

/// Takes the folder of a run from the command line, by the link or by its name.
pub(super) fn folder_parser() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| followed(&path))
}

/// Where the link `path` leads, if it is named as ours: another run may begin while this one is at work. Any other
/// path is what it is.
pub(super) fn followed(path: &Path) -> PathBuf {
    // Without a slash at its end, through which the link itself cannot be seen.
    let plain: PathBuf = path.components().collect();
    let target = plain.file_name().filter(|name| *name == LATEST);
    match target.and_then(|_| fs::read_link(&plain).ok()) {
        Some(target) => plain.with_file_name(target),
        None => path.to_path_buf(),
    }
}
