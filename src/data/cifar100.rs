//! CIFAR-100, binary version: records of a coarse label (20 classes), a fine one (100) and an image.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::path::Path;

use super::Split;
use super::cifar::Records;
use super::source::{Format, Reader};
use crate::error::Result;

/// File of the training images, in the official folder.
pub const TRAIN_FILE: &str = "train.bin";
/// File of the test images, in the official folder.
pub const TEST_FILE: &str = "test.bin";
const WHAT: &str = "train.bin and test.bin of CIFAR-100";
const HINT: &str = "expected are records of a coarse label (0 to 19), a fine one (0 to 99) and 3,072 bytes of \
                    image: the binary version of CIFAR-100, not the Python or MATLAB version";
/// The fine labels.
pub(super) const FINE_RECORDS: Records = Records {
    labels: 2,
    label: 1,
    classes: 100,
    names: "fine_label_names.txt",
    hint: HINT,
};
const COARSE_RECORDS: Records = Records {
    label: 0,
    classes: 20,
    names: "coarse_label_names.txt",
    ..FINE_RECORDS
};

/// How [`super::source::DataSource`] finds and loads the fine labels.
pub(super) const FORMAT: Format = Format {
    name: "cifar100",
    origin: Some("https://www.cs.toronto.edu/~kriz/cifar.html (binary version)"),
    parts: &[&[TRAIN_FILE], &[TEST_FILE]],
    folder: Some(Reader {
        what: WHAT,
        accepts: has_files,
        read: load,
    }),
    file: None,
    single: None,
    pair: None,
};
/// The coarse labels of the same files.
pub(super) const COARSE: Format = Format {
    name: "cifar100:coarse",
    folder: Some(Reader {
        what: WHAT,
        accepts: has_files,
        read: load_coarse,
    }),
    ..FORMAT
};

fn has_files(folder: &Path) -> bool {
    let mut files = [TRAIN_FILE, TEST_FILE].into_iter();
    files.all(|file| folder.join(file).is_file())
}

/// Loads both files of `folder`, with the fine labels. The classes have the names that
/// `fine_label_names.txt` beside them has, where that is there.
pub fn load(folder: &Path) -> Result<Split> {
    split(folder, &FINE_RECORDS)
}

/// Loads both files of `folder`, with the coarse labels, named by `coarse_label_names.txt`.
pub fn load_coarse(folder: &Path) -> Result<Split> {
    split(folder, &COARSE_RECORDS)
}

fn split(folder: &Path, records: &Records) -> Result<Split> {
    Ok(Split {
        train: records.read(&[folder.join(TRAIN_FILE)])?,
        test: records.read(&[folder.join(TEST_FILE)])?,
        valid: None,
    })
}
