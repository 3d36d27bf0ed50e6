//! One image file: its size and colours, and its pixels. There is one way from a file to what a net
//! reads, for data sets as for pictures that are predicted: decoded, turned upright, its colours
//! converted, scaled.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::rc::Rc;

use image::imageops::{FilterType, resize};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, Limits, RgbImage};

use super::{jpeg, webp};
use crate::data::stream::{self, open_regular};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// What a decoder may need besides, as a multiple: coefficients of a progressive JPEG, a frame of a
/// GIF.
const DECODER_SHARE: u64 = 4;
const MAX_SIDE: u32 = 16_384;

const IMAGE_HINT: &str = "the file is damaged, or no PNG, JPEG, TIFF, BMP, GIF, WebP or PNM image: replace \
                          it, or move it away";
const WEBP_HINT: &str = "save it as one still picture, for example as PNG";
const SIZE_HINT: &str = "scale or crop all images to one size, for example with ImageMagick: mogrify \
                         -resize '32x32!' *.png";

/// How large an image may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// The most bytes that it may have as it is decoded.
    pub(super) bytes: u64,
    /// What helps where it has more.
    pub(super) hint: &'static str,
}

/// Of an image of a data set. A training image has some thousands of bytes; a file of a few hundred can
/// claim billions.
pub(super) const OF_DATA_SETS: Limit = Limit {
    bytes: 16 << 20,
    hint: SIZE_HINT,
};

/// What the header of an image says, upright; or what all images of a data set have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    grey: bool,
}

impl Header {
    /// What all images have in common: their size, and whether they are grey. Reads headers alone.
    ///
    /// Fails, naming both, where the size of one differs from that of the first.
    pub(super) fn common<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Self> {
        let mut common: Option<(&Path, Self)> = None;
        for path in paths {
            let picture = Picture::open(path, OF_DATA_SETS)?.header();
            let (first, all) = common.get_or_insert((path, picture));
            if !all.has_size_of(picture) {
                return Err(other_size(path, picture, first, *all));
            }
            all.grey &= picture.grey;
        }
        let common = common.map(|(_, picture)| picture);
        common.ok_or_else(|| Error::file(Path::new(""), "no image to read", IMAGE_HINT))
    }

    fn has_size_of(self, other: Self) -> bool {
        (self.width, self.height) == (other.width, other.height)
    }

    /// Shape of the data set's images.
    pub(super) fn shape(self) -> ImageShape {
        let channels = if self.grey { 1 } else { 3 };
        ImageShape::new(channels, self.height as usize, self.width as usize)
    }

    /// Reads the image `path`, which has this size, and appends its planes to `images`.
    pub(super) fn append(self, path: &Path, images: &mut Vec<u8>) -> Result<()> {
        let picture = Picture::open(path, OF_DATA_SETS)?;
        let header = picture.header();
        // Files may change while they are read.
        if !self.has_size_of(header) || (self.grey && !header.grey) {
            return Err(Error::file(
                path,
                "changed while it was read",
                "load the data again",
            ));
        }
        images.extend(picture.read(self.shape())?);
        Ok(())
    }
}

/// An image file whose header was read.
pub(super) struct Picture<'a> {
    path: &'a Path,
    decoder: Box<dyn ImageDecoder>,
    orientation: Orientation,
    /// All of its bytes, where it is a JPEG file.
    jpeg: Option<Rc<[u8]>>,
}

/// What an image is decoded from.
trait Source: BufRead + Seek {}
impl<T: BufRead + Seek> Source for T {}

impl<'a> Picture<'a> {
    /// Opens an image and reads its header; the content tells the format.
    pub(super) fn open(path: &'a Path, limit: Limit) -> Result<Self> {
        let (file, length) = open_regular(path, IMAGE_HINT)?;
        let mut file = BufReader::new(file);
        let checked = webp::check(&mut file).map_err(|error| stream::unreadable(path, &error))?;
        checked.map_err(|what| Error::file(path, what, WEBP_HINT))?;
        let jpeg = jpeg_bytes(path, &mut file, length, limit)?;
        let source: Box<dyn Source> = match &jpeg {
            Some(bytes) => Box::new(Cursor::new(Rc::clone(bytes))),
            None => Box::new(file),
        };
        let reader = ImageReader::new(source).with_guessed_format();
        let mut reader = reader.map_err(|error| stream::unreadable(path, &error))?;
        if reader.format().is_none() {
            let what = "is no image of a known format";
            return Err(Error::file(path, what, IMAGE_HINT));
        }
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(DECODER_SHARE * limit.bytes);
        reader.limits(limits);
        let failed = |error| unreadable(path, &error);
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let ((width, height), bytes) = (decoder.dimensions(), decoder.total_bytes());
        if bytes == 0 || bytes > limit.bytes {
            let what = format!(
                "claims {width}x{height} pixels of {bytes} bytes, where an image may have {} MiB",
                limit.bytes >> 20
            );
            return Err(Error::file(path, what, limit.hint));
        }
        Ok(Self {
            path,
            orientation: decoder.orientation().map_err(failed)?,
            decoder: Box::new(decoder),
            jpeg,
        })
    }

