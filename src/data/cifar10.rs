//! CIFAR-10, binary version: records of a label and three planes of 32x32 bytes.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::fs;
use std::path::{Path, PathBuf};

use super::cifar::Records;
pub use super::cifar::SHAPE;
use super::cifar100;
use super::source::{Format, Reader, has_extension};
use super::{Dataset, Set, Split};
use crate::error::Result;

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
const RECORDS: Records = Records {
    labels: 1,
    label: 0,
    classes: 10,
    names: NAMES_FILE,
    hint: "expected are records of a label (0 to 9) and 3,072 bytes of image: the binary version of \
           CIFAR-10, not the Python or MATLAB version",
};

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "cifar10",
    origin: Some("https://www.cs.toronto.edu/~kriz/cifar.html (binary version)"),
    parts: &[&[TRAIN_FILES[0]], &[TEST_FILE]],
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
        what: ".bin files of CIFAR-10 and CIFAR-100",
        accepts: |path| has_extension(path, "bin"),
        read: read_single,
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
        valid: None,
    })
}

/// Reads the records of several files, one file after the other. The classes have the names that
/// `batches.meta.txt` beside the first file has, where that is there.
///
/// Fails, naming the file, where one is missing, holds no whole number of records, or a label above
/// 9.
pub fn read(paths: &[PathBuf]) -> Result<Dataset> {
    RECORDS.read(paths)
}

/// Reads a single file: of CIFAR-100 where its size is that of such records, and of no others.
fn read_single(path: &Path, _: Set) -> Result<Dataset> {
    let bytes = fs::metadata(path).map_or(0, |it| it.len());
    let is = |records: &Records| bytes.is_multiple_of(records.bytes() as u64);
    if !is(&RECORDS) && is(&cifar100::FINE_RECORDS) {
        return cifar100::FINE_RECORDS.read(&[path.to_path_buf()]);
    }
    read(&[path.to_path_buf()])
}
