//! One image file: its size and colours, and its pixels.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::webp;
use crate::data::stream::open_regular;
use crate::error::{Error, Result};

/// The most bytes that an image of a data set may have as it is decoded. A training image has some
/// thousands; a file of a few hundred bytes can claim billions.
const MAX_DECODED_BYTES: u64 = 16 << 20;
/// What a decoder may need besides, as a multiple: coefficients of a progressive JPEG, a frame of a
/// GIF.
const DECODER_SHARE: u64 = 4;
const MAX_SIDE: u32 = 16_384;

const IMAGE_HINT: &str = "the file is damaged, or no PNG, JPEG, BMP, GIF, WebP or PNM image: replace \
                          it, or move it away";
const WEBP_HINT: &str = "save it as one still picture, for example as PNG";
const SIZE_HINT: &str = "scale or crop all images to one size, for example with ImageMagick: mogrify \
                         -resize '32x32!' *.png";

/// What the header of an image says; or what all images of a data set have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    grey: bool,
}

impl Picture {
    /// What all images have in common: their size, and whether they are grey. Reads headers alone.
    ///
    /// Fails, naming both, where the size of one differs from that of the first.
    pub(super) fn common<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<Self> {
        let mut common: Option<(&Path, Self)> = None;
        for path in paths {
            let picture = Self::of(&decoder(path, MAX_DECODED_BYTES, SIZE_HINT)?);
            let (first, all) = common.get_or_insert((path, picture));
            if !all.has_size_of(picture) {
                return Err(other_size(path, picture, first, *all));
            }
            all.grey &= picture.grey;
        }
        let common = common.map(|(_, picture)| picture);
        common.ok_or_else(|| Error::file(Path::new(""), "no image to read", IMAGE_HINT))
    }

    fn of(decoder: &impl ImageDecoder) -> Self {
        let (width, height) = decoder.dimensions();
        Self {
            width,
            height,
            grey: !decoder.color_type().has_color(),
        }
    }

    fn has_size_of(self, other: Self) -> bool {
        (self.width, self.height) == (other.width, other.height)
    }

    /// Channels of the data set's images.
    pub(super) fn channels(self) -> usize {
        if self.grey { 1 } else { 3 }
    }

    /// Decodes the image `path` and appends its planes to `images`.
    pub(super) fn append(self, path: &Path, images: &mut Vec<u8>) -> Result<()> {
        let decoder = decoder(path, MAX_DECODED_BYTES, SIZE_HINT)?;
        let picture = Self::of(&decoder);
        // Files may change while they are read.
        if !self.has_size_of(picture) || (self.grey && !picture.grey) {
            return Err(Error::file(
                path,
                "changed while it was read",
                "load the data again",
            ));
        }
        let image =
            DynamicImage::from_decoder(decoder).map_err(|error| unreadable(path, &error))?;
        if self.grey {
            images.extend_from_slice(&image.into_luma8());
            return Ok(());
        }
        let pixels = image.into_rgb8().into_raw();
        for channel in 0..3 {
            images.extend(pixels[channel..].iter().step_by(3));
        }
        Ok(())
    }
}

/// Opens an image and reads its header; the content tells the format. Fails where its pixels take
/// more than `max_bytes`; `too_large` is the hint then.
pub(super) fn decoder(
    path: &Path,
    max_bytes: u64,
    too_large: &'static str,
) -> Result<impl ImageDecoder> {
    let (file, _) = open_regular(path, IMAGE_HINT)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(DECODER_SHARE * max_bytes);
    let mut file = BufReader::new(file);
    let checked = webp::check(&mut file).map_err(|error| unreadable(path, &error.into()))?;
    checked.map_err(|what| Error::file(path, what, WEBP_HINT))?;
    let reader = ImageReader::new(file).with_guessed_format();
    let mut reader: ImageReader<BufReader<File>> =
        reader.map_err(|error| unreadable(path, &error.into()))?;
    if reader.format().is_none() {
        return Err(Error::file(
            path,
            "is no image of a known format",
            IMAGE_HINT,
        ));
    }
    reader.limits(limits);
    let decoder = reader
        .into_decoder()
        .map_err(|error| unreadable(path, &error))?;
    let ((width, height), bytes) = (decoder.dimensions(), decoder.total_bytes());
    if bytes == 0 || bytes > max_bytes {
        let what = format!(
            "claims {width}x{height} pixels of {bytes} bytes, where an image may have {} MiB",
            max_bytes >> 20
        );
        return Err(Error::file(path, what, too_large));
    }
    Ok(decoder)
}

pub(super) fn unreadable(path: &Path, error: &image::ImageError) -> Error {
    Error::file(path, format!("cannot be read: {error}"), IMAGE_HINT)
}

fn other_size(path: &Path, picture: Picture, first: &Path, all: Picture) -> Error {
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
