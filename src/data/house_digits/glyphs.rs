//! The ten digits as paths of a pen, in several hands.
//!
//! A path runs in a unit square: x to the right, y down. The typeface gives the square its size and
//! the pen its nib.

use Step::{Across, Curve, Down, Line, Move};

/// A point in the unit square.
pub(super) type Point = [f32; 2];

/// One movement of the pen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Lifts the pen and starts a path here.
    Move(Point),
    /// A straight line.
    Line(Point),
    /// A quarter of an ellipse that leaves horizontally and arrives vertically.
    Across(Point),
    /// A quarter of an ellipse that leaves vertically and arrives horizontally.
    Down(Point),
    /// A cubic Bézier curve: two control points and the end.
    Curve(Point, Point, Point),
}

/// How a digit is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    pub(super) steps: &'static [Step],
    /// Width of its square, relative to that of a 0.
    pub(super) width: f32,
    /// Ends to which a typeface with serifs adds a horizontal bar: the middle of the bar.
    pub(super) serifs: &'static [Point],
}

const fn glyph(steps: &'static [Step]) -> Glyph {
    Glyph {
        steps,
        width: 1.0,
        serifs: &[],
    }
}

const ZERO: Glyph = glyph(&[
    Move([0.5, 0.0]),
    Across([1.0, 0.5]),
    Down([0.5, 1.0]),
    Across([0.0, 0.5]),
    Down([0.5, 0.0]),
]);
const ONE_BAR: Glyph = Glyph {
    width: 0.1,
    ..glyph(&[Move([0.5, 0.0]), Line([0.5, 1.0])])
};
const ONE_FLAG: Glyph = Glyph {
    width: 0.45,
    serifs: &[[0.95, 1.0]],
    ..glyph(&[Move([0.0, 0.24]), Line([0.95, 0.0]), Line([0.95, 1.0])])
};
const ONE_FOOT: Glyph = Glyph {
    width: 0.7,
    ..glyph(&[
        Move([0.05, 0.22]),
        Curve([0.3, 0.18], [0.45, 0.1], [0.52, 0.0]),
        Line([0.52, 1.0]),
        Move([0.0, 1.0]),
        Line([1.0, 1.0]),
    ])
};
const TWO: Glyph = glyph(&[
    Move([0.03, 0.28]),
    Down([0.5, 0.0]),
    Across([0.96, 0.28]),
    Curve([0.96, 0.55], [0.35, 0.7], [0.02, 1.0]),
    Line([1.0, 1.0]),
]);
const TWO_FOOT: Glyph = glyph(&[
    Move([0.06, 0.3]),
    Down([0.48, 0.0]),
    Across([0.92, 0.26]),
    Curve([0.92, 0.5], [0.4, 0.72], [0.0, 1.0]),
    Line([0.95, 1.0]),
    Line([1.0, 0.82]),
]);
const TWO_LOOP: Glyph = glyph(&[
    Move([0.08, 0.22]),
    Down([0.5, 0.0]),
    Across([0.92, 0.27]),
    Curve([0.92, 0.55], [0.45, 0.75], [0.05, 0.98]),
    Curve([0.35, 0.8], [0.6, 1.05], [1.0, 0.93]),
]);
const THREE: Glyph = glyph(&[
    Move([0.05, 0.22]),
    Down([0.48, 0.0]),
    Across([0.92, 0.25]),
    Down([0.4, 0.47]),
    Move([0.4, 0.47]),
    Across([1.0, 0.73]),
    Down([0.48, 1.0]),
    Across([0.0, 0.77]),
]);
const THREE_FLAT: Glyph = glyph(&[
    Move([0.05, 0.0]),
    Line([0.93, 0.0]),
    Line([0.42, 0.4]),
    Across([1.0, 0.7]),
    Down([0.48, 1.0]),
    Across([0.0, 0.8]),
]);
const FOUR: Glyph = Glyph {
    width: 1.08,
    serifs: &[[0.74, 1.0]],
    ..glyph(&[
        Move([0.74, 1.0]),
        Line([0.74, 0.0]),
        Line([0.0, 0.7]),
        Line([1.0, 0.7]),
    ])
};
const FOUR_OPEN: Glyph = glyph(&[
    Move([0.25, 0.0]),
    Line([0.02, 0.6]),
    Line([1.0, 0.6]),
    Move([0.75, 0.22]),
    Line([0.72, 1.0]),
]);
const FIVE: Glyph = glyph(&[
    Move([0.92, 0.0]),
    Line([0.16, 0.0]),
    Line([0.08, 0.46]),
    Curve([0.2, 0.38], [0.34, 0.34], [0.48, 0.34]),
    Across([1.0, 0.67]),
    Down([0.48, 1.0]),
    Across([0.0, 0.8]),
]);
const FIVE_HOOK: Glyph = glyph(&[
    Move([1.0, 0.02]),
    Line([0.2, 0.0]),
    Line([0.12, 0.4]),
    Curve([0.7, 0.32], [0.95, 0.5], [0.9, 0.7]),
    Curve([0.86, 0.95], [0.4, 1.08], [0.0, 0.92]),
]);
const SIX: Glyph = glyph(&[
    Move([0.94, 0.2]),
    Down([0.54, 0.0]),
    Across([0.0, 0.55]),
    Down([0.5, 1.0]),
    Across([1.0, 0.69]),
    Down([0.52, 0.39]),
    Across([0.02, 0.66]),
]);
const SIX_STRAIGHT: Glyph = glyph(&[
    Move([0.72, 0.0]),
    Curve([0.45, 0.22], [0.0, 0.42], [0.0, 0.68]),
    Down([0.5, 1.0]),
    Across([1.0, 0.68]),
    Down([0.5, 0.37]),
    Across([0.02, 0.66]),
]);
const SEVEN: Glyph = Glyph {
    serifs: &[[0.35, 1.0]],
    ..glyph(&[Move([0.0, 0.0]), Line([1.0, 0.0]), Line([0.35, 1.0])])
};
const SEVEN_CURVED: Glyph = glyph(&[
    Move([0.0, 0.16]),
    Line([0.02, 0.0]),
    Line([1.0, 0.0]),
    Curve([0.62, 0.35], [0.42, 0.65], [0.38, 1.0]),
]);
const SEVEN_BARRED: Glyph = glyph(&[
    Move([0.0, 0.0]),
    Line([1.0, 0.0]),
    Line([0.35, 1.0]),
    Move([0.25, 0.5]),
    Line([0.92, 0.5]),
]);
const EIGHT: Glyph = glyph(&[
    Move([0.5, 0.46]),
    Across([0.07, 0.23]),
    Down([0.5, 0.0]),
    Across([0.93, 0.23]),
    Down([0.5, 0.46]),
    Across([0.0, 0.73]),
    Down([0.5, 1.0]),
    Across([1.0, 0.73]),
    Down([0.5, 0.46]),
]);
const EIGHT_CROSSED: Glyph = glyph(&[
    Move([0.9, 0.2]),
    Down([0.5, 0.0]),
    Across([0.08, 0.22]),
    Curve([0.08, 0.45], [1.0, 0.5], [1.0, 0.76]),
    Down([0.48, 1.0]),
    Across([0.0, 0.76]),
    Curve([0.0, 0.5], [0.92, 0.42], [0.9, 0.2]),
]);
/// Turned by half a turn, see [`Hand::glyph`].
const NINE: Glyph = SIX;
const NINE_STRAIGHT: Glyph = SIX_STRAIGHT;

