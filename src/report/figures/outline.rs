//! Text as paths, for PNGs: they need no font, and what draws them need not know of text; and how wide text is.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

use roxmltree::{Document, Node};
use ttf_parser::{Face, OutlineBuilder};

use super::draw::TEXT;

/// The only font that PNGs are set in, so that none need be installed; see its LICENSE.
const FONT: &[u8] = include_bytes!("../font/DejaVuSans-subset.ttf");

/// What stands for a letter that the font lacks.
pub(in super::super) const UNKNOWN: char = '□';

/// How wide `text` is in letters of `size`. Letters that the font lacks take a square, as those of Chinese do.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// How far the pen moves for a letter of size 1.
fn advance(letter: char) -> f64 {
    let font = font();
    if is_unseen(letter) {
        return 0.0;
    }
    let Some(glyph) = font.glyph_index(letter) else {
        return 1.0;
    };
    let units = font.glyph_hor_advance(glyph).unwrap_or_default();
    f64::from(units) / f64::from(font.units_per_em())
}

/// Whether there is nothing to be drawn of `letter`: signs of direction, of joining and of variants.
fn is_unseen(letter: char) -> bool {
    let ranges = [
        '\u{200b}'..='\u{200f}',
        '\u{202a}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
    ];
    ranges.iter().any(|it| it.contains(&letter))
        || matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The letters in the texts of an SVG of ours that the font of PNGs lacks.
///
/// Errors where it is no XML, which is a bug.
pub(super) fn unknown(svg: &str) -> Result<BTreeSet<char>, roxmltree::Error> {
    let document = Document::parse(svg)?;
    let texts = document.descendants().filter(|it| it.has_tag_name("text"));
    let letters = texts.flat_map(|it| it.text().unwrap_or_default().chars());
    let is_unknown = |it: &char| !is_unseen(*it) && font().glyph_index(*it).is_none();
    Ok(letters.filter(is_unknown).collect())
}

/// An SVG of ours with every `<text>` replaced by a `<path>` of the same look.
///
/// Errors where it is no XML, which is a bug.
pub(super) fn outlined(svg: &str) -> Result<String, roxmltree::Error> {
    let document = Document::parse(svg)?;
    let texts = document.descendants().filter(|it| it.has_tag_name("text"));
    let mut outlined = String::with_capacity(2 * svg.len());
    let mut rest = 0;
    for node in texts {
        outlined.push_str(&svg[rest..node.range().start]);
        let fill = node.attribute("fill").unwrap_or("black");
        let path = path(&node);
        let _ = write!(outlined, r#"<path fill="{fill}" d="{path}"/>"#);
        rest = node.range().end;
    }
    outlined.push_str(&svg[rest..]);
    Ok(outlined)
}

/// The outlines of a text's letters, one behind the other.
fn path(node: &Node<'_, '_>) -> String {
    let number = |name: &str| node.attribute(name).and_then(|it| it.parse::<f32>().ok());
    let size = number("font-size").unwrap_or(TEXT as f32);
    let font = font();
    let scale = size / f32::from(font.units_per_em());
    let text = node.text().unwrap_or_default();
    let text: String = text.chars().filter(|it| !is_unseen(*it)).collect();
    let width = width(&text, f64::from(size)) as f32;
    let x = number("x").unwrap_or_default();
    let mut pen = Pen {
        x: match node.attribute("text-anchor") {
            Some("middle") => x - width / 2.0,
            Some("end") => x - width,
            _ => x,
        },
        y: number("y").unwrap_or_default(),
        scale,
        path: String::new(),
    };
    for letter in text.chars() {
        let known = font.glyph_index(letter);
        let glyph = known.or_else(|| font.glyph_index(UNKNOWN));
        font.outline_glyph(glyph.unwrap_or_default(), &mut pen);
        pen.x += advance(letter) as f32 * size;
    }
    pen.path
}

fn font() -> &'static Face<'static> {
    static FACE: OnceLock<Face<'static>> = OnceLock::new();
    FACE.get_or_init(|| Face::parse(FONT, 0).expect("the font is in the program"))
}

/// Writes outlines where a letter stands.
struct Pen {
    x: f32,
    y: f32,
    scale: f32,
    path: String,
}

impl Pen {
    fn write<const N: usize>(&mut self, command: char, points: [(f32, f32); N]) {
        self.path.push(command);
        for (x, y) in points {
            // Fonts count upwards.
            let (x, y) = (self.x + x * self.scale, self.y - y * self.scale);
            let _ = write!(self.path, "{x:.2} {y:.2} ");
        }
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.write('M', [(x, y)]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.write('L', [(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.write('Q', [(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.write('C', [(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.path.push('Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_paths_where_they_stood() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg"><g><text x="10" y="20" text-anchor="end" fill="red">a &lt; b</text></g><rect/></svg>"#;
        let outlined = outlined(svg).expect("is XML");
        assert!(
            outlined.contains(r#"<g><path fill="red" d="M"#),
            "{outlined}"
        );
        assert!(outlined.ends_with(r#"Z"/></g><rect/></svg>"#), "{outlined}");
        let document = Document::parse(&outlined).expect("is XML");
        let path = document.descendants().find(|it| it.has_tag_name("path"));
        let path = path.and_then(|it| it.attribute("d")).expect("has points");
        let words = path.split(|it: char| it.is_ascii_alphabetic() || it == ' ');
        let numbers: Vec<f32> = words.filter_map(|it| it.parse().ok()).collect();
        let xs = numbers.iter().step_by(2);
        let (left, right) = xs.fold((99.0_f32, -99.0_f32), |(left, right), &x| {
            (left.min(x), right.max(x))
        });
        assert!(right < 10.0 && right > 8.0, "ends at its place: {right}");
        assert!(left < -25.0 && left > -60.0, "five letters: {left}");
    }
}
