//! Curves over epochs.

use maud::{Markup, html};

use super::Figure;
use super::axis::Axis;
use super::draw::{
    Anchor, INK, Key, Plot, TEXT, Title, WIDTH, at, colour, figure, heading, legend, nothing,
    polyline, text,
};

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line {
    /// Of the test set.
    Solid,
    /// Of the training set.
    Dashed,
    /// Of the validation set.
    Dotted,
}

impl Line {
    fn dashes(self) -> &'static str {
        match self {
            Self::Solid => "none",
            Self::Dashed => "7 5",
            Self::Dotted => "1.5 5",
        }
    }
}

/// One curve of a [`Chart`].
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Index of its colour, and so of its entry in the chart's legend.
    pub series: usize,
    /// What it is of, said where a mouse rests on it.
    pub name: String,
    /// How it is drawn.
    pub line: Line,
    /// Epoch and value.
    pub points: Vec<(f64, f64)>,
    /// Epoch, and the least and the greatest of the values that a point is the mean of; nothing
    /// where it is of one.
    pub band: Vec<(f64, f64, f64)>,
}

/// Curves over epochs.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What is shown, and of what.
    pub title: Title,
    /// What must be known to read it right.
    pub warnings: Vec<String>,
    /// What the values are, with their unit.
    pub y_name: String,
    /// Whether they are shares, of which none is far from the others.
    pub is_share: bool,
    /// What each colour means, in order.
    pub series: Vec<String>,
    /// What each kind of line means, where this is the same for all colours.
    pub lines: Vec<(Line, String)>,
    /// What is drawn.
    pub curves: Vec<Curve>,
    /// A value that is the same in every epoch, and what it is.
    pub rule: Option<(f64, &'static str)>,
}

/// Curves of so few points show each of them.
const FEW: usize = 20;
/// How much a band covers what is behind it.
const BAND: &str = "0.18";
/// Dashes of the value that is the same in every epoch.
const RULE: &str = "12 4 2 4";
/// Signs on a curve whose colour is not the first of its kind.
const SIGNS: usize = 8;

/// Draws `data`: epochs from left to right, values on a logarithmic axis where they span a wide range.
pub fn chart(data: &Chart) -> Figure {
    let (head, top) = heading(&data.title, &data.warnings);
    let all = || data.curves.iter().flat_map(|curve| &curve.points);
    let bands = data.curves.iter().flat_map(|curve| &curve.band);
    let ends = bands.flat_map(|&(_, least, greatest)| [least, greatest]);
    let last = all().map(|point| point.0).fold(1.0, f64::max);
    let rule = data.rule.map(|it| it.0);
    let values = all().map(|point| point.1).chain(ends).chain(rule);
    let y = if data.is_share {
        Axis::for_shares(values)
    } else {
        Axis::for_measures(values)
    };
    let left = Plot::left_of(&y);
    let plot = Plot {
        left,
        top: top + if y.is_log() { 18.0 } else { 6.0 },
        width: WIDTH - left - 18.0,
        height: 270.0,
        x: Axis::whole(0.0, last),
        y,
    };
    let (keys, height) = legend(&keys(data), plot.left, plot.bottom() + 54.0);
    let parts = html! {
        (head)
        (plot.frame("epoch", &data.y_name))
        @if plot.y.is_log() {
            (text(plot.left + plot.width, plot.top - 8.0, Anchor::End, TEXT - 1.0, "log scale"))
        }
        @if let Some(value) = rule {
            path.axis d=(format!("M{} {}h{}", at(plot.left), at(plot.y(value)), at(plot.width)))
                stroke=(INK) stroke-width="1.5" stroke-dasharray=(RULE) {}
        }
        @for curve in &data.curves { (band(curve, &plot)) }
        @for curve in &data.curves { (draw(curve, &plot)) }
        (keys)
    };
    let height = plot.bottom() + 54.0 + height + 8.0;
    figure(WIDTH, height, &data.title, &parts)
}

