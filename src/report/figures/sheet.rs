//! Contact sheets: pictures with what they are and what they were taken for.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::imageops::{self, FilterType};
use image::{ImageFormat, Rgb, RgbImage};
use maud::html;

use super::Figure;
use super::draw::{ALARM, Anchor, TEXT, WIDTH, at, figure, heading, text};
use crate::shape::ImageShape;

/// Pictures beside each other.
const COLUMNS: usize = 6;
/// Pictures are not stored larger than this.
const MOST_PIXELS: u32 = 128;

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
}

impl Picture {
    /// A picture of a data set: `planes` is NCHW of one image of that `shape`. One channel is grey,
    /// of two or more than three the first is shown.
    pub fn new(
        index: usize,
        planes: &[u8],
        shape: ImageShape,
        target: String,
        prediction: String,
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
        let mut png = Vec::new();
        let written = image.write_to(&mut Cursor::new(&mut png), ImageFormat::Png);
        let () = written.expect("a small picture, in memory");
        Self {
            index,
            png,
            target,
            prediction,
        }
    }
}

/// A PNG as a page or an SVG holds it.
pub(in super::super) fn png_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))
}

/// Draws `pictures` in rows, with the true and the predicted value under each.
pub fn sheet(title: &str, pictures: &[Picture]) -> Figure {
    const GAP: f64 = 12.0;
    let (head, top) = heading(title, &[]);
    let cell = (WIDTH - GAP) / COLUMNS as f64;
    let side = cell - GAP;
    let row_height = side + 52.0;
    let parts = html! {
        (head)
        @for (place, picture) in pictures.iter().enumerate() {
            @let x = GAP + (place % COLUMNS) as f64 * cell;
            @let y = top + 4.0 + (place / COLUMNS) as f64 * row_height;
            @let middle = x + side / 2.0;
            image x=(at(x)) y=(at(y)) width=(at(side)) height=(at(side))
                style="image-rendering:pixelated" href=(png_uri(&picture.png)) {
                title { (format!("sample {}", picture.index)) }
            }
            (text(middle, y + side + 17.0, Anchor::Middle, TEXT - 1.0, &format!("is {}", picture.target)))
            text.alarm x=(at(middle)) y=(at(y + side + 34.0)) text-anchor="middle"
                font-size=(TEXT - 1.0) fill=(ALARM) { (format!("got {}", picture.prediction)) }
        }
    };
    let rows = pictures.len().div_ceil(COLUMNS);
    figure(WIDTH, top + 4.0 + rows as f64 * row_height, title, &parts)
}

/// A value in two decimals, or none where it is whole.
pub(in super::super) fn short(value: f32) -> String {
    let size = value.abs();
    if size >= 1e5 || (size < 0.01 && value != 0.0 && value.fract() != 0.0) {
        format!("{value:.1e}")
    } else if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