    fn header(&self) -> Header {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        let (mut width, mut height) = self.decoder.dimensions();
        if let Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH = self.orientation {
            (width, height) = (height, width);
        }
        Header {
            width,
            height,
            grey: !self.decoder.color_type().has_color(),
        }
    }

    /// What a net of images of `shape`, grey or coloured, reads of it: plane after plane. Upright, as
    /// its EXIF data say, without its transparency, with 8 bits of its 16; scaled where it is of
    /// another size, whatever its proportions, by a triangle filter, which averages where it shrinks
    /// (PIL's and torchvision's "bilinear, antialias").
    ///
    /// Fails, naming the file, where it is damaged.
    pub(super) fn read(self, shape: ImageShape) -> Result<Vec<u8>> {
        if let Some(bytes) = &self.jpeg {
            jpeg::check(bytes).map_err(|what| {
                let what = format!("cannot be read: the JPEG file is not whole: {what}");
                Error::file(self.path, what, IMAGE_HINT)
            })?;
        }
        let image = DynamicImage::from_decoder(self.decoder);
        let mut image = image.map_err(|error| unreadable(self.path, &error))?;
        image.apply_orientation(self.orientation);
        let (width, height) = (shape.width as u32, shape.height as u32);
        let fits = (image.width(), image.height()) == (width, height);
        Ok(if shape.channels == 1 {
            let image = grey(image);
            if fits {
                image.into_raw()
            } else {
                resize(&image, width, height, FilterType::Triangle).into_raw()
            }
        } else {
            let image = image.into_rgb8();
            planes(&if fits {
                image
            } else {
                resize(&image, width, height, FilterType::Triangle)
            })
        })
    }
}

/// All bytes of `file`, if it is a JPEG file; else it is left at its start.
fn jpeg_bytes(
    path: &Path,
    file: &mut BufReader<File>,
    length: u64,
    limit: Limit,
) -> Result<Option<Rc<[u8]>>> {
    let failed = |error| stream::unreadable(path, &error);
    if !file.fill_buf().map_err(failed)?.starts_with(&jpeg::START) {
        return Ok(None);
    }
    let most = DECODER_SHARE * limit.bytes;
    if length > most {
        let what = format!("has {length} bytes, where an image file may have {most}");
        return Err(Error::file(path, what, limit.hint));
    }
    let mut bytes = Vec::new();
    let read = file.take(most).read_to_end(&mut bytes);
    read.map_err(failed)?;
    Ok(Some(bytes.into()))
}

/// How bright the pixels are: ITU-R 601-2 luma in 16-bit fixed point, as Pillow's `convert("L")`
/// rounds it; torchvision, Keras and `OpenCV` weigh alike, the crate `image` by Rec. 709.
fn grey(image: DynamicImage) -> GrayImage {
    if !image.color().has_color() {
        return image.into_luma8();
    }
    let image = image.into_rgb8();
    let luma = |[r, g, b]: &[u8; 3]| {
        let [r, g, b] = [r, g, b].map(|it| u32::from(*it));
        ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
    };
    let pixels = image.as_chunks().0.iter().map(luma).collect();
    GrayImage::from_raw(image.width(), image.height(), pixels).expect("a byte per pixel")
}

/// Plane after plane, from pixel after pixel.
fn planes(image: &RgbImage) -> Vec<u8> {
    let pixels = image.as_raw();
    let plane = |channel: usize| pixels[channel..].iter().copied().step_by(3);
    (0..3).flat_map(plane).collect()
}

fn unreadable(path: &Path, error: &image::ImageError) -> Error {
    Error::file(path, format!("cannot be read: {error}"), IMAGE_HINT)
}

fn other_size(path: &Path, picture: Header, first: &Path, all: Header) -> Error {
    let what = format!(
        "has {}x{} pixels, but {} has {}x{}",
        picture.width,
        picture.height,
        first.display(),
        all.width,
        all.height
    );
    Error::file(path, what, SIZE_HINT)
}
