//! What all figures are made of: colours, text, the frame of a plot.

use maud::{Markup, PreEscaped, html};

use super::axis::Axis;
use super::outline;
use super::{FONT_FAMILY, Figure};

/// Units of a figure from left to right. Small, so that text can still be read where a narrow
/// screen shrinks it.
pub(super) const WIDTH: f64 = 560.0;
/// Size of most text.
pub(super) const TEXT: f64 = 14.0;
/// Size of titles.
pub(super) const TITLE: f64 = 16.0;
/// Height of a line of text.
pub(super) const LINE: f64 = 20.0;
/// Text and axes.
pub(super) const INK: &str = "#1b1f24";
/// Lines behind the data.
pub(super) const GRID: &str = "#d8dce2";
/// Behind everything.
pub(super) const PAPER: &str = "#ffffff";
/// What must not be overlooked.
pub(super) const ALARM: &str = "#b03a00";
/// The darkest cell of a table of counts, which is blended with the paper by the share that it stands for.
pub(super) const CELL: &str = "#00588a";
/// From this opacity of [`CELL`] on, white letters are easier to read on it than black ones.
const LIGHT_ON_DARK: f64 = 0.78;
/// The colours of Okabe and Ito, which people tell apart whatever colours they see; without the
/// yellow, which is too bright on white. Source: <https://jfly.uni-koeln.de/color/>.
pub(super) const PALETTE: [&str; 7] = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
];
/// What is said beside the data.
const MUTED: &str = "#59636e";
/// Below this size no letters can be read.
const LEAST_TEXT: f64 = 10.0;
/// From a figure's edge to its titles.
const EDGE: f64 = 12.0;

/// What a figure shows, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Title {
    /// What is shown: `Mean absolute error by epoch`.
    pub shows: String,
    /// The net and the data: `cnn on svhn`; may be empty.
    pub of: String,
}

impl Title {
    /// Of what is shown, by which net on which data.
    pub fn new(shows: impl Into<String>, of: impl Into<String>) -> Self {
        Self {
            shows: shows.into(),
            of: of.into(),
        }
    }
}

/// The class and the colour of series `index`; colours repeat after the last.
pub(super) fn colour(index: usize) -> (String, &'static str) {
    let index = index % PALETTE.len();
    (format!("s{index}"), PALETTE[index])
}

/// How wide `text` is in the size [`TEXT`].
pub(super) fn text_width(text: &str) -> f64 {
    outline::width(text, TEXT)
}