/// The digits as one designer would write them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hand([Glyph; 10]);

/// Plain shapes, as on most plates.
pub(super) const PLAIN: Hand = Hand([
    ZERO, ONE_FLAG, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT, NINE,
]);
/// Circles and straight lines.
pub(super) const GEOMETRIC: Hand = Hand([
    ZERO,
    ONE_BAR,
    TWO,
    THREE_FLAT,
    FOUR,
    FIVE,
    SIX_STRAIGHT,
    SEVEN,
    EIGHT,
    NINE_STRAIGHT,
]);
/// Feet and hooks, as in book faces.
pub(super) const BOOK: Hand = Hand([
    ZERO,
    ONE_FOOT,
    TWO_FOOT,
    THREE,
    FOUR,
    FIVE,
    SIX,
    SEVEN_CURVED,
    EIGHT,
    NINE,
]);
/// As with a brush or in wrought iron.
pub(super) const WRITTEN: Hand = Hand([
    ZERO,
    ONE_FLAG,
    TWO_LOOP,
    THREE,
    FOUR_OPEN,
    FIVE_HOOK,
    SIX_STRAIGHT,
    SEVEN_BARRED,
    EIGHT_CROSSED,
    NINE_STRAIGHT,
]);

impl Hand {
    /// How this hand writes `digit`, and whether turned by half a turn.
    pub(super) fn glyph(&self, digit: u8) -> (Glyph, bool) {
        (self.0[usize::from(digit)], digit == 9)
    }
}
