//! What every image goes through before a net reads it: its colours, then its size. There is one way, for
//! training, evaluation, single pictures and exported nets alike.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Dataset, Split};
use crate::error::{Error, Result};
use crate::shape::ImageShape;

mod placement;

use placement::Placement;

/// The most rows and columns that images are made.
const MAX_SIDE: usize = 4096;
/// What a net reads of a byte, in the words of exported files.
const SCALING: &str = "bytes / 255";

/// Rows and columns of an image. Its text form is `32` for a square, or `ROWSxCOLUMNS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageSize {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl ImageSize {
    /// The size of images of that shape.
    pub fn of(shape: ImageShape) -> Self {
        let ImageShape { height, width, .. } = shape;
        Self { height, width }
    }
}

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides: Option<Vec<usize>> = text.split('x').map(|it| it.trim().parse().ok()).collect();
        let sane = |side: &usize| (1..=MAX_SIDE).contains(side);
        match sides.as_deref() {
            Some(&[height, width]) if sane(&height) && sane(&width) => Ok(Self { height, width }),
            Some(&[side]) if sane(&side) => Ok(Self {
                height: side,
                width: side,
            }),
            _ => Err(format!(
                "'{text}' is not a size of images: give rows and columns of 1 to {MAX_SIDE}, as in 48x64, or one \
                 number for both"
            )),
        }
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl TryFrom<String> for ImageSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ImageSize> for String {
    fn from(size: ImageSize) -> Self {
        size.to_string()
    }
}

/// How an image of other proportions becomes one of a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Both sides become those of the size, whatever the proportions
    #[default]
    Stretch,
    /// Resized until the size is filled, then cropped around the centre
    Crop,
    /// Resized until it is within the size, then centred on black
    Pad,
}

/// Colours of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum ImageMode {
    /// Red, green and blue; grey images three times the same
    Rgb,
    /// One channel: brightness by ITU-R 601
    Grey,
}

impl ImageMode {
    /// Channels of such images.
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Grey => 1,
        }
    }

    fn of(channels: usize) -> Option<Self> {
        let modes = [Self::Rgb, Self::Grey];
        modes.into_iter().find(|it| it.channels() == channels)
    }
}

/// What every image goes through: its colours become those of a mode, then its size that which is asked
/// for, each where something is asked for.
///
/// Sizes change by a triangle filter that averages where it shrinks, as Pillow's
/// `Image.resize(size, BILINEAR)` does it in 8 bits, within one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preprocessing {
    /// Rows and columns; images keep theirs where there is none.
    pub size: Option<ImageSize>,
    /// What becomes of other proportions.
    pub fit: Fit,
    /// Colours; images keep theirs where there is none.
    pub mode: Option<ImageMode>,
}

impl Preprocessing {
    /// That of a net which was trained on images of `shape`: whatever comes becomes such an image.
    pub fn exact(shape: ImageShape, fit: Fit) -> Self {
        Self {
            size: Some(ImageSize::of(shape)),
            fit,
            mode: ImageMode::of(shape.channels),
        }
    }

    /// Shape of what becomes of images of `shape`.
    ///
    /// Errors where a mode is asked for, and they are neither grey nor coloured.
    pub fn shape(&self, shape: ImageShape) -> Result<ImageShape> {
        let channels = self.mode.map_or(shape.channels, ImageMode::channels);
        if channels != shape.channels && ImageMode::of(shape.channels).is_none() {
            let own = shape.channels;
            return Err(Error::usage(
                format!(
                    "images of {own} channels are neither grey nor coloured, as `image_mode` makes them"
                ),
                "`image_mode` is for images of 1 or 3 channels",
            ));
        }
        let ImageSize { height, width } = self.size.unwrap_or(ImageSize::of(shape));
        Ok(ImageShape::new(channels, height, width))
    }

