//! CIFAR-10, binary version: records of a label and three planes of 32x32 bytes.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::path::{Path, PathBuf};

use super::source::{Format, Reader, has_extension};
use super::stream::{Stream, open_regular, reserve};
use super::{Dataset, Split};
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

/// Reads the records of several files, one file after the other.
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
            if *label > 9 {
                let what = format!("label {label} of image {index} (counted from 0)");
                return Err(Error::file(path, what, HINT));
            }
            targets.push(f32::from(*label));
            images.extend_from_slice(image);
        }
    }
    Dataset::new(images, targets, SHAPE)
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