/// What the values of several runs span, behind all curves.
fn band(curve: &Curve, plot: &Plot) -> Markup {
    let (class, colour) = colour(curve.series);
    let finite = |it: &&(f64, f64, f64)| it.1.is_finite() && it.2.is_finite();
    let places = || curve.band.iter().filter(finite);
    let above = places().map(|it| (plot.x(it.0), plot.y(it.2)));
    let below = places().rev().map(|it| (plot.x(it.0), plot.y(it.1)));
    html! {
        @if places().count() > 1 {
            path class=(format!("{class} filled")) d=(polyline(above.chain(below))) fill=(colour)
                fill-opacity=(BAND) {}
        }
    }
}

fn draw(curve: &Curve, plot: &Plot) -> Markup {
    let (class, colour) = colour(curve.series);
    let places = curve.points.iter().filter(|it| it.1.is_finite());
    let places: Vec<(f64, f64)> = places.map(|it| (plot.x(it.0), plot.y(it.1))).collect();
    let every = if places.len() <= FEW {
        1
    } else {
        places.len().div_ceil(SIGNS)
    };
    html! {
        path class=(class) d=(polyline(places.iter().copied())) fill="none" stroke=(colour)
            stroke-width="2.2" stroke-linejoin="round" stroke-linecap="round"
            stroke-dasharray=(curve.line.dashes()) { title { (curve.name) } }
        @if places.len() <= FEW || sign(curve.series) != Sign::Dot {
            @for &(x, y) in places.iter().step_by(every) { (mark(curve.series, x, y)) }
        }
    }
}

/// What marks the points of a curve: another shape each time that the colours begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Dot,
    Square,
    Triangle,
}

fn sign(series: usize) -> Sign {
    let round = series / super::draw::PALETTE.len();
    [Sign::Dot, Sign::Square, Sign::Triangle][round % 3]
}

fn mark(series: usize, x: f64, y: f64) -> Markup {
    let (class, colour) = colour(series);
    let class = format!("{class} filled");
    let path = match sign(series) {
        Sign::Dot => format!("M{} {}m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0", at(x), at(y)),
        Sign::Square => format!("M{} {}m-4 -4h8v8h-8z", at(x), at(y)),
        Sign::Triangle => format!("M{} {}m0 -5l5 9h-10z", at(x), at(y)),
    };
    html! { path class=(class) d=(path) fill=(colour) {} }
}

/// Every colour of several, and every kind of line.
fn keys(data: &Chart) -> Vec<Key> {
    let mut keys = Vec::new();
    if data.series.len() > 1 {
        for (series, label) in data.series.iter().enumerate() {
            let (class, colour) = colour(series);
            let sign = html! {
                path class=(class) d="M0 0H24" stroke=(colour) stroke-width="3" {}
                @if sign(series) == Sign::Dot { (nothing()) } @else { (mark(series, 12.0, 0.0)) }
            };
            keys.push(Key {
                sign,
                label: label.clone(),
            });
        }
    }
    if data.curves.iter().any(|curve| !curve.band.is_empty()) {
        let sign = html! {
            path class="ink" d="M0 -6H24V6H0z" fill=(INK) fill-opacity=(BAND) {}
        };
        let label = "range over the seeds".to_owned();
        keys.push(Key { sign, label });
    }
    for (index, (line, label)) in data.lines.iter().enumerate() {
        // Where each kind of line has a colour of its own, its key has it too.
        let (class, colour) = match data.series.len() {
            0 | 1 => colour(index),
            _ => ("axis".to_owned(), INK),
        };
        let sign = html! {
            path class=(class) d="M0 0H24" fill="none" stroke=(colour) stroke-width="2.2"
                stroke-linecap="round" stroke-dasharray=(line.dashes()) {}
        };
        keys.push(Key {
            sign,
            label: label.clone(),
        });
    }
    if let Some((_, words)) = data.rule {
        keys.push(Key {
            sign: html! {
                path.axis d="M0 0H24" stroke=(INK) stroke-width="1.5" stroke-dasharray=(RULE) {}
            },
            label: words.to_owned(),
        });
    }
    keys
}
