//! How training images are changed, at random and anew in every epoch, so that a net learns what does not matter.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::shape::ImageShape;

/// Places are computed in 32 bits, 2^15 to a pixel.
const MOST_SIDE: usize = 4096;
/// How far images are made smaller or larger.
const SIZES: [f64; 2] = [0.25, 4.0];
const KINDS: &str = "flip, translate=PIXELS, cutout=PIXELS, rotate=DEGREES, scale=LEAST:MOST, brightness=SHARE and \
                     contrast=SHARE, as in flip,translate=4";

/// What is drawn for every image and epoch; [`Augmentation::default`] is nothing. Its text form is `flip,translate=4`,
/// or `none`.
///
/// Colours change first, then the image is resized and turned around its centre, bilinearly, mirrored, and moved;
/// what comes from past its border is black, as torchvision fills it. Cutout is last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Augmentation {
    /// Whether every second image is mirrored, left to right.
    pub flip: bool,
    /// Most pixels that an image is moved by along each axis, in either direction.
    pub translate: usize,
    /// Side of a black square, whose centre is anywhere in the image (`DeVries` and Taylor, 2017,
    /// <https://arxiv.org/abs/1708.04552>); 0 for none.
    pub cutout: usize,
    /// Most degrees that it is turned by, in either direction.
    pub rotate: f64,
    /// Its least and its largest size, by its own.
    pub scale: [f64; 2],
    /// Colours are multiplied by 1 - this share to 1 + this share.
    pub brightness: f64,
    /// How far colours are from mid-grey is multiplied likewise.
    pub contrast: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            flip: false,
            translate: 0,
            cutout: 0,
            rotate: 0.0,
            scale: [1.0; 2],
            brightness: 0.0,
            contrast: 0.0,
        }
    }
}

impl Augmentation {
    /// Whether images stay as they are.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether pixels come from between pixels.
    pub fn is_between_pixels(&self) -> bool {
        self.rotate != 0.0 || self.scale != [1.0; 2]
    }

    /// Errors where images of that `shape` cannot be changed so.
    pub fn check(&self, shape: ImageShape) -> Result<()> {
        let ImageShape { height, width, .. } = shape;
        let refused = |what: String, hint: &str| Err(Error::usage(what, hint));
        if !self.is_none() && height.max(width) > MOST_SIDE {
            return refused(
                format!(
                    "`augment` is for images of up to {MOST_SIDE} rows and columns, and these are {shape}"
                ),
                "make them smaller with `image_size`",
            );
        }
        if self.translate >= height.min(width) && self.translate > 0 {
            return refused(
                format!(
                    "`augment` translate={} moves images of {height}x{width} pixels out of sight",
                    self.translate
                ),
                "an eighth of the side is usual",
            );
        }
        if self.cutout > height.min(width) {
            return refused(
                format!(
                    "`augment` cutout={} is larger than images of {height}x{width} pixels",
                    self.cutout
                ),
                "a quarter of the side is usual",
            );
        }
        Ok(())
    }

    /// Takes one entry, `name` or `name=value`.
    fn add(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let Some(value) = value else {
            if name != "flip" {
                return Err(format!("'{name}' needs a value, or is none of {KINDS}"));
            }
            self.flip = true;
            return Ok(());
        };
        match name {
            "translate" => self.translate = pixels(name, value)?,
            "cutout" => self.cutout = pixels(name, value)?,
            "rotate" => self.rotate = number(name, value, [0.0, 180.0])?,
            "scale" => self.scale = range(value)?,
            "brightness" => self.brightness = number(name, value, [0.0, 1.0])?,
            "contrast" => self.contrast = number(name, value, [0.0, 1.0])?,
            "flip" => return Err("'flip' takes no value".to_owned()),
            _ => return Err(format!("'{name}' is none of {KINDS}")),
        }
        Ok(())
    }
}

fn pixels(name: &str, value: &str) -> Result<usize, String> {
    let parsed = value.parse().ok().filter(|it| *it < MOST_SIDE);
    parsed.ok_or_else(|| format!("{name} '{value}' is no number of pixels below {MOST_SIDE}"))
}

fn number(name: &str, value: &str, [least, most]: [f64; 2]) -> Result<f64, String> {
    let parsed = value.parse().ok();
    let parsed = parsed.filter(|it| (least..=most).contains(it));
    parsed.ok_or_else(|| format!("{name} '{value}' is no number from {least} to {most}"))
}

