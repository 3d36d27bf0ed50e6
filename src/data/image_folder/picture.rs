//! One image file: its size and colours, and its pixels. There is one way from a file to what a net
//! reads, for data sets as for pictures that are predicted: decoded, turned upright, its colours
//! converted, resized.

use std::io::{Cursor, Read as _};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageReader, Limits};
use memchr::memmem;

use super::{jpeg, webp};
use crate::data::preprocessing::luma;
use crate::data::stream::{self, open_regular};
use crate::data::{ImageMode, ImageSize, Preprocessing};
use crate::error::{Error, Result};

/// What a decoder may need besides, as a multiple: coefficients of a progressive JPEG, a frame of a
/// GIF.
const DECODER_SHARE: u64 = 4;
const MAX_SIDE: u32 = 16_384;
/// What the EXIF data of a JPEG file start with.
const EXIF: &[u8] = b"Exif\0\0";

const IMAGE_HINT: &str = "the file is damaged, or no PNG, JPEG, TIFF, BMP, GIF, WebP or PNM image: replace \
                          it, or move it away";
const WEBP_HINT: &str = "save it as one still picture, for example as PNG";

/// How large an image may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// The most bytes that it may have as it is decoded.
    pub(super) bytes: u64,
    /// The most bytes of its file.
    file_bytes: u64,
    /// What helps where it has more.
    pub(super) hint: &'static str,
}

/// Of an image that keeps its size. A training image has some thousands of bytes; a file of a few hundred
/// can claim billions.
pub(super) const OF_OWN_SIZE: Limit = Limit {
    bytes: 16 << 20,
    file_bytes: 64 << 20,
    hint: "`image_size` 64, say, reads larger ones; or write copies of one size into another folder, \
           for example with ImageMagick: mkdir scaled && mogrify -path scaled -resize '32x32!' *.png",
};
/// Of a picture that is resized: 64 megapixels of three bytes.
pub(super) const OF_ANY_SIZE: Limit = Limit {
    bytes: 192 << 20,
    file_bytes: 192 << 20,
    hint: "read a copy that is scaled down, for example with ImageMagick: convert FILE -resize 1024x1024 COPY",
};

/// What the header of an image says, upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) size: ImageSize,
    pub(super) grey: bool,
    /// Bytes of its pixels as they are decoded.
    pub(super) bytes: u64,
}

/// The bytes of the file `path`, at most as many as an image within `limit` can need.
pub(super) fn bytes(path: &Path, limit: Limit) -> Result<Vec<u8>> {
    let (file, length) = open_regular(path, IMAGE_HINT)?;
    let most = limit.file_bytes;
    let too_long = |length: u64| {
        let what = format!("has {length} bytes, where an image file may have {most}");
        Err(Error::file(path, what, limit.hint))
    };
    if length > most {
        return too_long(length);
    }
    let mut bytes = Vec::with_capacity(length as usize + 1);
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| stream::unreadable(path, &error))?;
    // It may grow while it is read.
    if bytes.len() as u64 > most {
        return too_long(bytes.len() as u64);
    }
    Ok(bytes)
}

/// An image file whose header was read.
pub(super) struct Picture<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    decoder: Box<dyn ImageDecoder + 'a>,
    orientation: Orientation,
}

