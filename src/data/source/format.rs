//! The formats of data sets, and how a path finds its own.
//!
//! A new format is one file in `src/data/` and one line in `FORMATS`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::HOUSE_DIGITS;
use crate::data::{Dataset, Set, Split};
#[cfg(feature = "formats")]
use crate::data::{cifar10, cifar100, mnist, npz, svhn};
use crate::error::{Error, Result};
use crate::files::cache_folder;

/// A way to store data sets, and how to find and read those stored so.
///
/// There are four doors, and a format opens some of them: a folder or a file that holds both sets
/// (`--data`), a file that holds one (`--train`, `--test`), and two of these that are read together.
pub struct Format {
    /// Its name. Where [`Format::origin`] is given, it is a name for `--data` as well, and that of
    /// its folder below `data/` and the cache folder.
    pub name: &'static str,
    /// Where the files come from, for a data set with a name of its own.
    pub origin: Option<&'static str>,
    /// The files that such a folder needs, each by what its name may end in; empty where names do not tell.
    pub parts: &'static [&'static [&'static str]],
    /// Folders that hold a training and a test set.
    pub folder: Option<Reader<LoadSplit>>,
    /// Files that hold a training and a test set.
    pub file: Option<Reader<LoadSplit>>,
    /// Files that hold one set.
    pub single: Option<Reader<LoadSet>>,
    /// Pairs of the latter, where what one file means depends on the other.
    pub pair: Option<Reader<LoadPair>>,
}

/// Loads a training and a test set from a folder or file.
pub type LoadSplit = fn(&Path) -> Result<Split>;
/// Loads one set from a file. Files that hold both are told which.
pub type LoadSet = fn(&Path, Set) -> Result<Dataset>;
/// Loads a training and a test set from a file each.
pub type LoadPair = fn(&Path, &Path) -> Result<Split>;

/// How folders or files of one kind are known and read.
#[derive(Clone, Copy)]
pub struct Reader<Load> {
    /// What is read, in the words of a hint.
    pub what: &'static str,
    /// Whether a path leads to it, by names alone.
    pub accepts: fn(&Path) -> bool,
    /// Reads it.
    pub read: Load,
}

/// Every format, in the order in which a path is tried: those that go by an extension come first.
#[cfg(feature = "formats")]
const FORMATS: &[&Format] = &[
    &svhn::FORMAT,
    &cifar10::FORMAT,
    &npz::FORMAT,
    &mnist::FORMAT,
    &mnist::FASHION,
    &mnist::KMNIST,
    &mnist::EMNIST[0],
    &mnist::EMNIST[1],
    &mnist::EMNIST[2],
    &cifar100::FORMAT,
    &cifar100::COARSE,
];
/// None are compiled in.
#[cfg(not(feature = "formats"))]
const FORMATS: &[&Format] = &[];

/// What is looked for where the user names no data. The others are loaded only where they are named:
/// which data a command trains on must not depend on what was downloaded for another.
pub(super) fn default_format() -> Option<&'static Format> {
    FORMATS.first().copied()
}

/// Those of `FORMATS` that are data sets with a name.
pub(super) fn named() -> impl Iterator<Item = &'static Format> {
    let formats = FORMATS.iter().copied();
    formats.filter(|format| format.origin.is_some())
}

/// The first of the readers that accepts `path`.
pub(super) fn reader<Load: Copy>(
    path: &Path,
    door: impl Fn(&Format) -> Option<Reader<Load>>,
) -> Option<Reader<Load>> {
    let mut readers = FORMATS.iter().filter_map(|format| door(format));
    readers.find(|reader| (reader.accepts)(path))
}

/// What the readers of that door read, for a hint.
pub(super) fn known<Load: Copy>(door: impl Fn(&Format) -> Option<Reader<Load>>) -> String {
    let readers = FORMATS.iter().filter_map(|format| door(format));
    let mut known: Vec<&str> = Vec::new();
    for reader in readers {
        if !known.contains(&reader.what) {
            known.push(reader.what);
        }
    }
    known.join("; ")
}

/// What is missing in `folder`, which holds some files of a known data set, but not all: what to say, and what helps.
pub(super) fn incomplete(folder: &Path) -> Option<(String, String)> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names: Vec<String> = entries
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect();
    let found = |part: &[&str]| {
        let is_one = |name: &&String| part.iter().any(|end| plain(name).ends_with(&plain(end)));
        names.iter().find(is_one)
    };
    // MNIST and its like have the same files but for what EMNIST's names begin with.
    let is_named = |format: &&Format| names.iter().any(|name| name.starts_with(format.name));
    let (named, others): (Vec<&Format>, Vec<&Format>) = FORMATS.iter().copied().partition(is_named);
    named.into_iter().chain(others).find_map(|format| {
        let parts = || format.parts.iter();
        let there: Vec<&str> = parts()
            .filter_map(|part| found(part).map(String::as_str))
            .collect();
        let missing: Vec<&str> = parts()
            .filter(|part| found(part).is_none())
            .map(|part| part[0])
            .collect();
        if there.is_empty() || missing.is_empty() {
            return None;
        }
        let what = format!("holds {}, but not {}", there.join(" and "), missing.join(" and "));
        let hint = format!(
            "put it there too: `gpu-train fetch {}` downloads all files; or name one file with `train` and one with \
             `test`",
            format.place()
        );
        Some((what, hint))
    })
}

/// `name` without `.gz`, and with dashes for dots.
pub(in crate::data) fn plain(name: &str) -> String {
    name.strip_suffix(".gz").unwrap_or(name).replace('.', "-")
}

/// Whether the name of `path` ends in a dot and `extension` (lower case), in any case.
#[cfg(feature = "formats")]
pub(in crate::data) fn has_extension(path: &Path, extension: &str) -> bool {
    let found = path.extension().unwrap_or_default();
    found.eq_ignore_ascii_case(extension)
}

impl Format {
    /// The first of the usual folders that holds this format's files.
    pub(super) fn find(&self) -> Option<PathBuf> {
        let folder = self.folder?;
        let mut folders = usual_folders(self.place()).into_iter();
        folders.find(|path| (folder.accepts)(path))
    }

    /// Loads the data set of this name.
    pub(super) fn load(&self) -> Result<Split> {
        match (self.find(), self.folder) {
            (Some(path), Some(folder)) => (folder.read)(&path),
            _ => Err(self.not_found()),
        }
    }

    /// The name of its folder: what may stand after a colon in [`Format::name`] says what of it is read.
    fn place(&self) -> &'static str {
        self.name.split(':').next().unwrap_or(self.name)
    }

    fn not_found(&self) -> Error {
        let folders: Vec<_> = usual_folders(self.place())
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        Error::file(
            Path::new(&folders[0]),
            format!("the data set {} is not there", self.name),
            format!(
                "`gpu-train fetch {}` downloads it; or put {} from {} into {}; \
                 `data` FOLDER takes them from elsewhere, `data` {HOUSE_DIGITS} needs no files",
                self.place(),
                self.folder.map_or("its files", |folder| folder.what),
                self.origin.unwrap_or("its makers"),
                folders.join(" or ")
            ),
        )
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The folders in which a known data set is looked for, best first: `data/NAME` in the current
/// folder, and `gpu-train/NAME` in the user's cache folder.
pub fn usual_folders(name: &str) -> Vec<PathBuf> {
    let mut folders = vec![Path::new("data").join(name)];
    folders.extend(cache_folder().map(|cache| cache.join("gpu-train").join(name)));
    folders
}
