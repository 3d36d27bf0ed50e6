//! Street View House Numbers, format 2: crops of single digits in MATLAB v5 files.
//!
//! Each file holds `X` (height, width, channels, images) of uint8 and `y` (images, 1), where 10
//! stands for the digit 0. Source: <http://ufldl.stanford.edu/housenumbers/>.

use std::io::{Read, Seek};
use std::path::Path;

use matfile::NumericData;

use super::limits::NAMES_IN_ERRORS;
use super::matlab::{MatlabFile, UINT8};
use super::source::{Format, Reader, has_extension};
use super::{Dataset, Split};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// File of the training images, in the official folder.
pub const TRAIN_FILE: &str = "train_32x32.mat";
/// File of the test images, in the official folder.
pub const TEST_FILE: &str = "test_32x32.mat";
/// The label that stands for the digit 0.
const ZERO_LABEL: f64 = 10.0;

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "svhn",
    origin: Some("http://ufldl.stanford.edu/housenumbers/"),
    folder: Some(Reader {
        what: "train_32x32.mat and test_32x32.mat",
        accepts: |folder| {
            [TRAIN_FILE, TEST_FILE]
                .iter()
                .all(|file| folder.join(file).is_file())
        },
        read: load,
    }),
    file: None,
    single: Some(Reader {
        what: ".mat files",
        accepts: |path| has_extension(path, "mat"),
        read: |path, _| read(path),
    }),
};

/// Loads `train_32x32.mat` and `test_32x32.mat` from `folder`.
pub fn load(folder: &Path) -> Result<Split> {
    Ok(Split {
        train: read(&folder.join(TRAIN_FILE))?,
        test: read(&folder.join(TEST_FILE))?,
    })
}

/// Reads one file of `X` and `y`, of any height, width, channels and number of images, in either
/// byte order, compressed or not. Label 10 becomes 0.
///
/// Fails, naming the file, where it is missing, is no MATLAB v5 file, is damaged, lacks `X` or `y`,
/// or where their types, shapes or labels are not those of the format.
pub fn read(path: &Path) -> Result<Dataset> {
    to_dataset(MatlabFile::open(path)?)
}

fn to_dataset<R: Read + Seek>(mut file: MatlabFile<R>) -> Result<Dataset> {
    let (shape, count) = check_images(&file)?;
    check_labels(&file, count)?;
    // Labels first: they are few, and wrong ones need no images read.
    let targets = read_targets(&mut file)?;
    let images = read_images(&mut file, shape, count)?;
    Dataset::new(images, targets, shape)
}

/// Shape and number of the images, from the header of `X`.
fn check_images<R: Read + Seek>(file: &MatlabFile<R>) -> Result<(ImageShape, usize)> {
    let header = file.find("X").ok_or_else(|| missing(file, "X"))?;
    // MATLAB drops trailing sizes of 1: a single colour image has three sizes.
    let mut sizes = [1; 4];
    let given = header.dimensions.len();
    if header.class != UINT8 || !header.is_real_number() || given > 4 {
        return Err(wrong(file, format!("X is {header}, not a 4-D uint8 array")));
    }
    sizes[..given].copy_from_slice(&header.dimensions);
    if header.elements() == 0 {
        return Err(wrong(file, format!("X is {header}: it holds no image")));
    }
    let [height, width, channels, count] = sizes.map(|size| size as usize);
    Ok((ImageShape::new(channels, height, width), count))
}

/// Checks that `y` is a vector of `count` numbers.
fn check_labels<R: Read + Seek>(file: &MatlabFile<R>, count: usize) -> Result<()> {
    let header = file.find("y").ok_or_else(|| missing(file, "y"))?;
    if !header.is_real_number() {
        return Err(wrong(
            file,
            format!("y is {header}: labels are real numbers"),
        ));
    }
    let labels = header.elements();
    if header.dimensions.len() != 2 || !header.dimensions.contains(&1) {
        return Err(wrong(
            file,
            format!("y is {header}, not one column of labels"),
        ));
    }
    if labels != count as u64 {
        return Err(wrong(
            file,
            format!("X has {count} images, but y has {labels} labels"),
        ));
    }
    Ok(())
}

fn wrong<R: Read + Seek>(file: &MatlabFile<R>, what: impl Into<String>) -> Error {
    let hint = "expected are X (height, width, channels, images) of uint8 and y (images, 1)";
    file.error(what, hint)
}

fn missing<R: Read + Seek>(file: &MatlabFile<R>, name: &str) -> Error {
    let names: Vec<&str> = file.names().into_iter().take(NAMES_IN_ERRORS).collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    wrong(file, format!("has no array {name} (its arrays: {names})"))
}

/// The digits 0 to 9, one per image.
fn read_targets<R: Read + Seek>(file: &mut MatlabFile<R>) -> Result<Vec<f32>> {
    let parsed = file.read("y")?;
    let labels = numbers(parsed.arrays()[0].data());
    let digit = |(index, label): (usize, f64)| {
        if label == ZERO_LABEL {
            Ok(0.0)
        } else if (0.0..ZERO_LABEL).contains(&label) && label.fract() == 0.0 {
            Ok(label as f32)
        } else {
            Err(wrong(
                file,
                format!(
                    "label {label} of image {index} (counted from 0): labels are the integers 1 to 10, \
                     with 10 for the digit 0"
                ),
            ))
        }
    };
    labels.enumerate().map(digit).collect()
}

fn numbers(data: &NumericData) -> Box<dyn Iterator<Item = f64> + '_> {
    match data {
        NumericData::Int8 { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::UInt8 { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::Int16 { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::UInt16 { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::Int32 { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::UInt32 { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::Int64 { real, .. } => Box::new(real.iter().map(|&v| v as f64)),
        NumericData::UInt64 { real, .. } => Box::new(real.iter().map(|&v| v as f64)),
        NumericData::Single { real, .. } => Box::new(real.iter().map(|&v| v.into())),
        NumericData::Double { real, .. } => Box::new(real.iter().copied()),
    }
}

/// All images, NCHW. Holds their bytes twice: matfile's array and ours.
fn read_images<R: Read + Seek>(
    file: &mut MatlabFile<R>,
    shape: ImageShape,
    count: usize,
) -> Result<Vec<u8>> {
    let parsed = file.read("X")?;
    let NumericData::UInt8 { real: columns, .. } = parsed.arrays()[0].data() else {
        return Err(wrong(file, "X is not stored as uint8"));
    };
    let mut images = Vec::new();
    if images.try_reserve_exact(columns.len()).is_err() {
        let needed = columns.len() >> 20;
        return Err(wrong(
            file,
            format!("{count} images of {shape} need {needed} MiB more memory"),
        ));
    }
    for plane in columns.chunks_exact(shape.pixels()) {
        transpose(plane, shape, &mut images);
    }
    Ok(images)
}

/// Appends one plane, stored column after column, to `rows`, row after row.
fn transpose(columns: &[u8], shape: ImageShape, rows: &mut Vec<u8>) {
    for y in 0..shape.height {
        rows.extend(columns[y..].iter().step_by(shape.height));
    }
}

#[cfg(test)]
mod tests;