impl<'a> Picture<'a> {
    /// Reads the header of an image, whose file `path` has these `bytes`; the content tells the format.
    pub(super) fn open(path: &'a Path, bytes: &'a [u8], limit: Limit) -> Result<Self> {
        let mut source = Cursor::new(bytes);
        let checked = webp::check(&mut source).map_err(|error| stream::unreadable(path, &error))?;
        checked.map_err(|what| Error::file(path, what, WEBP_HINT))?;
        let reader = ImageReader::new(source).with_guessed_format();
        let mut reader = reader.map_err(|error| stream::unreadable(path, &error))?;
        if reader.format().is_none() {
            let what = "is not an image of a known format";
            return Err(Error::file(path, what, IMAGE_HINT));
        }
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(DECODER_SHARE * limit.bytes);
        reader.limits(limits);
        let failed = |error| unreadable(path, &error);
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let ((width, height), total) = (decoder.dimensions(), decoder.total_bytes());
        if total == 0 || total > limit.bytes {
            let what = format!(
                "claims {width}x{height} pixels of {total} bytes, where an image may have {} MiB",
                limit.bytes >> 20
            );
            return Err(Error::file(path, what, limit.hint));
        }
        if matches!(decoder.color_type(), ColorType::Rgb32F | ColorType::Rgba32F) {
            let what = "has pixels that are fractions, which have no one meaning in 8 bits";
            return Err(Error::file(
                path,
                what,
                "save it with 8 or 16 bits per channel",
            ));
        }
        // The decoder of JPEG files reads their headers once more to look for it.
        let is_plain = bytes.starts_with(&jpeg::START) && memmem::find(bytes, EXIF).is_none();
        let orientation = if is_plain {
            Orientation::NoTransforms
        } else {
            decoder.orientation().map_err(failed)?
        };
        Ok(Self {
            path,
            bytes,
            orientation,
            decoder: Box::new(decoder),
        })
    }

    pub(super) fn header(&self) -> Header {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        let (mut width, mut height) = self.decoder.dimensions();
        if let Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH = self.orientation {
            (width, height) = (height, width);
        }
        Header {
            size: ImageSize {
                height: height as usize,
                width: width as usize,
            },
            grey: !self.decoder.color_type().has_color(),
            bytes: self.decoder.total_bytes(),
        }
    }

    /// Makes of it `planes`, what a net reads: upright, as its EXIF data say, without its transparency,
    /// with the upper 8 bits of its 16, in the colours of `mode`, of the size and by the fit of
    /// `preprocessing`.
    ///
    /// Fails, naming the file, where it is damaged.
    pub(super) fn read(
        self,
        preprocessing: &Preprocessing,
        mode: ImageMode,
        planes: &mut [u8],
    ) -> Result<()> {
        if self.bytes.starts_with(&jpeg::START) {
            jpeg::check(self.bytes).map_err(|what| {
                let what = format!("cannot be read: the JPEG file is not whole: {what}");
                Error::file(self.path, what, IMAGE_HINT)
            })?;
        }
        let size = self.header().size;
        let image = DynamicImage::from_decoder(self.decoder);
        let mut image = image.map_err(|error| unreadable(self.path, &error))?;
        image.apply_orientation(self.orientation);
        let pixels = match mode {
            ImageMode::Grey => grey(image),
            ImageMode::Rgb => rgb(image),
        };
        preprocessing.planes_of_pixels(pixels, size, planes);
        Ok(())
    }
}

/// Red, green and blue of every pixel.
fn rgb(image: DynamicImage) -> Vec<u8> {
    upper_bits(image).into_rgb8().into_raw()
}

/// How bright the pixels are.
fn grey(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_color() {
        return upper_bits(image).into_luma8().into_raw();
    }
    rgb(image)
        .as_chunks()
        .0
        .iter()
        .map(|it| luma(*it))
        .collect()
}

/// Of pixels of 16 bits the upper 8, as Pillow reads coloured ones; the crate `image` rounds them.
fn upper_bits(image: DynamicImage) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let upper = |values: Vec<u16>| values.into_iter().map(|it| (it >> 8) as u8).collect();
    let reduced = match image {
        DynamicImage::ImageLuma16(it) => {
            image::GrayImage::from_raw(width, height, upper(it.into_raw())).map(Into::into)
        }
        DynamicImage::ImageLumaA16(it) => {
            image::GrayAlphaImage::from_raw(width, height, upper(it.into_raw())).map(Into::into)
        }
        DynamicImage::ImageRgb16(it) => {
            image::RgbImage::from_raw(width, height, upper(it.into_raw())).map(Into::into)
        }
        DynamicImage::ImageRgba16(it) => {
            image::RgbaImage::from_raw(width, height, upper(it.into_raw())).map(Into::into)
        }
        other => Some(other),
    };
    reduced.expect("a byte per value")
}

fn unreadable(path: &Path, error: &image::ImageError) -> Error {
    Error::file(path, format!("cannot be read: {error}"), IMAGE_HINT)
}
