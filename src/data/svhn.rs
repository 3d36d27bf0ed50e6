//! Street View House Numbers, format 2: crops of single digits in MATLAB v5 files.
//!
//! Each file holds `X` (height, width, channels, images) of uint8 and `y` (images, 1), where 10
//! stands for the digit 0, unless there are labels of 0 as well: then 10 is 10. `X` of grey images may be
//! (height, width, images): which it is, the number of labels tells.
//! Source: <http://ufldl.stanford.edu/housenumbers/>.

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
/// The label that stands for the digit 0 where no label is 0.
const ZERO_LABEL: f32 = 10.0;

/// How [`super::source::DataSource`] finds and loads this format.
pub(super) const FORMAT: Format = Format {
    name: "svhn",
    origin: Some("http://ufldl.stanford.edu/housenumbers/"),
    parts: &[&[TRAIN_FILE], &[TEST_FILE]],
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
    pair: Some(Reader {
        what: "two .mat files",
        accepts: |path| has_extension(path, "mat"),
        read: read_pair,
    }),
};

/// Loads `train_32x32.mat` and `test_32x32.mat` from `folder`.
pub fn load(folder: &Path) -> Result<Split> {
    read_pair(&folder.join(TRAIN_FILE), &folder.join(TEST_FILE))
}

/// Reads one file of `X` and `y`, of any height, width, channels and number of images, in either
/// byte order, compressed or not. Label 10 becomes 0, unless a label is 0.
///
/// Fails, naming the file, where it is missing, is no MATLAB v5 file, is damaged, lacks `X` or `y`,
/// or where their types, shapes or labels are not those of the format.
pub fn read(path: &Path) -> Result<Dataset> {
    let file = Labelled::new(MatlabFile::open(path)?)?;
    let coded = !file.has_zero();
    file.read(coded)
}

/// Reads a file for each set, in which one label means one thing: 10 becomes 0, unless a label of
/// either is 0.
///
/// Fails as [`read`] does.
pub fn read_pair(train: &Path, test: &Path) -> Result<Split> {
    let [train, test] = [train, test].map(|path| MatlabFile::open(path).and_then(Labelled::new));
    let (train, test) = (train?, test?);
    let coded = !train.has_zero() && !test.has_zero();
    Ok(Split {
        train: train.read(coded)?,
        test: test.read(coded)?,
        valid: None,
    })
}

/// A file of which the labels are read, as they stand in it. They are few, and wrong ones need no
/// images read.
struct Labelled<R> {
    file: MatlabFile<R>,
    shape: ImageShape,
    labels: Vec<f32>,
}

impl<R: Read + Seek> Labelled<R> {
    fn new(mut file: MatlabFile<R>) -> Result<Self> {
        file.find("X").ok_or_else(|| missing(&file, "X"))?;
        let labels = count_labels(&file)?;
        let (shape, count) = check_images(&file, labels)?;
        if labels != count as u64 {
            return Err(wrong(
                &file,
                format!("X has {count} images, but y has {labels} labels"),
            ));
        }
        Ok(Self {
            labels: read_labels(&mut file)?,
            shape,
            file,
        })
    }

    fn has_zero(&self) -> bool {
        self.labels.contains(&0.0)
    }

    /// Its images and targets; `coded` where 10 stands for the digit 0, which is said of files that
    /// are not named as SVHN's own.
    fn read(self, coded: bool) -> Result<Dataset> {
        let Self {
            mut file,
            shape,
            mut labels,
        } = self;
        let images = read_images(&mut file, shape, labels.len())?;
        let mut zeros = 0;
        for label in labels.iter_mut().filter(|it| coded && **it == ZERO_LABEL) {
            *label = 0.0;
            zeros += 1;
        }
        let name = file.path().file_name().unwrap_or_default();
        let official = [TRAIN_FILE, TEST_FILE].iter().any(|it| name == *it);
        let data = Dataset::new(images, labels, shape)?;
        Ok(if zeros == 0 || official {
            data
        } else {
            let name = name.display();
            data.with_note(format!(
                "{name}: the label 10, of {zeros} images, is read as the digit 0, as in SVHN's files, \
                 since no label is 0"
            ))
        })
    }
}

/// Shape and number of the images, from the header of `X`, of which there are so many `labels`.
fn check_images<R: Read + Seek>(file: &MatlabFile<R>, labels: u64) -> Result<(ImageShape, usize)> {
    let header = file.find("X").ok_or_else(|| missing(file, "X"))?;
    // MATLAB drops trailing sizes of 1: a single colour image has three sizes.
    let mut sizes = [1; 4];
    let given = header.dimensions.len();
    if header.class != UINT8 || !header.is_real_number() || given > 4 {
        let what =
            format!("X is {header}, not an array of uint8 with 4 sizes, or 3 for grey images");
        return Err(wrong(file, what));
    }
    sizes[..given].copy_from_slice(&header.dimensions);
    if header.elements() == 0 {
        return Err(wrong(file, format!("X is {header}: it holds no image")));
    }
    // As many labels as the last of three sizes: grey images, and not one with so many channels.
    if given == 3 && labels != 1 && sizes[2] == labels {
        sizes.swap(2, 3);
    }
    let [height, width, channels, count] = sizes.map(|size| size as usize);
    Ok((ImageShape::new(channels, height, width), count))
}

/// The number of labels, from the header of `y`, which has to be a vector of numbers.
fn count_labels<R: Read + Seek>(file: &MatlabFile<R>) -> Result<u64> {
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
    Ok(labels)
}

fn wrong<R: Read + Seek>(file: &MatlabFile<R>, what: impl Into<String>) -> Error {
    let hint = "expected are X (height, width, channels, images), or (height, width, images) of grey images, of uint8, \
                and y (images, 1)";
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

/// The labels, one per image: the integers 0 to 10.
fn read_labels<R: Read + Seek>(file: &mut MatlabFile<R>) -> Result<Vec<f32>> {
    let parsed = file.read("y")?;
    let labels = numbers(parsed.arrays()[0].data());
    let checked = |(index, label): (usize, f64)| {
        if (0.0..=f64::from(ZERO_LABEL)).contains(&label) && label.fract() == 0.0 {
            Ok(label as f32)
        } else {
            Err(wrong(
                file,
                format!(
                    "label {label} of image {index} (counted from 0): labels are the integers 1 to 10, \
                     with 10 for the digit 0, or 0 to 10"
                ),
            ))
        }
    };
    labels.enumerate().map(checked).collect()
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
