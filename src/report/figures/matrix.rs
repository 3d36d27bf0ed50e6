//! How often which class was taken for which: a confusion matrix with the names of the classes.

use maud::{Markup, html};

use super::Figure;
use super::draw::{
    Anchor, INK, PALETTE, TEXT, WIDTH, at, figure, heading, printable, shortened, text, text_width,
};
use crate::train::ClassCounts;

/// More classes than this make no matrix that could be read.
pub const MOST: usize = 200;
/// Up to so many classes, every cell says how many samples it has.
const COUNTED: usize = 20;
/// Up to so many, every row and column has a name.
const NAMED: usize = 50;
/// Letters of a name.
const LETTERS: usize = 16;
/// The least size of letters.
const SMALL: f64 = 8.0;

/// Draws `counts` of classes of these `names`, the darker the greater a cell's share of its class.
pub fn matrix(title: &str, counts: &ClassCounts, names: &[String]) -> Figure {
    let classes = counts.classes();
    let (head, top) = heading(title, &[]);
    let names: Vec<String> = names
        .iter()
        .map(|it| shortened(&printable(it), LETTERS))
        .collect();
    let widest = names.iter().map(|it| text_width(it)).fold(0.0, f64::max);
    let named = classes <= NAMED;
    let margin = if named { widest + 14.0 } else { 14.0 };
    let left = 30.0 + margin;
    let width = WIDTH - left - 14.0;
    let (cell, size) = sizes(classes, width);
    // Names that are wider than their column stand upright.
    let upright = widest * size / TEXT > cell - 4.0;
    let above = match (named, upright) {
        (false, _) => 14.0,
        (true, true) => widest * size / TEXT + 12.0,
        (true, false) => 24.0,
    };
    let top = top + 22.0 + above;
    let height = cell * classes as f64;
    let parts = html! {
        (head)
        (text(left + height / 2.0, top - above - 6.0, Anchor::Middle, TEXT, "taken for"))
        g transform=(format!("translate(18 {}) rotate(-90)", at(top + height / 2.0))) {
            (text(0.0, 0.0, Anchor::Middle, TEXT, "class"))
        }
        @if named { (names_of(&names, (left, top), cell, size, upright)) }
        (cells(counts, (left, top), cell, size))
        rect.axis x=(at(left)) y=(at(top)) width=(at(height)) height=(at(height)) fill="none"
            stroke=(INK) stroke-width="1" stroke-opacity="0.4" {}
        @if !named {
            (text(left, top + height + 18.0, Anchor::Start, TEXT, &format!(
                "{classes} classes in the order of their targets, from the left and from the top"
            )))
        }
    };
    let below = if named { 14.0 } else { 30.0 };
    figure(WIDTH, top + height + below, title, &parts)
}

/// The side of a cell, and the size of letters in it.
fn sizes(classes: usize, width: f64) -> (f64, f64) {
    let cell = (width / classes as f64).min(46.0);
    (cell, (cell * 0.42).clamp(SMALL, TEXT))
}

/// The names before the rows and above the columns.
fn names_of(
    names: &[String],
    (left, top): (f64, f64),
    cell: f64,
    size: f64,
    upright: bool,
) -> Markup {
    let middle = |index: usize| (index as f64 + 0.5) * cell;
    html! {
        @for (index, name) in names.iter().enumerate() {
            (text(left - 8.0, top + middle(index) + size * 0.35, Anchor::End, size, name))
            @if upright {
                g transform=(format!(
                    "translate({} {}) rotate(-90)", at(left + middle(index) + size * 0.35), at(top - 8.0)
                )) { (text(0.0, 0.0, Anchor::Start, size, name)) }
            } @else {
                (text(left + middle(index), top - 8.0, Anchor::Middle, size, name))
            }
        }
    }
}

/// The cells in which there is anything, and a frame around every class's own.
fn cells(counts: &ClassCounts, (left, top): (f64, f64), cell: f64, size: f64) -> Markup {
    let classes = counts.classes();
    let counted = classes <= COUNTED;
    let gap = if counted { 1.0 } else { 0.0 };
    let supports: Vec<usize> = counts.scores().iter().map(|it| it.support).collect();
    html! {
        @for (class, taken, count) in counts.all() {
            @let share = count as f64 / supports[class] as f64;
            @let (x, y) = (left + taken as f64 * cell, top + class as f64 * cell);
            rect.s0.filled x=(at(x + gap)) y=(at(y + gap)) width=(at(cell - 2.0 * gap))
                height=(at(cell - 2.0 * gap)) fill=(PALETTE[0])
                fill-opacity=(format!("{:.2}", 0.06 + 0.94 * share)) {}
            @if counted {
                text class=(if share > 0.45 { "on" } else { "ink" }) x=(at(x + cell / 2.0))
                    y=(at(y + cell / 2.0 + size * 0.35)) text-anchor="middle"
                    font-size=(at(fitting(count, cell, size)))
                    fill=(if share > 0.45 { "#ffffff" } else { INK }) { (count) }
            }
        }
        @if counted {
            @for class in 0..classes {
                @let place = class as f64 * cell + 0.5;
                rect.axis x=(at(left + place)) y=(at(top + place)) width=(at(cell - 1.0))
                    height=(at(cell - 1.0)) fill="none" stroke=(INK) stroke-width="1"
                    stroke-opacity="0.55" {}
            }
        }
    }
}

/// The size of letters in which `count` fits its cell.
fn fitting(count: usize, cell: f64, size: f64) -> f64 {
    let width = text_width(&count.to_string()) * size / TEXT;
    size * ((cell - 4.0) / width).min(1.0)
}
