//! `--dry-run --sheet`: pictures of the first batch, as training sees them, in one PNG.

use std::path::Path;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use crate::error::{Error, Result};
use crate::files::write_whole;
use crate::report::figures::png;
use crate::shape::ImageShape;

/// The most pictures of a sheet.
const MOST: usize = 64;
/// Pixels that a picture has along its longer side, at most and as near below as whole multiples come.
const SIDE: u32 = 128;
const GAP: u32 = 4;
/// Neither black, which comes in from borders, nor white.
const GROUND: Rgb<u8> = Rgb([128; 3]);

/// Errors where nothing can be written into the file `path`.
pub(super) fn check(path: &Path) -> Result<()> {
    let hint = "give another name with --sheet, such as sheet.png";
    if path.symlink_metadata().is_ok() {
        return Err(Error::file(path, "exists already", hint));
    }
    match path.extension() {
        Some(it) if it.eq_ignore_ascii_case("png") => Ok(()),
        _ => Err(Error::file(path, "is not the name of a PNG file", hint)),
    }
}

/// Writes pictures of shape `shape`, whose `planes` lie one after the other, into the new file `path`; returns how
/// many.
pub(super) fn write(path: &Path, planes: &[u8], shape: ImageShape) -> Result<usize> {
    check(path)?;
    let pictures: Vec<RgbImage> = planes
        .chunks_exact(shape.elements())
        .take(MOST)
        .map(|it| picture(it, shape))
        .collect();
    let columns = (1..=MOST).find(|it| it * it >= pictures.len());
    let columns = columns.unwrap_or(MOST);
    let rows = pictures.len().div_ceil(columns);
    let (width, height) = pictures.first().map_or((1, 1), RgbImage::dimensions);
    let along = |count: usize, side: u32| count as u32 * (side + GAP) + GAP;
    let mut sheet = RgbImage::from_pixel(along(columns, width), along(rows, height), GROUND);
    for (at, picture) in pictures.iter().enumerate() {
        let (x, y) = (along(at % columns, width), along(at / columns, height));
        imageops::replace(&mut sheet, picture, x.into(), y.into());
    }
    let png = png(&sheet).map_err(|error| {
        let what = format!("cannot be written as PNG: {error}");
        Error::file(path, what, "this is a bug in gpu-train; please report it")
    })?;
    write_whole(path, &png)?;
    Ok(pictures.len())
}

/// One picture: of three channels in colours, of others the first in grey.
fn picture(planes: &[u8], shape: ImageShape) -> RgbImage {
    let (height, width) = (shape.height as u32, shape.width as u32);
    let channels = if shape.channels == 3 {
        [0, 1, 2]
    } else {
        [0; 3]
    };
    let image = RgbImage::from_fn(width, height, |x, y| {
        let pixel = y as usize * shape.width + x as usize;
        Rgb(channels.map(|channel| planes[channel * shape.pixels() + pixel]))
    });
    let longest = width.max(height);
    if longest > SIDE {
        let size = |side: u32| (side * SIDE / longest).max(1);
        return imageops::resize(&image, size(width), size(height), FilterType::Triangle);
    }
    let times = SIDE / longest;
    imageops::resize(&image, width * times, height * times, FilterType::Nearest)
}