    /// Both sets, and the third where there is one, as they are read.
    ///
    /// Errors as [`Preprocessing::apply`].
    pub fn apply_to_all(&self, split: Split) -> Result<Split> {
        Ok(Split {
            train: self.apply(split.train)?,
            test: self.apply(split.test)?,
            valid: split.valid.map(|it| self.apply(it)).transpose()?,
        })
    }

    /// What is read of the images of `set`; a note says what changed.
    ///
    /// Errors where a mode is asked for that they cannot have, or memory is short.
    pub fn apply(&self, set: Dataset) -> Result<Dataset> {
        let (from, to) = (set.shape, self.shape(set.shape)?);
        if from == to {
            return Ok(set);
        }
        let count = set.len();
        let bytes = count.saturating_mul(to.elements());
        let mut images = Vec::new();
        if images.try_reserve_exact(bytes).is_err() {
            return Err(Error::usage(
                format!(
                    "{count} images of {to} need {} MiB more memory",
                    bytes >> 20
                ),
                "give a smaller `image_size`, or use fewer images",
            ));
        }
        images.resize(bytes, 0);
        let pairs = images.par_chunks_exact_mut(to.elements());
        let pairs = pairs.zip(set.images.par_chunks_exact(from.elements()));
        pairs.for_each(|(new, old)| self.planes(old, from, new));
        let note = format!("images of {from} are made {to}{}", self.how(from));
        Ok(Dataset {
            images,
            shape: to,
            ..set
        }
        .with_note(note))
    }

    /// How images of `from` come to their size, where that changes.
    fn how(&self, from: ImageShape) -> &'static str {
        match self.fit {
            _ if self.size.is_none_or(|it| it == ImageSize::of(from)) => "",
            Fit::Stretch => ", stretched",
            Fit::Crop => ", cropped",
            Fit::Pad => ", padded",
        }
    }

    /// Makes of the planes `old`, an image of `from`, the planes `new`.
    fn planes(&self, old: &[u8], from: ImageShape, new: &mut [u8]) {
        let colours = match (self.mode, from.channels) {
            (Some(ImageMode::Grey), 3) => Some(grey_planes(old)),
            (Some(ImageMode::Rgb), 1) => Some(old.repeat(3)),
            _ => None,
        };
        let old = colours.as_deref().unwrap_or(old);
        let own = ImageSize::of(from);
        let size = self.size.unwrap_or(own);
        if let [red, green, blue] = old.chunks_exact(from.pixels()).collect::<Vec<_>>()[..] {
            let pixels = red.iter().zip(green).zip(blue);
            let pixels = pixels.flat_map(|((r, g), b)| [*r, *g, *b]).collect();
            return self.planes_of_pixels(pixels, own, new);
        }
        let planes = old.chunks_exact(from.pixels());
        for (plane, new) in planes.zip(new.chunks_exact_mut(size.height * size.width)) {
            new.copy_from_slice(&resized(plane.to_vec(), own, 1, size, self.fit));
        }
    }

    /// Makes of `pixels`, one after the other, of a picture of size `own` whose colours are those of the
    /// mode, the planes `new` of the same colours.
    pub(super) fn planes_of_pixels(&self, pixels: Vec<u8>, own: ImageSize, new: &mut [u8]) {
        let channels = pixels.len() / (own.height * own.width);
        let size = self.size.unwrap_or(own);
        let pixels = resized(pixels, own, channels, size, self.fit);
        if channels == 1 {
            new.copy_from_slice(&pixels);
            return;
        }
        let (red, rest) = new.split_at_mut(size.height * size.width);
        let (green, blue) = rest.split_at_mut(red.len());
        pulp::Arch::new().dispatch(|| {
            let pixels = pixels.as_chunks().0.iter();
            let planes = pixels.zip(red).zip(green).zip(blue);
            planes.for_each(|(((pixel, r), g), b)| [*r, *g, *b] = *pixel);
        });
    }

    /// What a file of weights of a net for images of `shape` records of it, by name: a fit only where a size
    /// was asked for.
    pub fn metadata(&self, shape: ImageShape) -> BTreeMap<String, String> {
        let mut all = vec![
            ("image_size", ImageSize::of(shape).to_string()),
            ("scaling", SCALING.to_owned()),
        ];
        all.extend(self.size.map(|_| ("fit", recorded(self.fit))));
        all.extend(ImageMode::of(shape.channels).map(|it| ("image_mode", recorded(it))));
        let all = all.into_iter();
        all.map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// The shape of images and the preprocessing that [`Preprocessing::metadata`] recorded; `None` where it is
    /// not there, or makes no sense.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Option<(ImageShape, Self)> {
        let text = |key: &str| metadata.get(key);
        let size: ImageSize = text("image_size")?.parse().ok()?;
        let mode: ImageMode = read(text("image_mode")?)?;
        let fit = text("fit").map(|it| read(it));
        let preprocessing = Self {
            size: fit.map(|_| size),
            fit: fit.unwrap_or(Some(Fit::default()))?,
            mode: Some(mode),
        };
        let shape = ImageShape::new(mode.channels(), size.height, size.width);
        Some((shape, preprocessing))
    }
}

