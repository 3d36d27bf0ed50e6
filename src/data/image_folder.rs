//! A folder of pictures: `train/`, `test/` and perhaps `val/`, each with a folder per class or a
//! `labels.csv`; or the classes alone, of whose pictures a part becomes the test set.
//!
//! PNG, JPEG, TIFF and GIF (of both the first picture), BMP, WebP (no animation) and the PNM family, read
//! by the crate `image`.

use std::path::Path;

use super::{Dataset, Loading, Split};
use crate::error::Result;

mod cache;
mod jpeg;
mod labels_csv;
mod layout;
mod listing;
mod loose;
mod picture;
mod reader;
mod webp;

pub(super) use layout::accepts;
pub use layout::{TEST_FOLDER, TRAIN_FOLDER};
pub use loose::{find_images, read_picture};

/// What is read, in the words of a hint.
pub(super) const WHAT: &str = "train/ and test/ with a folder of images per class, or a labels.csv";

/// Loads the pictures in `folder`. Without a size in `loading`, all are of one; without a mode, they have one
/// channel where all are grey, else red, green and blue. They are turned upright as their EXIF data say,
/// transparency is dropped, of 16 bits the upper 8 stay.
///
/// Each of `train/`, `test/` and, where it is there, one of `val/`, `valid/` and `validation/`, has either a
/// folder per class, visited in the order of their names, or a file `labels.csv` with the columns `file` (a
/// path below its folder) and `target` (any finite number). Folders within that of a class belong to it.
/// Where all classes have numbers as names, these are the targets; else the classes are numbered from 0 in the
/// order of their names. Names that start with a dot are passed over, and so are, with a note, files that are
/// not named as images are. Links are followed, but for those to folders within a class.
///
/// Without a test set, `loading` says which share of the pictures becomes one, in equal parts of every
/// target.
///
/// Fails, naming the file, where an image lies beside the classes, an image cannot be read or is of another
/// size, or the classes of the folders differ; and where there is no test set and none is to be drawn, or
/// the other way round.
pub fn load(folder: &Path, loading: &Loading<'_>) -> Result<Split> {
    let sets = layout::sets(folder, loading)?;
    let read = reader::read(&sets, loading)?;
    let notes = sets.listed.notes.into_iter().chain(read.notes);
    let notes: Vec<String> = notes.collect();
    let mut parts = Vec::new();
    for (samples, images) in sets.listed.samples.iter().zip(read.images) {
        let targets = samples.iter().map(|sample| sample.target).collect();
        let data = Dataset::new(images, targets, read.shape)?;
        let data = notes.iter().cloned().fold(data, Dataset::with_note);
        parts.push(match &sets.listed.classes {
            Some(classes) => data.with_classes(classes.clone()),
            None => data,
        });
    }
    let mut parts = parts.into_iter();
    let (Some(train), Some(test)) = (parts.next(), parts.next()) else {
        unreachable!("there is a training and a test set");
    };
    Ok(Split {
        train,
        test,
        valid: parts.next(),
    })
}
