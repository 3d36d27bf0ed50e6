//! The loss by learning rate, of a learning-rate range test.

use maud::{Markup, html};

use super::Figure;
use super::axis::Axis;
use super::draw::{
    Anchor, INK, Key, Plot, TEXT, Title, WIDTH, at, colour, figure, heading, legend, polyline, text,
};

/// A step of a range test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangePoint {
    /// Learning rate.
    pub lr: f64,
    /// The batch's loss.
    pub loss: f64,
    /// The losses so far, the latest weighing most.
    pub smoothed: f64,
}

/// Batches' losses as dots, and the smoothed loss as a curve, over learning rates on a logarithmic
/// axis; and learning rates that are `marked`, each with a word. `of` names net and data.
pub fn range_test(points: &[RangePoint], of: &str, loss: &str, marked: &[(f64, &str)]) -> Figure {
    const TITLE: &str = "Learning-rate range test";
    let title = Title::new(TITLE, of);
    let (head, top) = heading(&title, &[]);
    let losses = points.iter().flat_map(|it| [it.loss, it.smoothed]);
    let y = Axis::for_measures(losses);
    let left = Plot::left_of(&y);
    let plot = Plot {
        left,
        top: top + 6.0 + LINE * marked.len() as f64,
        width: WIDTH - left - 18.0,
        height: 270.0,
        x: Axis::for_measures(points.iter().map(|it| it.lr)),
        y,
    };
    let scale = if plot.y.is_log() { ", log scale" } else { "" };
    let (keys, height) = legend(&keys(), plot.left, plot.bottom() + 54.0);
    let parts = html! {
        (head)
        (plot.frame("learning rate (log scale)", &format!("loss of the batch ({loss}{scale})")))
        (curves(points, &plot))
        @for (line, (lr, word)) in marked.iter().rev().enumerate() { (mark(*lr, word, line, &plot)) }
        (keys)
    };
    figure(WIDTH, plot.bottom() + 54.0 + height + 8.0, &title, &parts)
}

fn curves(points: &[RangePoint], plot: &Plot) -> Markup {
    let place = |lr: f64, loss: f64| (plot.x(lr), plot.y(loss));
    let dot = |(x, y): (f64, f64)| format!("M{} {}h0", at(x), at(y));
    let dots: String = points.iter().map(|it| dot(place(it.lr, it.loss))).collect();
    let smoothed = polyline(points.iter().map(|it| place(it.lr, it.smoothed)));
    let (dot_class, dot_colour) = colour(DOTS);
    let (class, colour) = colour(CURVE);
    html! {
        path class=(dot_class) d=(dots) fill="none" stroke=(dot_colour) stroke-width="4"
            stroke-linecap="round" {}
        path class=(class) d=(smoothed) fill="none" stroke=(colour) stroke-width="2.2"
            stroke-linejoin="round" {}
    }
}

/// Series of the colours.
const CURVE: usize = 0;
const DOTS: usize = 5;

/// Height of a word above the plot.
const LINE: f64 = 17.0;

/// A line at learning rate `lr`, and a `word` for it, so many `lines` above the plot's first.
fn mark(lr: f64, word: &str, line: usize, plot: &Plot) -> Markup {
    let x = plot.x(lr);
    let label = format!("{word} {lr:.1e}");
    let anchor = if plot.x.place(lr) < 0.5 {
        Anchor::Start
    } else {
        Anchor::End
    };
    html! {
        path.axis d=(format!("M{} {}V{}", at(x), at(plot.top), at(plot.bottom()))) fill="none"
            stroke=(INK) stroke-width="1.5" stroke-dasharray="4 4" {}
        (text(x, plot.top - 6.0 - LINE * line as f64, anchor, TEXT, &label))
    }
}

fn keys() -> [Key; 2] {
    let ((class, line), (dot_class, dot)) = (colour(CURVE), colour(DOTS));
    [
        Key {
            sign: html! { path class=(class) d="M0 0H24" stroke=(line) stroke-width="2.2" {} },
            label: "smoothed".to_owned(),
        },
        Key {
            sign: html! {
                path class=(dot_class) d="M12 0h0" stroke=(dot) stroke-width="6"
                    stroke-linecap="round" {}
            },
            label: "each batch, before its update".to_owned(),
        },
    ]
}