/// `text` with what no XML file may hold, and what nobody can see, replaced.
pub(in super::super) fn printable(text: &str) -> String {
    let replace = |c: char| match c {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(replace).collect()
}

/// `text` cut to `most` characters.
pub(in super::super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `text` cut to what fits `width` in letters of `size`.
pub(super) fn fitted(text: &str, width: f64, size: f64) -> String {
    let fits = |text: &str| outline::width(text, size) <= width;
    if fits(text) {
        return text.to_owned();
    }
    let cut = |most: &usize| shortened(text, *most);
    // No line of a figure takes more.
    let cuts = (2..text.chars().count().min(200)).rev();
    cuts.map(|it| cut(&it))
        .find(|it| fits(it))
        .unwrap_or_else(|| "…".to_owned())
}

/// Coordinates to a tenth: no screen shows more.
pub(super) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// The figure with these `parts`, that a title names to those who cannot see it.
pub(super) fn figure(width: f64, height: f64, title: &Title, parts: &Markup) -> Figure {
    let name = match title.of.as_str() {
        "" => title.shows.clone(),
        of => format!("{}, {of}", title.shows),
    };
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {width} {height}"))
            width=(width) height=(height) role="img" aria-label=(name)
            font-family=(format!("{FONT_FAMILY}, Verdana, sans-serif")) font-size=(TEXT) {
            rect.paper width=(width) height=(height) fill=(PAPER) {}
            (parts)
        }
    };
    Figure {
        svg: svg.into_string(),
    }
}

/// The title at the top, and below it `warnings`; and how much height all take.
pub(super) fn heading(title: &Title, warnings: &[String]) -> (Markup, f64) {
    let room = WIDTH - 2.0 * EDGE;
    let of = if title.of.is_empty() { 0.0 } else { LINE };
    let markup = html! {
        (text(EDGE, 24.0, Anchor::Start, TITLE, &title.shows))
        @if of > 0.0 {
            text.muted x=(at(EDGE)) y=(at(24.0 + of)) text-anchor="start" font-size=(TEXT - 1.0)
                fill=(MUTED) { (fitted(&title.of, room, TEXT - 1.0)) }
        }
        @for (index, warning) in warnings.iter().enumerate() {
            // Bold letters are wider than those that are measured.
            text.alarm x=(at(EDGE)) y=(at(24.0 + of + LINE * (index + 1) as f64)) fill=(ALARM)
                font-weight="bold" { (fitted(warning, 0.88 * room, TEXT)) }
        }
    };
    (markup, 34.0 + of + LINE * warnings.len() as f64)
}

/// Which end of a text its place is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
pub(super) fn text(x: f64, y: f64, anchor: Anchor, size: f64, content: &str) -> Markup {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    html! {
        text.ink x=(at(x)) y=(at(y)) text-anchor=(anchor) font-size=(size) fill=(INK) { (content) }
    }
}

/// A rectangle in which values of two axes have their places.
#[derive(Debug)]
pub(super) struct Plot {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
    pub x: Axis,
    pub y: Axis,
}

impl Plot {
    /// Where a plot begins beside whose left edge the numbers of `y` and its name stand.
    pub(super) fn left_of(y: &Axis) -> f64 {
        (y.tick_width() + 42.0).max(64.0)
    }

    /// How wide a plot is that begins at `left`, with room for half of the last number of `x`.
    pub(super) fn width_from(left: f64, x: &Axis) -> f64 {
        WIDTH - left - (x.tick_width() / 2.0 + 4.0).max(18.0)
    }

    /// Where a value of the horizontal axis lies.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * self.width
    }

    /// Where a value of the vertical axis lies.
    pub(super) fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.y.place(value)) * self.height
    }

    /// The lower end.
    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Grid, numbers and names of both axes.
    pub(super) fn frame(&self, x_name: &str, y_name: &str) -> Markup {
        let (left, right) = (self.left, self.left + self.width);
        let middle = self.top + self.height / 2.0;
        // Numbers that would touch are left out.
        let room = self.x.ticks().count() as f64 * (self.x.tick_width() + 8.0);
        let every = (room / (self.width + 8.0)).ceil().max(1.0) as usize;
        html! {
            @for (value, label) in self.y.ticks() {
                (rule((left, self.y(value)), (right, self.y(value))))
                (text(left - 8.0, self.y(value) + 5.0, Anchor::End, TEXT, &label))
            }
            @for (at, (value, label)) in self.x.ticks().enumerate() {
                (rule((self.x(value), self.top), (self.x(value), self.bottom())))
                @if at % every == 0 { (text(self.x(value), self.bottom() + 20.0, Anchor::Middle, TEXT, &label)) }
            }
            path.axis d=(format!("M{} {}V{}H{}", at(left), at(self.top), at(self.bottom()), at(right)))
                fill="none" stroke=(INK) stroke-width="1" {}
            (text(left + self.width / 2.0, self.bottom() + 42.0, Anchor::Middle, TEXT, x_name))
            g transform=(format!("translate(20 {}) rotate(-90)", at(middle))) { (name_of_height(y_name, self.height)) }
        }
    }
}

/// The name of a vertical axis of that `height`, no longer than it: in smaller letters, and cut where they would be
/// too small.
fn name_of_height(name: &str, height: f64) -> Markup {
    let size = TEXT * (height / text_width(name)).min(1.0);
    let size = (size * 10.0).floor().max(10.0 * LEAST_TEXT) / 10.0;
    text(0.0, 0.0, Anchor::Middle, size, &fitted(name, height, size))
}

