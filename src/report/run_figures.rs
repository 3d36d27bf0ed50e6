//! Which figures a run has, and a comparison.

use super::Named;
use super::figures::{
    Chart, Counts, Curve, Line, MOST_CLASSES, Title, chart, counts, matrix, reliability, scatter,
    sheet,
};
use super::labels::net_and_data;
use super::page::{capitalised, in_order};
use super::pictures::Pictures;
use super::run_record::{Predicted, RunRecord};
use super::series::{Series, Spread};
use super::summary::Summary;
use crate::nn::Metric;

/// The sets that are measured: the start of their columns' names, and how their curves look.
const SETS: [(&str, Line); 3] = [
    ("test", Line::Solid),
    ("valid", Line::Dotted),
    ("train", Line::Dashed),
];

/// The figures of one run.
pub(super) fn all(run: &RunRecord, pictures: &Pictures) -> Vec<Named> {
    let runs = std::slice::from_ref(run);
    let mut figures = curves(runs, &Summary::of(runs));
    figures.extend(of_predictions(run));
    figures.extend(sheets(run, pictures));
    figures
}

/// The samples that were predicted worst and best, as pictures; nothing where there are none.
pub(super) fn sheets(run: &RunRecord, pictures: &Pictures) -> Vec<Named> {
    let of = net_and_data(std::slice::from_ref(run));
    let both = [("worst", &pictures.worst), ("best", &pictures.best)].into_iter();
    let both = both.filter(|(_, list)| !list.is_empty());
    let drawn = both.map(|(name, list)| {
        let title = Title::new(
            format!("{} predictions of the test set", capitalised(name)),
            &of,
        );
        let figure = sheet(&title, list, name == "worst");
        Named { name, figure }
    });
    drawn.collect()
}

/// What was predicted against what is there; nothing of a run that has not ended.
pub(super) fn of_predictions(run: &RunRecord) -> Vec<Named> {
    let Some(predictions) = &run.predictions else {
        return Vec::new();
    };
    if let Some(labels) = run.labels() {
        return of_classes(run, predictions, labels.names());
    }
    let pairs: Vec<(f32, f32)> = predictions
        .iter()
        .map(|it| (it.target, it.prediction))
        .collect();
    let title = |shows: &str| Title::new(shows, net_and_data(std::slice::from_ref(run)));
    let mut figures = vec![Named {
        name: "scatter",
        figure: scatter(
            &title("Predicted against true targets of the test set"),
            &pairs,
        ),
    }];
    if let Some(found) = Counts::of(&pairs) {
        figures.push(Named {
            name: "confusion",
            figure: counts(
                &title("Test samples by target and rounded prediction"),
                &found,
            ),
        });
    }
    figures
}

/// Which class was taken for which, where they are not too many, and how far probabilities are to be
/// believed.
fn of_classes(run: &RunRecord, predictions: &[Predicted], names: &[String]) -> Vec<Named> {
    let title = |shows: &str| Title::new(shows, net_and_data(std::slice::from_ref(run)));
    let mut figures = Vec::new();
    let found = run.class_counts(names.len());
    if let Some(found) = found.filter(|it| it.classes() <= MOST_CLASSES) {
        figures.push(Named {
            name: "confusion",
            figure: matrix(
                &title("Test samples by class and prediction"),
                &found,
                names,
            ),
        });
    }
    let guesses = predictions
        .iter()
        .filter_map(|it| Some((it.probability?, it.is_right())));
    let guesses: Vec<(f64, bool)> = guesses.collect();
    if !guesses.is_empty() {
        figures.push(Named {
            name: "reliability",
            figure: reliability(&title("Accuracy by probability"), &guesses),
        });
    }
    figures
}

/// The figures of several runs together.
pub(super) fn compared(runs: &[RunRecord], summary: &Summary) -> Vec<Named> {
    curves(runs, summary)
}

