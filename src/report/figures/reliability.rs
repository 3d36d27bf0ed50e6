//! A reliability diagram: how often a net is right, by how sure it says it is.

use maud::html;

use super::Figure;
use super::axis::Axis;
use super::draw::{
    Anchor, INK, Key, Plot, TEXT, Title, WIDTH, at, colour, figure, heading, legend, text,
};

/// Ranges of probability.
const BINS: usize = 10;
/// Dashes of the diagonal.
const DASHES: &str = "6 4";

/// Guesses whose probabilities lie in one range.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bin {
    count: usize,
    right: usize,
    /// Sum of the probabilities.
    probability: f64,
}

impl Bin {
    fn mean(self, sum: f64) -> f64 {
        sum / self.count as f64
    }
}

/// Guesses by ten ranges of probability, of pairs of a probability and whether the guess was right.
fn bins(guesses: &[(f64, bool)]) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for &(probability, right) in guesses.iter().filter(|it| it.0.is_finite()) {
        let bin = &mut bins[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.right += usize::from(right);
        bin.probability += probability;
    }
    bins
}

/// By how much accuracy and mean probability differ in a range, weighted by its guesses: the expected
/// calibration error (Guo et al., <https://arxiv.org/abs/1706.04599>).
pub fn calibration_error(guesses: &[(f64, bool)]) -> f64 {
    let apart = |bin: Bin| (bin.right as f64 - bin.probability).abs();
    let all = bins(guesses).into_iter();
    all.map(apart).sum::<f64>() / guesses.len().max(1) as f64
}

/// Draws the accuracy of `guesses` (their probability, and whether they were right) by ranges of probability.
pub fn reliability(title: &Title, guesses: &[(f64, bool)]) -> Figure {
    let (head, top) = heading(title, &[]);
    let plot = Plot {
        left: 64.0,
        top: top + 6.0,
        width: WIDTH - 64.0 - 18.0,
        height: 300.0,
        x: Axis::linear(0.0, 1.0),
        y: Axis::linear(0.0, 1.0),
    };
    let (class, fill) = colour(0);
    let filled = format!("{class} filled");
    let bins = bins(guesses);
    let most = bins.iter().map(|it| it.count).max().unwrap_or(0).max(1);
    let side = |value: f64| at(plot.x(value));
    let bar = html! { path class=(filled) d="M0 -6H24V6H0z" fill=(fill) fill-opacity="0.5" {} };
    let diagonal = html! {
        path.axis d="M0 0H24" stroke=(INK) stroke-width="1.5" stroke-dasharray=(DASHES) {}
    };
    let keys_top = plot.bottom() + 54.0;
    let (keys, height) = legend(
        &[
            Key {
                sign: bar,
                label: "accuracy (the paler the fewer samples)".to_owned(),
            },
            Key {
                sign: diagonal,
                label: "as often right as it says".to_owned(),
            },
        ],
        plot.left,
        keys_top,
    );
    let parts = html! {
        (head)
        (text(WIDTH - 18.0, 24.0, Anchor::End, TEXT, &format!(
            "expected calibration error {:.1}%", 100.0 * calibration_error(guesses)
        )))
        (plot.frame("probability of the predicted class", "accuracy"))
        @for (place, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
            @let (from, to) = (place as f64 / BINS as f64, (place + 1) as f64 / BINS as f64);
            @let accuracy = bin.mean(bin.right as f64);
            @let strength = 0.25 + 0.6 * bin.count as f64 / most as f64;
            path class=(filled) d=(format!(
                "M{} {}V{}H{}V{}z", side(from + 0.004), at(plot.y(0.0)), at(plot.y(accuracy)),
                side(to - 0.004), at(plot.y(0.0))
            )) fill=(fill) fill-opacity=(format!("{strength:.2}")) {
                title { (format!("{} samples, {:.1}% right", bin.count, accuracy * 100.0)) }
            }
        }
        path.axis d=(format!(
            "M{} {}L{} {}", side(0.0), at(plot.y(0.0)), side(1.0), at(plot.y(1.0))
        )) stroke=(INK) stroke-width="1.5" stroke-dasharray=(DASHES) {}
        (keys)
    };
    figure(WIDTH, keys_top + height + 8.0, title, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_parted_by_their_probability() {
        let guesses = [
            (0.05, false),
            (0.55, true),
            (0.59, false),
            (1.0, true),
            (0.95, true),
        ];
        let bins = bins(&guesses);
        let counts: Vec<usize> = bins.iter().map(|it| it.count).collect();
        assert_eq!(counts, [1, 0, 0, 0, 0, 2, 0, 0, 0, 2]);
        // |0 - 0.05| + |1 - 1.14| + |2 - 1.95|, of five.
        assert!((calibration_error(&guesses) - 0.24 / 5.0).abs() < 1e-12);
        assert_eq!(calibration_error(&[]), 0.0);
    }
}