fn rule(from: (f64, f64), to: (f64, f64)) -> Markup {
    html! {
        path.grid d=(format!("M{} {}L{} {}", at(from.0), at(from.1), at(to.0), at(to.1)))
            stroke=(GRID) stroke-width="1" {}
    }
}

/// One entry of a legend.
#[derive(Debug)]
pub(super) struct Key {
    /// The sign, drawn around (12, 0) in a box 24 wide.
    pub sign: Markup,
    pub label: String,
}

/// The legend from `top` on, in as many columns as fit; and how much height it takes.
pub(super) fn legend(keys: &[Key], left: f64, top: f64) -> (Markup, f64) {
    const SIGN: f64 = 32.0;
    let room = WIDTH - left;
    let widest = keys.iter().map(|key| SIGN + text_width(&key.label) + 16.0);
    let widest = widest.fold(1.0, f64::max).min(room);
    let columns = ((room / widest) as usize).clamp(1, keys.len().max(1));
    let rows = keys.len().div_ceil(columns);
    let most = widest - SIGN - 8.0;
    let markup = html! {
        @for (index, key) in keys.iter().enumerate() {
            @let x = left + (index / rows.max(1)) as f64 * widest;
            @let y = top + (index % rows.max(1)) as f64 * LINE + LINE / 2.0;
            g transform=(format!("translate({} {})", at(x), at(y))) { (key.sign) }
            (text(x + SIGN, y + 5.0, Anchor::Start, TEXT, &fitted(&key.label, most, TEXT)))
        }
    };
    (markup, rows as f64 * LINE)
}

/// How much of [`CELL`] a cell has that is `share` of its row, and the class of letters on it.
pub(in super::super) fn cell_look(share: f64) -> (f64, &'static str) {
    let opacity = 0.06 + 0.94 * share;
    (
        opacity,
        if opacity < LIGHT_ON_DARK {
            "pale"
        } else {
            "full"
        },
    )
}

/// A cell at `(x, y)` of a table, the darker the greater its `share` of its row.
pub(super) fn cell((x, y): (f64, f64), (width, height): (f64, f64), share: f64) -> Markup {
    html! {
        rect.cell x=(at(x)) y=(at(y)) width=(at(width)) height=(at(height)) fill=(CELL)
            fill-opacity=(format!("{:.2}", cell_look(share).0)) {}
    }
}

/// Letters in a cell of that `share`, around `(x, y)`: black or white, whichever is easier to read there.
pub(super) fn in_cell((x, y): (f64, f64), share: f64, size: f64, content: &str) -> Markup {
    let (_, class) = cell_look(share);
    let fill = if class == "full" {
        "#ffffff"
    } else {
        "#000000"
    };
    html! {
        text class=(class) x=(at(x)) y=(at(y + size * 0.35)) text-anchor="middle" font-size=(at(size)) fill=(fill) {
            (content)
        }
    }
}

/// What the colours of cells mean: their scale from `left` on, and that they are shares `of_what`; and how much
/// height it takes.
pub(super) fn scale_of_cells(left: f64, top: f64, of_what: &str) -> (Markup, f64) {
    const STEPS: usize = 5;
    const SIDE: f64 = 20.0;
    let start = left + text_width("0%") + 6.0;
    let end = start + SIDE * STEPS as f64 + 6.0;
    let words = format!("100% of the {of_what}");
    let markup = html! {
        (text(left, top + 15.0, Anchor::Start, TEXT, "0%"))
        @for step in 0..STEPS {
            (cell((start + SIDE * step as f64, top + 1.0), (SIDE, SIDE - 2.0), step as f64 / (STEPS - 1) as f64))
        }
        (text(end, top + 15.0, Anchor::Start, TEXT, &fitted(&words, WIDTH - end - EDGE, TEXT)))
    };
    (markup, LINE)
}

/// A path through `points`.
pub(super) fn polyline(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&at(x));
        path.push(' ');
        path.push_str(&at(y));
    }
    path
}

/// Nothing.
pub(super) fn nothing() -> Markup {
    PreEscaped(String::new())
}
