//! CIFAR-10, binary version: records of a label and three planes of 32x32 bytes.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::source::{Format, Reader, has_extension};
use super::stream::{Stream, open_regular, reserve};
use super::{Classes, Dataset, Split};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// Files of the training images, in the official folder. The first is needed.
pub const TRAIN_FILES: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
/// File of the test images, in the official folder.
pub const TEST_FILE: &str = "test_batch.bin";
/// File of the names of the classes, in the official folder.
pub const NAMES_FILE: &str = "batches.meta.txt";
/// Far more than ten names need.
const MOST_NAME_BYTES: u64 = 1 << 12;
const LABELS: usize = 10;
/// Shape of an image: red, green and blue plane.
pub const SHAPE: ImageShape = ImageShape::new(3, 32, 32);
/// Bytes of a label and its image.
const RECORD_BYTES: usize = 1 + SHAPE.elements();
const HINT: &str = "expected are records of a label (0 to 9) and 3,072 bytes of image: the binary \
                    version of CIFAR-10, not that of CIFAR-100, nor the Python or MATLAB version";

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "cifar10",
    origin: Some("https://www.cs.toronto.edu/~kriz/cifar.html (binary version)"),
    folder: Some(Reader {
        what: "data_batch_1.bin (and 2 to 5) and test_batch.bin",
        accepts: |folder| {
            [TRAIN_FILES[0], TEST_FILE]
                .iter()
                .all(|file| folder.join(file).is_file())
        },
        read: load,
    }),
    file: None,
    single: Some(Reader {
        what: ".bin files of CIFAR-10",
        accepts: |path| has_extension(path, "bin"),
        read: |path, _| read(&[path.to_path_buf()]),
    }),
    pair: None,
};

/// Loads those of the five training files that are there, and the test file, from `folder`.
pub fn load(folder: &Path) -> Result<Split> {
    let files = TRAIN_FILES.iter().map(|file| folder.join(file));
    let (first, others) = (folder.join(TRAIN_FILES[0]), files.skip(1));
    let others = others.filter(|file| file.is_file());
    let train: Vec<PathBuf> = [first].into_iter().chain(others).collect();
    Ok(Split {
        train: read(&train)?,
        test: read(&[folder.join(TEST_FILE)])?,
    })
}

/// Reads the records of several files, one file after the other. The classes have the names that
/// `batches.meta.txt` beside the first file has, where that is there.
///
/// Fails, naming the file, where one is missing, holds no whole number of records, or a label above
/// 9.
pub fn read(paths: &[PathBuf]) -> Result<Dataset> {
    let mut files = Vec::new();
    let mut count = 0;
    for path in paths {
        let (stream, records) = open(path)?;
        files.push((path, stream, records));
        count += records;
    }
    let first = paths.first().map_or(Path::new(""), |path| path);
    let mut images = reserve(first, count * SHAPE.elements())?;
    let mut targets = reserve(first, count)?;
    let mut record = [0; RECORD_BYTES];
    for (path, mut stream, records) in files {
        for index in 0..records {
            stream.fill(&mut record)?;
            let [label, image @ ..] = &record;
            if usize::from(*label) >= LABELS {
                let what = format!("label {label} of image {index} (counted from 0)");
                return Err(Error::file(path, what, HINT));
            }
            targets.push(f32::from(*label));
            images.extend_from_slice(image);
        }
    }
    let data = Dataset::new(images, targets, SHAPE)?;
    Ok(match names(&first.with_file_name(NAMES_FILE)) {
        Some(classes) => data.with_classes(classes),
        None => data,
    })
}

/// The names in the file `path`, one a line. They are only words beside the labels: a file that has
/// not ten of them, or cannot be read, is as good as none.
fn names(path: &Path) -> Option<Classes> {
    let (file, _) = open_regular(path, HINT).ok()?;
    let mut text = String::new();
    let mut start = file.take(MOST_NAME_BYTES);
    start.read_to_string(&mut text).ok()?;
    let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    (names.len() == LABELS).then(|| Classes::new(names))
}

/// Opens a file and tells the number of its records, from its size.
fn open(path: &Path) -> Result<(Stream<'static>, usize)> {
    let (file, bytes) = open_regular(path, HINT)?;
    let records = bytes / RECORD_BYTES as u64;
    if records == 0 || bytes % RECORD_BYTES as u64 != 0 {
        let what = format!("has {bytes} bytes, no multiple of the {RECORD_BYTES} of a record");
        return Err(Error::file(path, what, HINT));
    }
    Ok((Stream::new(path, file), records as usize))
}
