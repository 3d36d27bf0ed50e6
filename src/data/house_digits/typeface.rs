//! Typefaces: a hand, a nib and proportions; from them the strokes of a digit.

use super::canvas::Stroke;
use super::glyphs::{self, Hand, Point, Step};
use super::random::Random;

/// How far a curve's control points lie along its tangents to draw a quarter of a circle.
const CIRCLE: f32 = 0.5523;

/// One of endlessly many typefaces, of a few families.
#[derive(Debug, Clone)]
pub(super) struct Typeface {
    hand: Hand,
    /// Width of a 0, and of the pen's stroke, in heights of a digit.
    width: f32,
    weight: f32,
    /// Thickness of horizontal strokes over that of vertical ones.
    contrast: f32,
    /// Horizontal shift from the foot to the head of a digit, in heights.
    slant: f32,
    /// How square the bowls are: 1 is an ellipse.
    squareness: f32,
    /// Straight lines per curve: 2 gives chamfered corners.
    lines_per_curve: u8,
    serifs: bool,
    flat_ends: bool,
}

impl Typeface {
    /// A random typeface of a random family.
    pub(super) fn random(random: &mut Random) -> Self {
        let plain = Self {
            hand: random.one_of(&[glyphs::PLAIN, glyphs::PLAIN, glyphs::GEOMETRIC]),
            width: random.within(0.42, 0.62),
            weight: random.within(0.1, 0.19),
            contrast: random.within(0.8, 1.0),
            slant: 0.0,
            squareness: random.within(0.95, 1.2),
            lines_per_curve: 5,
            serifs: false,
            flat_ends: true,
        };
        match random.below(10) {
            0..4 => plain,
            // Light and wide.
            4 => Self {
                width: random.within(0.5, 0.72),
                weight: random.within(0.06, 0.1),
                ..plain
            },
            // Narrow and heavy.
            5 => Self {
                hand: glyphs::PLAIN,
                width: random.within(0.38, 0.5),
                weight: random.within(0.17, 0.23),
                squareness: random.within(1.1, 1.45),
                ..plain
            },
            // Book faces, from Roman to nearly slab.
            6 | 7 => Self {
                hand: glyphs::BOOK,
                contrast: random.within(0.35, 0.8),
                weight: random.within(0.11, 0.18),
                serifs: true,
                ..plain
            },
            // Brush and wrought iron.
            8 => Self {
                hand: glyphs::WRITTEN,
                contrast: random.within(0.6, 1.0),
                weight: random.within(0.07, 0.13),
                slant: random.within(0.05, 0.3),
                flat_ends: false,
                ..plain
            },
            // Cut from straight pieces.
            _ => Self {
                lines_per_curve: 2,
                squareness: random.within(1.1, 1.5),
                ..plain
            },
        }
        .finished(random)
    }

    /// Now and then an italic; never so heavy that a 0 closes up.
    fn finished(mut self, random: &mut Random) -> Self {
        if random.chance(0.15) {
            self.slant += random.within(0.1, 0.25);
        }
        self.weight = self.weight.min(self.width * 0.38);
        self
    }

    /// Width of `digit`, in heights of a digit.
    pub(super) fn advance(&self, digit: u8) -> f32 {
        let (glyph, _) = self.hand.glyph(digit);
        (self.width - self.weight) * glyph.width + self.weight
    }

    /// The strokes of `digit`, in heights of a digit, with the origin at its middle.
    pub(super) fn strokes(&self, digit: u8) -> Vec<Stroke> {
        let (glyph, turned) = self.hand.glyph(digit);
        let inner = [
            self.advance(digit) - self.weight,
            1.0 - self.weight * self.contrast,
        ];
        let place = |[x, y]: Point| {
            let [x, y] = if turned { [1.0 - x, 1.0 - y] } else { [x, y] };
            let y = (y - 0.5) * inner[1];
            [(x - 0.5) * inner[0] - self.slant * y, y]
        };
        let mut strokes = Vec::with_capacity(64);
        for path in self.flattened(glyph.steps) {
            let last = path.len() - 2;
            for (i, line) in path.windows(2).enumerate() {
                strokes.push(Stroke {
                    from: place(line[0]),
                    to: place(line[1]),
                    radius: self.weight / 2.0,
                    flat: [self.flat_ends && i == 0, self.flat_ends && i == last],
                });
            }
        }
        if self.serifs {
            let reach = self.weight * 1.1;
            for &middle in glyph.serifs {
                let [x, y] = place(middle);
                strokes.push(Stroke {
                    from: [x - reach, y],
                    to: [x + reach, y],
                    radius: self.weight * 0.4,
                    flat: [true; 2],
                });
            }
        }
        strokes
    }

    /// Thickness of horizontal strokes over that of vertical ones.
    pub(super) fn contrast(&self) -> f32 {
        self.contrast
    }

    /// The paths of a glyph as chains of at least two points.
    fn flattened(&self, steps: &[Step]) -> Vec<Vec<Point>> {
        let mut paths: Vec<Vec<Point>> = Vec::new();
        let bulge = (CIRCLE * self.squareness).min(0.9);
        let toward = |a: f32, b: f32| a + (b - a) * bulge;
        let mut at = [0.0; 2];
        for &step in steps {
            let (first, second, end) = match step {
                Step::Move(point) => {
                    paths.push(vec![point]);
                    at = point;
                    continue;
                }
                Step::Line(point) => {
                    paths
                        .last_mut()
                        .expect("a glyph starts with Move")
                        .push(point);
                    at = point;
                    continue;
                }
                Step::Across(end) => (
                    [toward(at[0], end[0]), at[1]],
                    [end[0], toward(end[1], at[1])],
                    end,
                ),
                Step::Down(end) => (
                    [at[0], toward(at[1], end[1])],
                    [toward(end[0], at[0]), end[1]],
                    end,
                ),
                Step::Curve(first, second, end) => (first, second, end),
            };
            let path = paths.last_mut().expect("a glyph starts with Move");
            for i in 1..=self.lines_per_curve {
                let t = f32::from(i) / f32::from(self.lines_per_curve);
                path.push(bezier(at, first, second, end, t));
            }
            at = end;
        }
        paths
    }
}

/// Point `t` (0 to 1) of a cubic Bézier curve.
fn bezier(start: Point, first: Point, second: Point, end: Point, t: f32) -> Point {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    [0, 1].map(|axis| {
        weights[0] * start[axis]
            + weights[1] * first[axis]
            + weights[2] * second[axis]
            + weights[3] * end[axis]
    })
}
