//! Contact sheets: pictures with what they are and what they were taken for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{ImageResult, Rgb, RgbImage};
use maud::html;

use super::Figure;
use super::draw::{ALARM, INK, TEXT, Title, WIDTH, at, figure, fitted, heading, text_width};
use crate::shape::ImageShape;

/// Pictures beside each other.
const COLUMNS: usize = 6;
/// Pictures are not stored larger than this.
const MOST_PIXELS: u32 = 128;

/// `image` as a PNG file. Asks the encoder itself: `write_to` would compile those of all formats.
pub fn png(image: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    image.write_with_encoder(PngEncoder::new(&mut bytes))?;
    Ok(bytes)
}

/// A picture and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Its place in its file, from 0.
    pub index: usize,
    /// As PNG.
    pub png: Vec<u8>,
    /// What it is.
    pub target: String,
    /// What it was taken for.
    pub prediction: String,
    /// How sure the net was, of a class.
    pub probability: Option<f64>,
}

impl Picture {
    /// A picture of a data set: `planes` is NCHW of one image of that `shape`. One channel is grey,
    /// of two or more than three the first is shown.
    pub fn new(
        index: usize,
        planes: &[u8],
        shape: ImageShape,
        [target, prediction]: [String; 2],
        probability: Option<f64>,
    ) -> Self {
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
        let image = if longest > MOST_PIXELS {
            let size = |side: u32| (side * MOST_PIXELS / longest).max(1);
            imageops::resize(&image, size(width), size(height), FilterType::Triangle)
        } else {
            image
        };
        Self {
            index,
            png: png(&image).expect("a small picture, in memory"),
            target,
            prediction,
            probability,
        }
    }

    /// The lines below it, in a sheet of `wrong` predictions or of others, and whether they stand out.
    fn lines(&self, wrong: bool) -> Vec<(String, bool)> {
        let mut lines = vec![
            (format!("is {}", self.target), false),
            (format!("got {}", self.prediction), wrong),
        ];
        let sure = self
            .probability
            .map(|it| (format!("{:.0}%", it * 100.0), wrong));
        lines.extend(sure);
        lines
    }
}

/// A PNG as a page or an SVG holds it.
pub(in super::super) fn png_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))
}

/// Draws `pictures` in rows, with the true and the predicted value under each; `wrong` predictions stand out.
pub fn sheet(title: &Title, pictures: &[Picture], wrong: bool) -> Figure {
    const GAP: f64 = 12.0;
    const CAPTION: f64 = TEXT - 1.0;
    let (head, top) = heading(title, &[]);
    let cell = (WIDTH - GAP) / COLUMNS as f64;
    let side = cell - GAP;
    let room = cell - 7.0;
    let lines = pictures
        .iter()
        .map(|it| it.lines(wrong).len())
        .max()
        .unwrap_or(0);
    let row_height = side + 18.0 + 17.0 * lines as f64;
    let parts = html! {
        (head)
        @for (place, picture) in pictures.iter().enumerate() {
            @let x = GAP + (place % COLUMNS) as f64 * cell;
            @let y = top + 4.0 + (place / COLUMNS) as f64 * row_height;
            image x=(at(x)) y=(at(y)) width=(at(side)) height=(at(side))
                style="image-rendering:pixelated" href=(png_uri(&picture.png)) {
                title { (format!("sample {}", picture.index)) }
            }
            @for (line, (words, alarm)) in picture.lines(wrong).iter().enumerate() {
                @let (class, fill) = if *alarm { ("alarm", ALARM) } else { ("ink", INK) };
                // Numbers are made smaller before anything is cut.
                @let size = CAPTION * (room / (text_width(words) * CAPTION / TEXT)).clamp(0.75, 1.0);
                text class=(class) x=(at(x + side / 2.0)) y=(at(y + side + 17.0 * (line + 1) as f64))
                    text-anchor="middle" font-size=(at(size)) fill=(fill) { (fitted(words, room, size)) }
            }
        }
    };
    let rows = pictures.len().div_ceil(COLUMNS);
    figure(WIDTH, top + 4.0 + rows as f64 * row_height, title, &parts)
}

/// A value in at most four significant digits; whole ones in all of theirs.
pub(in super::super) fn short(value: f32) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e7 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_four_digits_at_any_scale() {
        for (value, shown) in [
            (0.0, "0"),
            (7.0, "7"),
            (-20.0, "-20"),
            (1.25, "1.25"),
            (3.456_78, "3.457"),
            (99.996, "100"),
            (0.005_6, "0.0056"),
            (0.000_123_45, "0.0001234"),
            (173_250.0, "173250"),
            (173_250.4, "173250"),
            (1.712e9, "1.712e9"),
            (1.25e-6, "1.250e-6"),
            (f32::NAN, "NaN"),
            (f32::INFINITY, "inf"),
        ] {
            assert_eq!(short(value), shown);
        }
    }
}
