//! Figures: pure functions from plain data to an SVG, which also becomes the PNG.
//!
//! Colours stand as attributes, for a file that is looked at by itself, and as classes, by which a
//! page gives them other values in the dark (`page/style.css`).

mod axis;
mod chart;
mod counts;
mod draw;
mod matrix;
mod outline;
mod range_test;
mod reliability;
mod scatter;
mod sheet;

pub use chart::{Chart, Curve, Line, chart};
pub use counts::{Counts, counts};
pub use matrix::{MOST as MOST_CLASSES, matrix};
pub use range_test::{RangePoint, range_test};
pub use reliability::{calibration_error, reliability};
pub use scatter::scatter;
pub use sheet::{Picture, png, sheet};

pub use draw::Title;
#[cfg(test)]
pub(super) use draw::cell_look;
pub(super) use draw::{printable, shortened};
pub(super) use outline::UNKNOWN;
pub(super) use sheet::{png_uri, short};

use std::collections::BTreeSet;

use resvg::{tiny_skia, usvg};

use crate::error::{Error, Result};

/// Pixels of a PNG per unit of the SVG: sharp on dense screens, and in print at a column's width.
const PNG_SCALE: f32 = 2.0;
/// The font of figures, by its name.
const FONT_FAMILY: &str = "DejaVu Sans";

/// A drawn figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    svg: String,
}

impl Figure {
    /// The SVG: one element, to be saved as a file or to stand in a page.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The letters of its texts that [`Figure::png`] has none of.
    pub(super) fn unknown_letters(&self) -> Result<BTreeSet<char>> {
        outline::unknown(&self.svg).map_err(|it| bug(&it.to_string()))
    }

    /// The same as PNG, two pixels per unit. Letters that its font lacks are squares there.
    pub fn png(&self) -> Result<Png> {
        let svg = outline::outlined(&self.svg).map_err(|it| bug(&it.to_string()))?;
        let options = usvg::Options::default();
        let tree = usvg::Tree::from_str(&svg, &options).map_err(|it| bug(&it.to_string()))?;
        let size = tree.size().to_int_size().scale_by(PNG_SCALE);
        let pixels = size.and_then(|it| tiny_skia::Pixmap::new(it.width(), it.height()));
        let mut pixels = pixels.ok_or_else(|| bug("it is too large"))?;
        let scale = tiny_skia::Transform::from_scale(PNG_SCALE, PNG_SCALE);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        Ok(Png {
            bytes: pixels.encode_png().map_err(|it| bug(&it.to_string()))?,
            width: pixels.width(),
            height: pixels.height(),
        })
    }
}

/// That a figure of ours is not what it should be.
fn bug(what: &str) -> Error {
    let what = format!("a figure cannot be drawn: {what}");
    Error::usage(what, "this is a bug in gpu-train; please report it")
}

/// An encoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Png {
    /// The file.
    pub bytes: Vec<u8>,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}