/// What a net reads of a byte of an image: rounded to an f32, as PyTorch's division does.
pub fn scaled(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// The name of a choice.
fn recorded(choice: impl Serialize) -> String {
    let value = toml::Value::try_from(choice).ok();
    let text = value.as_ref().and_then(toml::Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// The choice of that name.
fn read<T: for<'de> Deserialize<'de>>(name: &str) -> Option<T> {
    toml::Value::String(name.to_owned()).try_into().ok()
}

/// How bright a pixel is: ITU-R 601-2 luma in 16-bit fixed point, as Pillow's `convert("L")` rounds it;
/// torchvision, Keras and `OpenCV` weigh alike, the crate `image` by Rec. 709.
pub(super) fn luma(pixel: [u8; 3]) -> u8 {
    let [r, g, b] = pixel.map(u32::from);
    ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
}

/// The one plane of brightness of three planes of colours.
fn grey_planes(planes: &[u8]) -> Vec<u8> {
    let (red, rest) = planes.split_at(planes.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    let pixels = red.iter().zip(green).zip(blue);
    pixels.map(|((r, g), b)| luma([*r, *g, *b])).collect()
}

/// `pixels` of a picture of size `own`, of 1 or 3 channels each, at another size.
fn resized(pixels: Vec<u8>, own: ImageSize, channels: usize, size: ImageSize, fit: Fit) -> Vec<u8> {
    if own == size {
        return pixels;
    }
    let placement = Placement::new(own, size, fit);
    let inner = match channels {
        // The crate's code for one more kind of pixel would take seconds to compile, in every build.
        1 => {
            let colours: Vec<u8> = pixels.iter().flat_map(|it| [*it; 3]).collect();
            let inner = resampled(&colours, own, &placement);
            inner.into_iter().step_by(3).collect()
        }
        _ => resampled(&pixels, own, &placement),
    };
    placement.padded(inner, channels, size)
}

/// The part of a picture of size `own` and three channels that `placement` takes, at the size that it gives it.
fn resampled(pixels: &[u8], own: ImageSize, placement: &Placement) -> Vec<u8> {
    let [width, height] = [own.width, own.height].map(|it| it as u32);
    let old = TypedImageRef::<U8x3>::from_buffer(width, height, pixels).expect("whole pixels");
    let [width, height] = [placement.size.width, placement.size.height].map(|it| it as u32);
    let mut bytes = vec![0; placement.size.height * placement.size.width * 3];
    let mut new = TypedImage::<U8x3>::from_buffer(width, height, &mut bytes).expect("whole pixels");
    let [left, top, width, height] = placement.of;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .use_alpha(false)
        .crop(left, top, width, height);
    let done = Resizer::new().resize_typed(&old, &mut new, &options);
    done.expect("the part is within the picture");
    bytes
}

#[cfg(test)]
mod tests;
