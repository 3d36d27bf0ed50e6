//! A folder of images: `train/` and `test/`, each with a folder per class or a `labels.csv`.
//!
//! PNG, JPEG, TIFF and GIF (of both the first picture), BMP, WebP (no animation) and the PNM family, read
//! by the crate `image`.

use std::path::Path;

use super::limits::{Budget, LIMIT_HINT};
use super::source::{Format, Reader};
use super::stream::reserve;
use super::{Dataset, Split};
use crate::error::{Error, Result};

mod jpeg;
mod labels_csv;
mod listing;
mod loose;
mod picture;
mod webp;

pub use loose::{find_images, read_scaled};

use listing::{Listing, Sample};
use picture::Header;

/// Folder of the training images.
pub const TRAIN_FOLDER: &str = "train";
/// Folder of the test images.
pub const TEST_FOLDER: &str = "test";

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "images",
    origin: None,
    folder: Some(Reader {
        what: "train/ and test/ with a folder of images per class, or a labels.csv",
        accepts: |folder| {
            [TRAIN_FOLDER, TEST_FOLDER]
                .iter()
                .all(|it| folder.join(it).is_dir())
        },
        read: load,
    }),
    file: None,
    single: None,
    pair: None,
};

/// Loads the images of `train/` and `test/` in `folder`. All are of one size; where all are grey they
/// have one channel, else red, green and blue. They are turned upright as their EXIF data say,
/// transparency is dropped, 16 bits are reduced to 8.
///
/// Each of the two has either a folder per class, visited in the order of their names, or a file
/// `labels.csv` with the columns `file` (a path below its folder) and `target` (any finite number).
/// Where all classes have numbers as names, these are the targets; else the classes are numbered from
/// 0 in the order of their names. Names that start with a dot are passed over, and so are, with a note,
/// files that are not named as images are. Links are followed.
///
/// Fails, naming the file, where an image lies beside the classes or a folder within one, an image cannot be read or is of
/// another size, or the classes of the two folders differ.
pub fn load(folder: &Path) -> Result<Split> {
    let train = Listing::of(&folder.join(TRAIN_FOLDER))?;
    let test = Listing::of(&folder.join(TEST_FOLDER))?;
    let listed = listing::listed(train, test)?;
    let [train, test] = &listed.samples;
    let common = Header::common(train.iter().chain(test).map(|sample| sample.path.as_path()))?;
    let read = |name: &str, samples: &[Sample]| {
        let data = read(&folder.join(name), samples, common)?;
        let data = listed.notes.iter().cloned().fold(data, Dataset::with_note);
        Ok(match &listed.classes {
            Some(classes) => data.with_classes(classes.clone()),
            None => data,
        })
    };
    Ok(Split {
        train: read(TRAIN_FOLDER, train)?,
        test: read(TEST_FOLDER, test)?,
    })
}

/// Reads the images of one set, in order; each of the size that `common` has.
fn read(folder: &Path, samples: &[Sample], common: Header) -> Result<Dataset> {
    let shape = common.shape();
    let taken = Budget::of_memory().take(samples.len() as u64, shape.elements() as u64);
    let bytes = taken.map_err(|what| {
        let what = format!("{} images of {shape} are {what}", samples.len());
        Error::file(folder, what, LIMIT_HINT)
    })?;
    let mut images = reserve(folder, bytes)?;
    for sample in samples {
        common.append(&sample.path, &mut images)?;
    }
    let targets = samples.iter().map(|sample| sample.target).collect();
    Dataset::new(images, targets, shape)
}
