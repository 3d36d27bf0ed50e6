//! `NumPy`'s `.npz`: a zip archive of arrays. `x_train`, `y_train`, `x_test` and `y_test` in one file,
//! as in Keras' `mnist.npz`, or `x` and `y` in a file per set.
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::limits::{Budget, LIMIT_HINT, NAMES_IN_ERRORS};
use super::source::{Format, Reader, has_extension};
use super::stream::{DAMAGED_HINT, Stream, open_regular};
use super::{Dataset, Set, Split};
use crate::error::{Error, Result};

mod images;
mod npy;

use npy::ArrayHeader;

const HINT: &str = "expected are x_train, y_train, x_test and y_test (or x and y in a file per set), \
                    written by numpy.savez or numpy.savez_compressed";

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "npz",
    origin: None,
    folder: None,
    file: Some(Reader {
        what: ".npz with x_train, y_train, x_test and y_test",
        accepts: is_npz,
        read: load,
    }),
    single: Some(Reader {
        what: ".npz files with x and y",
        accepts: is_npz,
        read,
    }),
    pair: None,
};

fn is_npz(path: &Path) -> bool {
    has_extension(path, "npz")
}

/// Loads `x_train` and `y_train`, `x_test` and `y_test`.
///
/// Fails as [`read`] does.
pub fn load(path: &Path) -> Result<Split> {
    let mut file = NpzFile::open(path)?;
    Ok(Split {
        train: file.dataset("x_train", "y_train")?,
        test: file.dataset("x_test", "y_test")?,
    })
}

/// Reads `x` and `y`, or else the two arrays of that set that [`load`] reads.
///
/// Images are uint8: (images, height, width), (images, height, width, channels) or (images,
/// channels, height, width). Which of the last two it is, sizes tell: channels are 1, 3 or 4, and
/// where both axes could be channels, it is the last. Labels are any integers, floats or booleans,
/// (images) or (images, 1). Both byte orders, and C and Fortran order.
///
/// Fails, naming the file, where it is missing, is no zip archive, is damaged, lacks an array, or
/// where types, shapes or numbers of images are not those above.
pub fn read(path: &Path, set: Set) -> Result<Dataset> {
    let mut file = NpzFile::open(path)?;
    if file.has("x") && file.has("y") {
        return file.dataset("x", "y");
    }
    match set {
        Set::Train => file.dataset("x_train", "y_train"),
        Set::Test => file.dataset("x_test", "y_test"),
    }
}

/// An opened archive.
struct NpzFile {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    budget: Budget,
}

impl NpzFile {
    fn open(path: &Path) -> Result<Self> {
        let (file, bytes) = open_regular(path, HINT)?;
        let archive = ZipArchive::new(BufReader::new(file));
        Ok(Self {
            path: path.to_path_buf(),
            archive: archive.map_err(|error| unreadable(path, "", &error))?,
            budget: Budget::new(bytes),
        })
    }

    fn has(&self, array: &str) -> bool {
        self.archive.index_for_name(&entry_name(array)).is_some()
    }

    /// The images `x` with the labels `y`.
    fn dataset(&mut self, x: &str, y: &str) -> Result<Dataset> {
        let header = self.header(x)?;
        let layout = images::layout(&header).map_err(|what| self.error(x, &what, images::HINT))?;
        // Labels first: they are few, and wrong ones need no images read.
        let targets = self.targets(y)?;
        if targets.len() != layout.count {
            let what = format!(
                "{} has {} images, but {y} has {} labels",
                x,
                layout.count,
                targets.len()
            );
            return Err(Error::file(
                &self.path,
                what,
                "images and labels belong together",
            ));
        }
        let taken = self.budget.take(layout.copies(), layout.bytes as u64);
        taken.map_err(|what| self.error(x, &format!("claims {header}: {what}"), LIMIT_HINT))?;
        let mut stream = self.stream(x)?;
        npy::read_header(&mut stream)?;
        let images = layout.read(&mut stream)?;
        stream.finish()?;
        Dataset::new(images, targets, layout.shape)
    }

    fn targets(&mut self, y: &str) -> Result<Vec<f32>> {
        let header = self.header(y)?;
        let wrong = format!("is {header}, not one real number per image");
        let count = match header.sizes[..] {
            [count] | [count, 1] => Some(count),
            _ => None,
        };
        let Some((count, numbers)) = count.zip(header.numbers()) else {
            return Err(self.error(y, &wrong, HINT));
        };
        let taken = self.budget.take(count, size_of::<f32>() as u64);
        taken.map_err(|what| self.error(y, &format!("claims {header}: {what}"), LIMIT_HINT))?;
        let mut stream = self.stream(y)?;
        npy::read_header(&mut stream)?;
        let targets = stream.targets(numbers, count as usize)?;
        stream.finish()?;
        Ok(targets)
    }

    /// The header of an array, checked against what the archive says of its size.
    fn header(&mut self, array: &str) -> Result<ArrayHeader> {
        let stored = self.entry(array)?.size();
        let mut stream = self.stream(array)?;
        let header = npy::read_header(&mut stream)?;
        let held = stored.saturating_sub(header.header_bytes);
        match header.numbers().map(|numbers| numbers.bytes() as u64) {
            Some(bytes)
                if header.elements().and_then(|count| count.checked_mul(bytes)) != Some(held) =>
            {
                let what = format!("corrupted: claims {header}, but has {held} bytes");
                Err(stream.error(what, DAMAGED_HINT))
            }
            _ => Ok(header),
        }
    }

    fn stream(&mut self, array: &str) -> Result<Stream<'_>> {
        let path = self.path.clone();
        Ok(Stream::part(&path, array, self.entry(array)?))
    }

    fn entry(&mut self, array: &str) -> Result<zip::read::ZipFile<'_, BufReader<File>>> {
        if !self.has(array) {
            let names = self.archive.file_names().take(NAMES_IN_ERRORS).flatten();
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            let names = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            let what = format!("has no array {array} (its files: {names})");
            return Err(Error::file(&self.path, what, HINT));
        }
        let found = self.archive.by_name(&entry_name(array));
        found.map_err(|error| unreadable(&self.path, array, &error))
    }

    fn error(&self, array: &str, what: &str, hint: &str) -> Error {
        Error::file(&self.path, format!("{array}: {what}"), hint)
    }
}

/// Under which name the archive holds an array.
fn entry_name(array: &str) -> String {
    format!("{array}.npy")
}

/// What is wrong where the archive, or an array of it, cannot be opened.
fn unreadable(path: &Path, array: &str, error: &ZipError) -> Error {
    let part = if array.is_empty() {
        String::new()
    } else {
        format!("{array}: ")
    };
    let (what, hint) = match error {
        ZipError::Io(error) => (format!("cannot be read: {error}"), DAMAGED_HINT),
        ZipError::UnsupportedArchive(what) => (format!("cannot be read: {what}"), HINT),
        other => (format!("is damaged, or no zip archive: {other}"), HINT),
    };
    Error::file(path, part + &what, hint)
}
