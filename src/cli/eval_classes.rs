//! What `gpu-train eval` prints of a classification.

use std::collections::BTreeMap;

use serde::Serialize;

use super::model_args::Format;
use super::style::{self, say};
use super::table::{self, Column};
use crate::data::Classes;
use crate::error::Result;
use crate::train::{ClassCounts, ClassScore, Guess, Metrics, Predictions};

/// Classes of which the table of counts is shown whole; of more, the most frequent mistakes.
const MOST_COLUMNS: usize = 12;
/// Letters of a name above a column of counts.
const WIDEST_NAME: usize = 7;
const MOST_MISTAKES: usize = 20;

/// How good the predictions are.
#[derive(Debug, Serialize)]
struct Found {
    images: usize,
    /// The cross-entropy.
    loss: f64,
    accuracy: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    top5: Option<f64>,
    classes: Vec<OfClass>,
}

/// How good they are for one class.
#[derive(Debug, Serialize)]
struct OfClass {
    class: String,
    images: usize,
    precision: f64,
    recall: f64,
    f1: f64,
    /// What its images were taken for, and how often.
    taken_for: BTreeMap<String, usize>,
}

/// Prints how far `predictions` are from `targets`, places in `classes`.
pub(super) fn show(
    targets: &[f32],
    predictions: &Predictions,
    classes: &Classes,
    format: Format,
) -> Result<()> {
    let names = classes.names();
    let guesses = predictions.values.chunks_exact(names.len()).map(Guess::of);
    let pairs = targets.iter().zip(guesses);
    let pairs = pairs.map(|(target, guess)| (*target as usize, guess.class));
    let counts = ClassCounts::new(names.len(), pairs);
    let found = Found::of(targets.len(), &predictions.metrics, &counts, names);
    match format {
        Format::Table => table(&found, &counts, names),
        Format::Csv => style::say_bytes(&csv(&found)),
        Format::Json => style::say_json(&found)?,
    }
    Ok(())
}

impl Found {
    fn of(images: usize, metrics: &Metrics, counts: &ClassCounts, names: &[String]) -> Self {
        let scores = counts.scores().into_iter().zip(names).enumerate();
        let of_class = |(class, (score, name)): (usize, (ClassScore, &String))| {
            let taken = names.iter().enumerate();
            let taken = taken.map(|(taken, name)| (name.clone(), counts.count(class, taken)));
            OfClass {
                class: name.clone(),
                images: score.support,
                precision: score.precision,
                recall: score.recall,
                f1: score.f1,
                taken_for: taken.filter(|(_, count)| *count > 0).collect(),
            }
        };
        Self {
            images,
            loss: metrics.loss(),
            accuracy: metrics["accuracy"],
            top5: metrics.get("top5"),
            classes: scores.map(of_class).collect(),
        }
    }
}

fn table(found: &Found, counts: &ClassCounts, names: &[String]) {
    say(format_args!("images          {:>10}", found.images));
    say(format_args!(
        "cross-entropy   {:>10}",
        style::measured(found.loss)
    ));
    say(format_args!(
        "accuracy        {:>9.2}%",
        found.accuracy * 100.0
    ));
    if let Some(top5) = found.top5 {
        say(format_args!("top-5 accuracy  {:>9.2}%", top5 * 100.0));
    }
    let shown: Vec<String> = names.iter().map(|it| style::clean_field(it)).collect();
    let column = |head: &str, rank, text: &dyn Fn(&OfClass) -> String| {
        Column::new(head, rank, found.classes.iter().map(text).collect())
    };
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    let mut columns = vec![
        Column::words("class", 0, shown.clone()),
        column("images", 3, &|it| it.images.to_string()),
        column("precision", 1, &|it| percent(it.precision)),
        column("recall", 1, &|it| percent(it.recall)),
        column("F1", 2, &|it| format!("{:.4}", it.f1)),
    ];
    let mut whole = columns.clone();
    whole.extend(shown.iter().enumerate().map(|(taken, name)| {
        let cells = (0..names.len()).map(|class| counts.count(class, taken).to_string());
        let head = console::truncate_str(name, WIDEST_NAME, "…");
        Column::new(format!("as {head}"), 4, cells.collect()).tight()
    }));
    say(format_args!(""));
    let is_whole = names.len() <= MOST_COLUMNS && table::fits(&whole);
    if is_whole {
        columns = whole;
    }
    table::print(columns);
    if !is_whole {
        mistakes(counts, &shown);
    }
}

/// The most frequent mistakes.
fn mistakes(counts: &ClassCounts, names: &[String]) {
    let all = counts.mistakes();
    if all.is_empty() {
        return;
    }
    say(format_args!("\nimages  class taken for another"));
    for &(class, taken, count) in all.iter().take(MOST_MISTAKES) {
        say(format_args!(
            "{count:>6}  {} taken for {}",
            names[class], names[taken]
        ));
    }
    if all.len() > MOST_MISTAKES {
        let more = all.len() - MOST_MISTAKES;
        say(format_args!(
            "and {more} more pairs: --format csv lists them all"
        ));
    }
}

/// A line per number: what it is, of which class, taken for which.
fn csv(found: &Found) -> Vec<u8> {
    let mut lines: Vec<[String; 4]> = Vec::new();
    let mut line = |measure: &str, class: &str, taken: &str, value: String| {
        let [class, taken] = [class, taken].map(style::clean_field);
        lines.push([measure.to_owned(), class, taken, value]);
    };
    line("measure", "class", "taken_for", "value".to_owned());
    line("images", "", "", found.images.to_string());
    line("loss", "", "", found.loss.to_string());
    line("accuracy", "", "", found.accuracy.to_string());
    if let Some(top5) = found.top5 {
        line("top5", "", "", top5.to_string());
    }
    for of in &found.classes {
        line("images", &of.class, "", of.images.to_string());
        line("precision", &of.class, "", of.precision.to_string());
        line("recall", &of.class, "", of.recall.to_string());
        line("f1", &of.class, "", of.f1.to_string());
        for (taken, count) in &of.taken_for {
            line("count", &of.class, taken, count.to_string());
        }
    }
    style::csv(&lines)
}
