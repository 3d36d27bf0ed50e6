//! MNIST and the data sets made in its likeness (Fashion-MNIST, KMNIST, EMNIST): four IDX files,
//! images and labels apart.

use std::path::{Path, PathBuf};

use super::idx::IdxFile;
use super::source::{Format, Reader};
use super::{Dataset, Split};
use crate::error::{Error, Result};

/// File of the training images, in the official folder; it may end in `.gz`, as may the others.
pub const TRAIN_FILE: &str = "train-images-idx3-ubyte";
/// File of the test images, in the official folder.
pub const TEST_FILE: &str = "t10k-images-idx3-ubyte";

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "mnist",
    origin: Some("https://ossci-datasets.s3.amazonaws.com/mnist/"),
    folder: Some(Reader {
        what: "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and \
               t10k-labels-idx1-ubyte, each with or without .gz",
        accepts: |folder| files_of(folder).is_some(),
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
pub fn load(folder: &Path) -> Result<Split> {
    let Some([train, train_labels, test, test_labels]) = files_of(folder) else {
        let hint = format!("expected are {TRAIN_FILE}, {TEST_FILE} and their labels-idx1 files");
        return Err(Error::file(folder, "lacks files of MNIST", hint));
    };
    Ok(Split {
        train: read_pair(&train, &train_labels)?,
        test: read_pair(&test, &test_labels)?,
    })
}

/// Reads a file of images, (images, height, width) or (images, channels, height, width), and the
/// file of labels beside it, which has the same name with `labels` for `images` and `idx1` for `idx3`
/// or `idx4`. Labels may be any numbers.
///
/// Fails, naming the file, where one of them is missing, is no IDX file, is damaged, or where their
/// numbers of images differ.
pub fn read(path: &Path) -> Result<Dataset> {
    let (name, known) = (name(path), "name the images; their labels lie beside them");
    let Some(labels) = labels_name(&name) else {
        let what = "is no file of images: its name lacks `images` and `idx3` or `idx4`";
        return Err(Error::file(path, what, known));
    };
    let plain = path.with_file_name(labels.strip_suffix(".gz").unwrap_or(&labels));
    let labels = either(&plain).ok_or_else(|| {
        let what = "no such file, with .gz or without: the labels of the images are missing";
        Error::file(&plain, what, known)
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
    Dataset::new(file.read_images()?, targets, shape)
}

/// The files of `folder` where all are there: images and labels to train on, images and labels to
/// test.
fn files_of(folder: &Path) -> Option<[PathBuf; 4]> {
    let file = |name: &str| either(&folder.join(name));
    let labels = |images| labels_name(images).and_then(|labels| file(&labels));
    Some([
        file(TRAIN_FILE)?,
        labels(TRAIN_FILE)?,
        file(TEST_FILE)?,
        labels(TEST_FILE)?,
    ])
}

/// `plain`, or else `plain` with `.gz`, where that is a file.
fn either(plain: &Path) -> Option<PathBuf> {
    let mut gzipped = plain.as_os_str().to_owned();
    gzipped.push(".gz");
    let mut files = [plain.to_path_buf(), gzipped.into()].into_iter();
    files.find(|path| path.is_file())
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