/// A chart per metric that any of the runs has.
fn curves(runs: &[RunRecord], summary: &Summary) -> Vec<Named> {
    let several = summary.series.len() > 1;
    let labels = summary.series.iter().map(|it| it.label.clone());
    let labels: Vec<String> = labels.collect();
    let baseline = summary.baseline();
    let of = net_and_data(runs);
    // Losses of different kinds are not to be compared.
    let is_common = |at: usize| {
        runs.iter()
            .all(|run| run.measured[at] == runs[0].measured[at])
    };
    let drawn = in_order(runs[0].measured).filter(|(at, _)| runs[0].measured.len() > *at);
    let drawn = drawn.filter(|(at, metric)| !metric.is_derived && is_common(*at));
    let charts = drawn.filter_map(|(_, metric)| {
        let (curves, lines) = curves_of(metric, runs, &summary.series);
        (!curves.is_empty()).then(|| Named {
            name: metric.file,
            figure: chart(&Chart {
                title: Title::new(capitalised(&format!("{} by epoch", metric.title)), &of),
                warnings: summary.warnings.clone(),
                y_name: format!("{} ({})", metric.short, metric.unit),
                is_share: metric.is_share,
                series: if several { labels.clone() } else { Vec::new() },
                lines,
                curves,
                rule: metric
                    .baseline
                    .zip(baseline)
                    .map(|(constant, it)| (it.of(constant), constant.words())),
            }),
        })
    });
    charts.collect()
}

/// A curve per set and series, and what each kind of line is.
fn curves_of(
    metric: &Metric,
    runs: &[RunRecord],
    series: &[Series],
) -> (Vec<Curve>, Vec<(Line, String)>) {
    let mut curves = Vec::new();
    let mut lines = Vec::new();
    for (set, line) in SETS {
        let (column, words) = column(set, metric, runs);
        let before = curves.len();
        for (number, one) in series.iter().enumerate() {
            let runs: Vec<&RunRecord> = one.runs.iter().map(|&run| &runs[run]).collect();
            let (points, band) = points(&runs, &column);
            if !points.is_empty() {
                curves.push(Curve {
                    // The sets of a single series are told apart by colour as well.
                    series: if series.len() == 1 {
                        lines.len()
                    } else {
                        number
                    },
                    name: format!("{}: {words}", one.label),
                    line,
                    points,
                    band,
                });
            }
        }
        if curves.len() > before {
            lines.push((line, words));
        }
    }
    (curves, lines)
}

/// The column of `metric` on `set`, and what it is. The training set's is that of its evaluation
/// after the epoch where all runs have it, which is what test figures compare with.
fn column(set: &str, metric: &Metric, runs: &[RunRecord]) -> (String, String) {
    let evaluated = format!("train_eval_{}", metric.name);
    let has = |run: &RunRecord| run.metrics.last(&evaluated).is_some();
    if set == "train" && runs.iter().all(has) {
        return (evaluated, "train, after the epoch".to_owned());
    }
    (format!("{set}_{}", metric.name), set.to_owned())
}

/// Epochs, counted from 1, and the mean over `runs` of a column where all have it; and, of several
/// runs, the least and the greatest.
#[expect(
    clippy::type_complexity,
    reason = "two kinds of points, for a curve's two fields"
)]
fn points(runs: &[&RunRecord], column: &str) -> (Vec<(f64, f64)>, Vec<(f64, f64, f64)>) {
    let columns = runs.iter().map(|run| run.metrics.column(column));
    let columns: Vec<&[Option<f64>]> = columns.map(Option::unwrap_or_default).collect();
    let epochs = columns.iter().map(|it| it.len()).min().unwrap_or(0);
    let mut points = Vec::new();
    let mut band = Vec::new();
    for line in 0..epochs {
        let values: Option<Vec<f64>> = columns.iter().map(|column| column[line]).collect();
        let Some(values) = values else {
            continue;
        };
        let epoch = (line + 1) as f64;
        let spread = Spread::of(&values);
        points.push((epoch, spread.mean));
        if values.len() > 1 {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            band.push((epoch, least, greatest));
        }
    }
    (points, band)
}
