//! Records of CIFAR's binary versions: one or two labels and three planes of 32x32 bytes.
//!
//! Source: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::stream::{Stream, open_regular, reserve};
use super::{Classes, Dataset};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// Shape of an image: red, green and blue plane.
pub const SHAPE: ImageShape = ImageShape::new(3, 32, 32);
/// Far more than a hundred names need.
const MOST_NAME_BYTES: u64 = 1 << 14;

/// What the records of a data set are.
pub(super) struct Records {
    /// Labels in front of an image.
    pub(super) labels: usize,
    /// Which of them counts.
    pub(super) label: usize,
    /// Classes: every label is below.
    pub(super) classes: usize,
    /// File of the names of the classes, beside the data.
    pub(super) names: &'static str,
    /// What is expected, for errors.
    pub(super) hint: &'static str,
}

impl Records {
    /// Bytes of one.
    pub(super) const fn bytes(&self) -> usize {
        self.labels + SHAPE.elements()
    }

    /// Reads several files, one after the other.
    ///
    /// Fails, naming the file, where one is missing, holds no whole number of records, or a label that is
    /// no class.
    pub(super) fn read(&self, paths: &[PathBuf]) -> Result<Dataset> {
        let mut files = Vec::new();
        let mut count = 0;
        for path in paths {
            let (stream, records) = self.open(path)?;
            files.push((path, stream, records));
            count += records;
        }
        let first = paths.first().map_or(Path::new(""), |path| path);
        let mut images = reserve(first, count * SHAPE.elements())?;
        let mut targets = reserve(first, count)?;
        let mut record = vec![0; self.bytes()];
        for (path, mut stream, records) in files {
            for index in 0..records {
                stream.fill(&mut record)?;
                let (labels, image) = record.split_at(self.labels);
                let label = labels[self.label];
                if usize::from(label) >= self.classes {
                    let what = format!("label {label} of image {index} (counted from 0)");
                    return Err(Error::file(path, what, self.hint));
                }
                targets.push(f32::from(label));
                images.extend_from_slice(image);
            }
        }
        let data = Dataset::new(images, targets, SHAPE)?;
        Ok(match self.names(&first.with_file_name(self.names)) {
            Some(classes) => data.with_classes(classes),
            None => data,
        })
    }

    /// Opens a file and tells the number of its records, from its size.
    fn open(&self, path: &Path) -> Result<(Stream<'static>, usize)> {
        let (file, bytes) = open_regular(path, self.hint)?;
        let record = self.bytes() as u64;
        let records = bytes / record;
        if records == 0 || bytes % record != 0 {
            let what = format!("has {bytes} bytes, no multiple of the {record} of a record");
            return Err(Error::file(path, what, self.hint));
        }
        Ok((Stream::new(path, file), records as usize))
    }

    /// The names in the file `path`, one a line. They are only words beside the labels: a file that has
    /// not one per class, or cannot be read, is as good as none.
    fn names(&self, path: &Path) -> Option<Classes> {
        let (file, _) = open_regular(path, self.hint).ok()?;
        let mut text = String::new();
        let mut start = file.take(MOST_NAME_BYTES);
        start.read_to_string(&mut text).ok()?;
        let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        (names.len() == self.classes).then(|| Classes::new(names))
    }
}
