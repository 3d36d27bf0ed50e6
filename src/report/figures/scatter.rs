//! Predicted against true targets.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::Figure;
use super::axis::Axis;
use super::draw::{
    Anchor, INK, Key, Plot, TEXT, Title, WIDTH, at, colour, figure, heading, legend, text,
};

/// More points than this are thinned out evenly: they would hide each other, and make a large file.
const MOST: usize = 4000;
/// How far points of one whole target are spread to both sides of it.
const SPREAD: f64 = 0.36;
/// Targets with more different values than this have no mean of each drawn.
const MOST_MEANS: usize = 40;

/// Dashes of the diagonal, in the plot and in the legend.
const DASHES: &str = "6 4";

/// Draws pairs of target and prediction, with the diagonal on which both are equal. Whole targets
/// are spread out evenly around their value, and the mean prediction of each is marked.
pub fn scatter(title: &Title, pairs: &[(f32, f32)]) -> Figure {
    let finite = pairs
        .iter()
        .filter(|it| it.0.is_finite() && it.1.is_finite());
    let pairs: Vec<(f64, f64)> = finite
        .map(|it| (f64::from(it.0), f64::from(it.1)))
        .collect();
    let whole = pairs.iter().all(|it| it.0.fract() == 0.0);
    let means = if whole { means(&pairs) } else { Vec::new() };
    let (head, top) = heading(title, &[]);
    let plot = plot(&pairs, whole, top + 6.0);
    let every = pairs.len().div_ceil(MOST).max(1);
    let thinned = (every > 1).then(|| format!("every {every}th sample is shown"));
    let keys_top = plot.bottom() + 54.0;
    let (keys, height) = legend(&keys(!means.is_empty()), plot.left, keys_top);
    let parts = html! {
        (head)
        (plot.frame("target", "prediction"))
        @if let Some(thinned) = thinned {
            (text(WIDTH - 18.0, top - 10.0, Anchor::End, TEXT - 1.0, &thinned))
        }
        (dots(&plot, &pairs, whole, every))
        (diagonal(&plot))
        (marks(&plot, &means))
        (keys)
    };
    figure(WIDTH, keys_top + height + 8.0, title, &parts)
}

/// The axes of `pairs` from `top` on; those of no pairs are around 0.
fn plot(pairs: &[(f64, f64)], whole: bool, top: f64) -> Plot {
    let zero = pairs.is_empty().then_some(0.0);
    let (low, high) = ends(pairs.iter().map(|it| it.0).chain(zero));
    let x = if whole && high - low <= 20.0 {
        Axis::whole_with_margin(low, high, 0.5)
    } else {
        Axis::linear(low, high)
    };
    let (low, high) = ends(pairs.iter().flat_map(|it| [it.0, it.1]).chain(zero));
    let y = Axis::linear(low, high);
    let left = Plot::left_of(&y);
    Plot {
        left,
        top,
        width: Plot::width_from(left, &x),
        height: 330.0,
        x,
        y,
    }
}

/// The lowest and the highest of `values`.
fn ends(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    (
        values.clone().fold(f64::INFINITY, f64::min),
        values.fold(f64::NEG_INFINITY, f64::max),
    )
}

/// A dot for one of `every` pairs.
fn dots(plot: &Plot, pairs: &[(f64, f64)], whole: bool, every: usize) -> Markup {
    let mut points = String::new();
    for (index, &(target, prediction)) in pairs.iter().enumerate().step_by(every) {
        // Multiples of the golden ratio fill the width evenly, whichever samples share a target.
        let shift = if whole {
            (index as f64 * 0.618_034).fract() - 0.5
        } else {
            0.0
        };
        let x = plot.x(target + shift * 2.0 * SPREAD);
        let _ = write!(points, "M{} {}h0", at(x), at(plot.y(prediction)));
    }
    let (class, colour) = colour(0);
    html! {
        path class=(class) d=(points) fill="none" stroke=(colour) stroke-width="4"
            stroke-opacity="0.35" stroke-linecap="round" {}
    }
}

/// The line of equal values, within the plot.
fn diagonal(plot: &Plot) -> Markup {
    let low = plot.x.low().max(plot.y.low());
    let high = plot.x.high().min(plot.y.high());
    let end = |value: f64| format!("{} {}", at(plot.x(value)), at(plot.y(value)));
    html! {
        path.axis d=(format!("M{}L{}", end(low), end(high)))
            stroke=(INK) stroke-width="1.5" stroke-dasharray=(DASHES) {}
    }
}

/// A bar at the mean prediction of every target.
fn marks(plot: &Plot, means: &[(f64, f64)]) -> Markup {
    let (class, colour) = colour(1);
    html! {
        @for (target, mean) in means {
            path class=(class) d=(format!(
                "M{} {}H{}", at(plot.x(target - SPREAD)), at(plot.y(*mean)), at(plot.x(target + SPREAD))
            )) stroke=(colour) stroke-width="4" {}
        }
    }
}

/// The entries of the legend.
fn keys(with_means: bool) -> Vec<Key> {
    let (point_class, point_colour) = colour(0);
    let (mean_class, mean_colour) = colour(1);
    let mut keys = vec![Key {
        sign: html! {
            path class=(point_class) d="M12 0h0" stroke=(point_colour) stroke-width="7" stroke-linecap="round" {}
        },
        label: "test sample".to_owned(),
    }];
    if with_means {
        keys.push(Key {
            sign: html! { path class=(mean_class) d="M0 0H24" stroke=(mean_colour) stroke-width="4" {} },
            label: "mean of each".to_owned(),
        });
    }
    keys.push(Key {
        sign: html! { path.axis d="M0 0H24" stroke=(INK) stroke-width="1.5" stroke-dasharray=(DASHES) {} },
        label: "exact".to_owned(),
    });
    keys
}

/// The mean prediction of every target; nothing where there are too many targets.
fn means(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let groups = sorted.chunk_by(|one, other| one.0 == other.0);
    let mean = |group: &[(f64, f64)]| {
        let sum: f64 = group.iter().map(|it| it.1).sum();
        (group[0].0, sum / group.len() as f64)
    };
    let means: Vec<_> = groups.map(mean).collect();
    if means.len() > MOST_MEANS {
        Vec::new()
    } else {
        means
    }
}
