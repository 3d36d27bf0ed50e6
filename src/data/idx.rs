//! IDX files, gzipped or not: an array of numbers behind a header of its sizes, all big-endian.
//!
//! Source: <http://yann.lecun.com/exdb/mnist/>, "the IDX file format".

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::limits::{Budget, LIMIT_HINT, image_shape};
use super::numbers::{Kind, Numbers};
use super::stream::{Stream, open_regular, unreadable};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// The first bytes of every gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const HINT: &str = "expected are IDX files: images of unsigned bytes (images, height, width) or \
                    (images, channels, height, width), and one label per image";

/// An opened IDX file, whose header has been checked against the size of the file.
pub(super) struct IdxFile {
    stream: Stream<'static>,
    numbers: Numbers,
    sizes: Vec<u64>,
    elements: usize,
}

impl IdxFile {
    /// Opens `path` and reads its header.
    ///
    /// Fails where it is missing, is not an IDX file, or claims more numbers than it can hold.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (file, bytes) = open_regular(path, HINT)?;
        let (mut stream, compressed) = inflated(path, file)?;
        let mut magic = [0; 4];
        stream.fill(&mut magic)?;
        let kind = match magic {
            [0, 0, 0x08, _] => Kind::U8,
            [0, 0, 0x09, _] => Kind::I8,
            [0, 0, 0x0b, _] => Kind::I16,
            [0, 0, 0x0c, _] => Kind::I32,
            [0, 0, 0x0d, _] => Kind::F32,
            [0, 0, 0x0e, _] => Kind::F64,
            [a, b, c, d] => {
                let what =
                    format!("is not an IDX file: it starts with {a:02x} {b:02x} {c:02x} {d:02x}");
                return Err(stream.error(what, HINT));
            }
        };
        let dimensions = magic[3];
        if !(1..=4).contains(&dimensions) {
            let what = format!("is an array of {dimensions} dimensions");
            return Err(stream.error(what, HINT));
        }
        let mut sizes = Vec::new();
        for _ in 0..dimensions {
            let mut size = [0; 4];
            stream.fill(&mut size)?;
            sizes.push(u64::from(u32::from_be_bytes(size)));
        }
        let numbers = Numbers {
            kind,
            big_endian: true,
        };
        let header_bytes = 4 + 4 * u64::from(dimensions);
        let stored = (!compressed).then(|| bytes.saturating_sub(header_bytes));
        let elements = checked_elements(&sizes, numbers, Budget::new(bytes), stored)
            .map_err(|what| stream.error(what, LIMIT_HINT))?;
        Ok(Self {
            stream,
            numbers,
            sizes,
            elements,
        })
    }

    /// Number and shape of the images that the file holds.
    pub(super) fn images(&self) -> Result<(usize, ImageShape)> {
        let (channels, height, width) = match self.sizes[1..] {
            [height, width] => (1, height, width),
            [channels, height, width] => (channels, height, width),
            _ => (0, 0, 0),
        };
        let shape = image_shape(channels, height, width);
        let found = shape.filter(|_| self.numbers.kind == Kind::U8 && self.sizes[0] > 0);
        let shape = found.ok_or_else(|| {
            let what = format!("holds no images, but {}", self.describe());
            self.error(what)
        })?;
        Ok((self.sizes[0] as usize, shape))
    }

    /// All images, NCHW, as [`IdxFile::images`] says.
    pub(super) fn read_images(mut self) -> Result<Vec<u8>> {
        let images = self.stream.bytes(self.elements)?;
        self.stream.finish()?;
        Ok(images)
    }

    /// All numbers of a file of one dimension, as targets.
    pub(super) fn read_targets(mut self) -> Result<Vec<f32>> {
        if self.sizes.len() != 1 {
            let what = format!("holds no labels, but {}", self.describe());
            return Err(self.error(what));
        }
        let targets = self.stream.targets(self.numbers, self.elements)?;
        self.stream.finish()?;
        Ok(targets)
    }

    fn describe(&self) -> String {
        describe(&self.sizes, self.numbers.kind)
    }

    fn error(&self, what: String) -> Error {
        self.stream.error(what, HINT)
    }
}

/// The bytes of `file`, inflated where they are gzipped (which its content tells, not its name), and
/// whether they are.
fn inflated(path: &Path, mut file: File) -> Result<(Stream<'static>, bool)> {
    let mut magic = Vec::new();
    let start = (&mut file).take(GZIP_MAGIC.len() as u64);
    let start = { start }.read_to_end(&mut magic);
    let rewound = start.and_then(|_| file.rewind());
    rewound.map_err(|error| unreadable(path, &error))?;
    if magic == GZIP_MAGIC {
        let bytes = std::io::BufReader::new(file);
        return Ok((Stream::new(path, MultiGzDecoder::new(bytes)), true));
    }
    Ok((Stream::new(path, file), false))
}

/// How many numbers there are. Fails where they are not the `stored` bytes of a file that is not
/// compressed, or would take more memory than the file may.
fn checked_elements(
    sizes: &[u64],
    numbers: Numbers,
    mut budget: Budget,
    stored: Option<u64>,
) -> Result<usize, String> {
    let claim = || format!("claims {}", describe(sizes, numbers.kind));
    let elements = sizes
        .iter()
        .try_fold(1, |product: u64, &size| product.checked_mul(size));
    let elements = elements.unwrap_or(u64::MAX);
    let bytes = elements.saturating_mul(numbers.bytes() as u64);
    if let Some(stored) = stored.filter(|&stored| stored != bytes) {
        let kind = if stored < bytes {
            "truncated"
        } else {
            "corrupted"
        };
        return Err(format!(
            "{kind}: {}, but {stored} bytes follow its header",
            claim()
        ));
    }
    // Labels become targets of four bytes.
    let bytes_each = if sizes.len() == 1 { 4 } else { 1 };
    let taken = budget.take(elements, bytes_each);
    taken.map_err(|what| format!("{}: {what}", claim()))?;
    Ok(elements as usize)
}

fn describe(sizes: &[u64], kind: Kind) -> String {
    let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
    format!("an array of {} numbers of type {kind:?}", sizes.join(" x "))
}