fn range(value: &str) -> Result<[f64; 2], String> {
    let [least, most] = SIZES;
    let wrong = || format!("scale '{value}' is no range within {least}:{most}, such as 0.9:1.1");
    let (from, to) = value.split_once(':').ok_or_else(wrong)?;
    let sizes = [from, to].map(|it| number("scale", it.trim(), SIZES).ok());
    match sizes {
        [Some(from), Some(to)] if from <= to => Ok([from, to]),
        _ => Err(wrong()),
    }
}

impl FromStr for Augmentation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        if text.trim() == "none" {
            return Ok(all);
        }
        let mut names = Vec::new();
        for entry in text.split(',') {
            let (name, value) = match entry.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim())),
                None => (entry.trim(), None),
            };
            if names.contains(&name) {
                return Err(format!("'{name}' is given twice"));
            }
            all.add(name, value)?;
            names.push(name);
        }
        Ok(all)
    }
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = Self::default();
        let [least, most] = self.scale;
        let entries = [
            (self.flip, "flip".to_owned()),
            (self.translate > 0, format!("translate={}", self.translate)),
            (self.cutout > 0, format!("cutout={}", self.cutout)),
            (self.rotate > 0.0, format!("rotate={}", self.rotate)),
            (self.scale != none.scale, format!("scale={least}:{most}")),
            (
                self.brightness > 0.0,
                format!("brightness={}", self.brightness),
            ),
            (self.contrast > 0.0, format!("contrast={}", self.contrast)),
        ];
        let given = entries.into_iter().filter(|it| it.0).map(|it| it.1);
        let given: Vec<String> = given.collect();
        match &given[..] {
            [] => f.write_str("none"),
            given => f.write_str(&given.join(",")),
        }
    }
}

impl TryFrom<String> for Augmentation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Augmentation> for String {
    fn from(augmentation: Augmentation) -> Self {
        augmentation.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let all = "flip,translate=4,cutout=8,rotate=10,scale=0.9:1.1,brightness=0.2,contrast=0.25";
        for text in [all, "none", "flip", "rotate=0.5", "scale=1:1.5", "cutout=3"] {
            let parsed: Augmentation = text.parse().expect(text);
            assert_eq!(parsed.to_string(), text);
            assert_eq!(parsed.is_none(), text == "none");
        }
        let loose: Augmentation = " cutout = 8 , flip ".parse().expect("with spaces");
        assert_eq!(loose.to_string(), "flip,cutout=8");
        let nothing: Augmentation = "translate=0,scale=1:1,rotate=0".parse().expect("zeros");
        assert!(nothing.is_none());
    }

    #[test]
    fn wrong_values_say_what_is_right() {
        for (text, says) in [
            ("", "none of flip"),
            ("flop", "'flop'"),
            ("flip,,cutout=3", "''"),
            ("flip=1", "takes no value"),
            ("flip,flip", "twice"),
            ("translate", "needs a value"),
            ("translate=-1", "no number of pixels"),
            ("translate=0.5", "no number of pixels"),
            ("cutout=99999", "below 4096"),
            ("rotate=181", "0 to 180"),
            ("rotate=nan", "0 to 180"),
            ("scale=0.9", "such as 0.9:1.1"),
            ("scale=1.1:0.9", "such as 0.9:1.1"),
            ("scale=0:2", "within 0.25:4"),
            ("brightness=1.5", "0 to 1"),
            ("contrast=-0.1", "0 to 1"),
            ("contrast=inf", "0 to 1"),
            ("none,flip", "'none'"),
        ] {
            let error = text.parse::<Augmentation>().expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn images_are_not_moved_out_of_sight() {
        let check = |text: &str| {
            let parsed: Augmentation = text.parse().expect(text);
            parsed.check(ImageShape::new(3, 8, 20))
        };
        assert!(check("translate=7,cutout=8").is_ok());
        for text in ["translate=8", "cutout=9"] {
            let error = check(text).expect_err(text);
            assert!(error.to_string().contains("8x20"), "{error}");
        }
        let large: Augmentation = "flip".parse().expect("flip");
        assert!(large.check(ImageShape::new(1, 1, 5000)).is_err());
    }
}
