//! MNIST and the data sets made in its likeness (Fashion-MNIST, KMNIST, EMNIST): four IDX files,
//! images and labels apart. What else than a letter parts the words of their names does not matter.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::emnist;
use super::idx::IdxFile;
use super::source::{Format, Reader};
use super::{Dataset, Split};
use crate::error::{Error, Result};

/// File of the training images, in the official folder; it may end in `.gz`, as may the others.
pub const TRAIN_FILE: &str = "train-images-idx3-ubyte";
/// File of the test images, in the official folder.
pub const TEST_FILE: &str = "t10k-images-idx3-ubyte";

/// What the names of the images' files end in, where dots are dashes and without `.gz`; there may be a name
/// in front, as in `emnist-digits-train-images-idx3-ubyte.gz`.
const TRAIN_ENDS: [&str; 2] = ["train-images-idx3-ubyte", "train-images-idx4-ubyte"];
const TEST_ENDS: [&str; 4] = [
    "t10k-images-idx3-ubyte",
    "t10k-images-idx4-ubyte",
    "test-images-idx3-ubyte",
    "test-images-idx4-ubyte",
];

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = format("mnist", "https://ossci-datasets.s3.amazonaws.com/mnist/");
/// Fashion-MNIST: the same, under another name.
pub(super) const FASHION: Format = format(
    "fashion-mnist",
    "https://github.com/zalandoresearch/fashion-mnist",
);
/// Kuzushiji-MNIST: the same, under another name.
pub(super) const KMNIST: Format = format("kmnist", "http://codh.rois.ac.jp/kmnist/");
/// EMNIST's digits, letters, and both in equal numbers: the same, under other names.
pub(super) const EMNIST: [Format; 3] = [
    format("emnist-digits", EMNIST_ORIGIN),
    format("emnist-letters", EMNIST_ORIGIN),
    format("emnist-balanced", EMNIST_ORIGIN),
];
const EMNIST_ORIGIN: &str = "https://www.nist.gov/itl/products-and-services/emnist-dataset";

const fn format(name: &'static str, origin: &'static str) -> Format {
    Format {
        name,
        origin: Some(origin),
        ..READERS
    }
}

const READERS: Format = Format {
    name: "",
    origin: None,
    folder: Some(Reader {
        what: "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and \
               t10k-labels-idx1-ubyte, each with or without .gz",
        accepts: |folder| !sets_of(folder).is_empty(),
        read: load,
    }),
    file: None,
    single: Some(Reader {
        what: "IDX files of images (…images-idx3-ubyte, with or without .gz)",
        accepts: |path| {
            ["idx1", "idx3", "idx4"]
                .iter()
                .any(|idx| name(path).contains(idx))
        },
        read: |path, _| read(path),
    }),
    pair: None,
};

/// Loads the four files of `folder`, each gzipped or not.
///
/// Fails where there are none, or those of several sets.
pub fn load(folder: &Path) -> Result<Split> {
    let mut sets = sets_of(folder);
    if sets.len() > 1 {
        let names: Vec<String> = sets.iter().map(|[train, _]| name(train)).collect();
        let what = format!("holds several sets: {}", names.join(", "));
        let hint = "name two files, one to train on and one to test, in place of the folder";
        return Err(Error::file(folder, what, hint));
    }
    let Some([train, test]) = sets.pop() else {
        let hint = format!("expected are {TRAIN_FILE}, {TEST_FILE} and their labels-idx1 files");
        return Err(Error::file(folder, "lacks files of MNIST", hint));
    };
    Ok(Split {
        train: read(&train)?,
        test: read(&test)?,
        valid: None,
    })
}

/// Reads a file of images, (images, height, width) or (images, channels, height, width), and the
/// file of labels beside it, which has the same name with `labels` for `images` and `idx1` for `idx3`
/// or `idx4`. Labels may be any numbers.
///
/// Fails, naming the file, where one of them is missing, is not an IDX file, is damaged, or where their
/// numbers of images differ.
pub fn read(path: &Path) -> Result<Dataset> {
    let (name, known) = (name(path), "name the images; their labels lie beside them");
    let Some(labels) = labels_name(&name) else {
        let what = "is not a file of images: its name lacks `images` and `idx3` or `idx4`";
        return Err(Error::file(path, what, known));
    };
    let mut files = files_in(path.parent().unwrap_or(Path::new("")));
    let found = files.remove(&plain(&labels));
    let labels = found.ok_or_else(|| {
        let what = "no such file, with .gz or without: the labels of the images are missing";
        let without = labels.strip_suffix(".gz").unwrap_or(&labels);
        Error::file(&path.with_file_name(without), what, known)
    })?;
    read_pair(path, &labels)
}

fn read_pair(images: &Path, labels: &Path) -> Result<Dataset> {
    let file = IdxFile::open(images)?;
    let (count, shape) = file.images()?;
    // Labels first: they are few, and wrong ones need no images read.
    let targets = IdxFile::open(labels)?.read_targets()?;
    if targets.len() != count {
        let what = format!(
            "has {} labels, but {} has {count} images",
            targets.len(),
            images.display()
        );
        return Err(Error::file(
            labels,
            what,
            "images and labels belong together",
        ));
    }
    let name = plain(&name(images));
    emnist::dataset(&name, file.read_images()?, targets, shape)
}

/// The sets of `folder` of which all four files are there: images to train on, and images to test.
fn sets_of(folder: &Path) -> Vec<[PathBuf; 2]> {
    let files = files_in(folder);
    // Of an images' file whose labels are there.
    let images = |name: &str| {
        let labels = labels_name(name)?;
        files.get(&labels).and_then(|_| files.get(name))
    };
    let mut sets = Vec::new();
    for name in files.keys() {
        let before = TRAIN_ENDS.iter().find_map(|end| name.strip_suffix(end));
        let test = before.and_then(|before| {
            let mut names = TEST_ENDS.iter().map(|end| format!("{before}{end}"));
            names.find_map(|name| images(&name))
        });
        if let Some((train, test)) = images(name).zip(test) {
            sets.push([train.clone(), test.clone()]);
        }
    }
    sets
}

/// The IDX files in `folder`, by their plain names. Of a file that lies there gzipped too, the other one.
fn files_in(folder: &Path) -> BTreeMap<String, PathBuf> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.filter(|name| name.contains("idx") && folder.join(name).is_file());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let mut files = BTreeMap::new();
    for name in names {
        let path = folder.join(&name);
        files.entry(plain(&name)).or_insert(path);
    }
    files
}

/// `name` without `.gz`, and with dashes for dots.
fn plain(name: &str) -> String {
    name.strip_suffix(".gz").unwrap_or(name).replace('.', "-")
}

/// The name of the labels' file, for the name of an images' file.
fn labels_name(images: &str) -> Option<String> {
    let (before, after) = images.rsplit_once("images")?;
    let dimensions = ["idx3", "idx4"];
    let dimensions = dimensions.iter().find(|idx| after.contains(**idx))?;
    Some(format!(
        "{before}labels{}",
        after.replace(dimensions, "idx1")
    ))
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
