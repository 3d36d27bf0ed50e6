//! `NumPy`'s `.npz`: a zip archive of arrays. `x_train`, `y_train`, `x_test` and `y_test` in one file,
//! as in Keras' `mnist.npz`, or `train_images`, `train_labels` and so on, as in `MedMNIST`; or `x` and `y` in
//! a file per set.
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

const HINT: &str = "expected are x_train, y_train, x_test and y_test, or train_images, train_labels, \
                    test_images and test_labels (or x and y, images and labels, or arr_0 and arr_1 in a \
                    file per set), written by numpy.savez or numpy.savez_compressed";
/// What images and their labels are called; best first.
const NAMES: [(&str, &str); 6] = [
    ("x", "y"),
    ("images", "labels"),
    ("image", "label"),
    ("data", "labels"),
    ("data", "targets"),
    ("data", "target"),
];
/// What `numpy.savez` calls two arrays that nobody gave names.
const UNNAMED: (&str, &str) = ("arr_0", "arr_1");
/// What sets are called.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 2] = ["test", "testing"];
const VALIDATION: [&str; 3] = ["val", "valid", "validation"];

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "npz",
    origin: None,
    parts: &[],
    folder: None,
    file: Some(Reader {
        what: ".npz with x_train, y_train, x_test and y_test, or train_images, train_labels and so on",
        accepts: is_npz,
        read: load,
    }),
    single: Some(Reader {
        what: ".npz files with x and y, or images and labels",
        accepts: is_npz,
        read,
    }),
    pair: None,
};

fn is_npz(path: &Path) -> bool {
    has_extension(path, "npz")
}

/// Loads `x_train` and `y_train`, `x_test` and `y_test`, or arrays of the other usual names. A validation
/// set beside them is left alone, and tested on where there is no test set; both is noted.
///
/// Fails as [`read`] does.
pub fn load(path: &Path) -> Result<Split> {
    let mut file = NpzFile::open(path)?;
    Ok(Split {
        train: file.set(Set::Train)?,
        test: file.set(Set::Test)?,
        valid: None,
    })
}

/// Reads `x` and `y`, or `images` and `labels`, or else the two arrays of that set that [`load`] reads.
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
    match file.pair(&[]) {
        Some((x, y)) => file.dataset(&x, &y),
        None => file.set(set),
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

    /// How the archive writes the name of `array`: as it is, else in other cases or without its
    /// underscore, as in `trainX`.
    fn written(&self, array: &str) -> Option<String> {
        if self.has(array) {
            return Some(array.to_owned());
        }
        let letters = |name: &str| name.replace(['_', '-'], "").to_lowercase();
        let names = self.archive.file_names().flatten();
        let mut names = names.filter_map(|name| name.strip_suffix(".npy").map(str::to_owned));
        names.find(|name| letters(name) == letters(array))
    }

    /// Names of the images and the labels of the set that one of `words` calls; without words, of the one
    /// set that the archive holds.
    fn pair(&self, words: &[&str]) -> Option<(String, String)> {
        let both = |x: &str, y: &str| self.written(x).zip(self.written(y));
        if words.is_empty() {
            let mut names = NAMES.iter().chain([&UNNAMED]);
            return names.find_map(|(x, y)| both(x, y));
        }
        let mut forms = words
            .iter()
            .flat_map(|word| NAMES.map(|names| (word, names)));
        forms.find_map(|(word, (x, y))| {
            both(&format!("{x}_{word}"), &format!("{y}_{word}"))
                .or_else(|| both(&format!("{word}_{x}"), &format!("{word}_{y}")))
        })
    }

    /// One set of an archive that holds both.
    fn set(&mut self, set: Set) -> Result<Dataset> {
        let validation = self.pair(&VALIDATION);
        if set == Set::Train {
            return match (self.pair(&TRAIN), self.pair(&[])) {
                (Some((x, y)), _) => self.dataset(&x, &y),
                (None, Some((x, y))) => {
                    let what = format!("holds one set alone, {x} and {y}");
                    let hint = "name it as the file to train on, and another as the file to test";
                    Err(Error::file(&self.path, what, hint))
                }
                (None, None) => self.dataset("x_train", "y_train"),
            };
        }
        match (self.pair(&TEST), validation) {
            (Some((x, y)), None) => self.dataset(&x, &y),
            (Some((x, y)), Some((unused, _))) => {
                let data = self.dataset(&x, &y)?;
                Ok(data.with_note(format!(
                    "{unused} and its labels are left alone; `valid_fraction` holds out a share of the \
                     training set"
                )))
            }
            (None, Some((x, y))) => {
                let data = self.dataset(&x, &y)?;
                Ok(data.with_note(format!("without a test set, the test set is {x}")))
            }
            (None, None) => self.dataset("x_test", "y_test"),
        }
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
        let data = Dataset::new(images, targets, layout.shape)?;
        Ok(match layout.axes(&header) {
            Some(note) => data.with_note(note),
            None => data,
        })
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
