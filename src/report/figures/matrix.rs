//! How often which class was taken for which: a confusion matrix with the names of the classes.

use maud::{Markup, html};

use super::Figure;
use super::draw::{
    Anchor, INK, TEXT, Title, WIDTH, at, cell, figure, fitted, heading, in_cell, printable,
    scale_of_cells, text, text_width,
};
use crate::train::ClassCounts;

/// More classes than this make no matrix that could be read.
pub const MOST: usize = 200;
/// Up to so many classes, every cell says how many samples it has.
const COUNTED: usize = 20;
/// Up to so many, every row and column has a name.
const NAMED: usize = 50;
/// The room for a name in the size [`TEXT`], at least before a row, and above a column.
const NAME: f64 = 130.0;
/// The room for a name before a row where there are few columns.
const LONG_NAME: f64 = 300.0;
/// The side of a cell, at most.
const SIDE: f64 = 46.0;
/// The least size of letters.
const SMALL: f64 = 8.0;

/// Draws `counts` of classes of these `names`, the darker the greater a cell's share of its class.
pub fn matrix(title: &Title, counts: &ClassCounts, names: &[String]) -> Figure {
    let classes = counts.classes();
    let (head, top) = heading(title, &[]);
    let printed: Vec<String> = names.iter().map(|it| printable(it)).collect();
    let cut =
        |room: f64| -> Vec<String> { printed.iter().map(|it| fitted(it, room, TEXT)).collect() };
    let rows = cut((WIDTH - 60.0 - SIDE * classes as f64).clamp(NAME, LONG_NAME));
    let columns = cut(NAME);
    let widest = |names: &[String]| names.iter().map(|it| text_width(it)).fold(0.0, f64::max);
    let (before, above) = (widest(&rows), widest(&columns));
    let named = classes <= NAMED;
    // Where letters are smaller, names take less.
    let (_, size) = sizes(classes, WIDTH - 44.0 - 14.0 - before);
    let margin = if named {
        before * size / TEXT + 14.0
    } else {
        14.0
    };
    let left = 30.0 + margin;
    let width = WIDTH - left - 14.0;
    let (side, _) = sizes(classes, width);
    // Names that are wider than their column stand upright.
    let upright = above * size / TEXT > side - 4.0;
    let above = match (named, upright) {
        (false, _) => 14.0,
        (true, true) => above * size / TEXT + 12.0,
        (true, false) => 24.0,
    };
    let top = top + 22.0 + above;
    let height = side * classes as f64;
    let words = (!named).then(|| {
        format!("{classes} classes in the order of their targets, from the left and from the top")
    });
    let below = top + height + if named { 12.0 } else { 32.0 };
    let (scale, scale_height) = scale_of_cells(left.min(120.0), below, "samples of the class");
    let parts = html! {
        (head)
        (text((left + height / 2.0).max(left + 30.0), top - above - 6.0, Anchor::Middle, TEXT, "taken for"))
        g transform=(format!("translate(18 {}) rotate(-90)", at(top + height / 2.0))) {
            (text(0.0, 0.0, Anchor::Middle, TEXT, "class"))
        }
        @if named { (names_of([&rows, &columns], (left, top), side, size, upright)) }
        (cells(counts, (left, top), side, size))
        rect.axis x=(at(left)) y=(at(top)) width=(at(height)) height=(at(height)) fill="none"
            stroke=(INK) stroke-width="1" stroke-opacity="0.4" {}
        @if let Some(words) = &words { (text(left, top + height + 20.0, Anchor::Start, TEXT, words)) }
        (scale)
    };
    figure(WIDTH, below + scale_height + 8.0, title, &parts)
}

/// The side of a cell, and the size of letters in it.
fn sizes(classes: usize, width: f64) -> (f64, f64) {
    let cell = (width / classes as f64).min(SIDE);
    (cell, (cell * 0.42).clamp(SMALL, TEXT))
}

/// The names before the rows and above the columns.
fn names_of(
    [rows, columns]: [&[String]; 2],
    (left, top): (f64, f64),
    side: f64,
    size: f64,
    upright: bool,
) -> Markup {
    let middle = |index: usize| (index as f64 + 0.5) * side;
    html! {
        @for (index, name) in rows.iter().enumerate() {
            (text(left - 8.0, top + middle(index) + size * 0.35, Anchor::End, size, name))
        }
        @for (index, name) in columns.iter().enumerate() {
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
fn cells(counts: &ClassCounts, (left, top): (f64, f64), side: f64, size: f64) -> Markup {
    let classes = counts.classes();
    let counted = classes <= COUNTED;
    let gap = if counted { 1.0 } else { 0.0 };
    let supports: Vec<usize> = counts.scores().iter().map(|it| it.support).collect();
    html! {
        @for (class, taken, count) in counts.all() {
            @let share = count as f64 / supports[class] as f64;
            @let (x, y) = (left + taken as f64 * side, top + class as f64 * side);
            (cell((x + gap, y + gap), (side - 2.0 * gap, side - 2.0 * gap), share))
            @if counted {
                @let middle = (x + side / 2.0, y + side / 2.0);
                (in_cell(middle, share, fitting(count, side, size), &count.to_string()))
            }
        }
        @if counted {
            @for class in 0..classes {
                @let place = class as f64 * side + 0.5;
                rect.axis x=(at(left + place)) y=(at(top + place)) width=(at(side - 1.0))
                    height=(at(side - 1.0)) fill="none" stroke=(INK) stroke-width="1"
                    stroke-opacity="0.55" {}
            }
        }
    }
}

/// The size of letters in which `count` fits a cell of that `side`.
fn fitting(count: usize, side: f64, size: f64) -> f64 {
    let width = text_width(&count.to_string()) * size / TEXT;
    size * ((side - 4.0) / width).min(1.0)
}
