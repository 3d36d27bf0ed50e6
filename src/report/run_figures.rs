//! Which figures a run has, and a comparison.

use super::Named;
use super::figures::{Chart, Counts, Curve, Line, chart, counts, scatter, sheet};
use super::pictures::Pictures;
use super::run_record::RunRecord;
use super::summary::Summary;

/// A metric: the end of its columns' names, the name of its files, its title, and its axis.
struct Metric {
    column: &'static str,
    file: &'static str,
    title: &'static str,
    axis: &'static str,
}

/// Errors are in the unit of the targets.
const METRICS: [Metric; 3] = [
    Metric {
        column: "mae",
        file: "mae",
        title: "Mean absolute error by epoch",
        axis: "MAE (units of the target)",
    },
    Metric {
        column: "loss",
        file: "mse",
        title: "Loss (mean squared error) by epoch",
        axis: "MSE (units of the target, squared)",
    },
    Metric {
        column: "accuracy",
        file: "accuracy",
        title: "Rounded accuracy by epoch",
        axis: "rounded accuracy (share)",
    },
];

/// The sets that are measured: the start of their columns' names, and how their curves look.
const SETS: [(&str, Line); 3] = [
    ("test", Line::Solid),
    ("valid", Line::Dotted),
    ("train", Line::Dashed),
];

/// The figures of one run.
pub(super) fn all(run: &RunRecord, pictures: &Pictures) -> Vec<Named> {
    let mut figures = curves(
        std::slice::from_ref(run),
        std::slice::from_ref(&run.name),
        &[],
    );
    if let Some(pairs) = &run.predictions {
        figures.push(Named {
            name: "scatter",
            figure: scatter("Predicted against true targets of the test set", pairs),
        });
        if let Some(found) = Counts::of(pairs) {
            let title = "Test samples by target and rounded prediction";
            figures.push(Named {
                name: "confusion",
                figure: counts(title, &found),
            });
        }
    }
    for (name, title, list) in [
        (
            "worst",
            "Worst predictions of the test set",
            &pictures.worst,
        ),
        ("best", "Best predictions of the test set", &pictures.best),
    ] {
        if !list.is_empty() {
            let figure = sheet(title, list);
            figures.push(Named { name, figure });
        }
    }
    figures
}

/// The figures of several runs together.
pub(super) fn compared(runs: &[RunRecord], summary: &Summary) -> Vec<Named> {
    let labels: Vec<String> = summary.rows.iter().map(|row| row.label.clone()).collect();
    curves(runs, &labels, &summary.warnings)
}

/// A chart per metric that any of the runs has.
fn curves(runs: &[RunRecord], labels: &[String], warnings: &[String]) -> Vec<Named> {
    let charts = METRICS.iter().filter_map(|metric| {
        let mut curves = Vec::new();
        let mut lines = Vec::new();
        for (set, line) in SETS {
            let before = curves.len();
            let column = format!("{set}_{}", metric.column);
            for (series, (run, label)) in runs.iter().zip(labels).enumerate() {
                let points = points(run, &column);
                if !points.is_empty() {
                    // A run's own sets are told apart by colour as well.
                    let series = if runs.len() == 1 { lines.len() } else { series };
                    let name = format!("{label}: {set}");
                    curves.push(Curve {
                        series,
                        name,
                        line,
                        points,
                    });
                }
            }
            if curves.len() > before {
                lines.push((line, set.to_owned()));
            }
        }
        let several = runs.len() > 1;
        (!curves.is_empty()).then(|| Named {
            name: metric.file,
            figure: chart(&Chart {
                title: metric.title.to_owned(),
                warnings: warnings.to_vec(),
                y_name: metric.axis.to_owned(),
                series: if several { labels.to_vec() } else { Vec::new() },
                lines,
                curves,
            }),
        })
    });
    charts.collect()
}

/// Epochs, counted from 1, and the values of a column where it has any.
fn points(run: &RunRecord, column: &str) -> Vec<(f64, f64)> {
    let column = run.metrics.column(column).unwrap_or_default();
    let cells = column.iter().enumerate();
    cells
        .filter_map(|(line, cell)| Some(((line + 1) as f64, (*cell)?)))
        .collect()
}
