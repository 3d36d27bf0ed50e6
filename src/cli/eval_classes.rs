//! What `gpu-train eval` prints of a classification.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::model_args::Format;
use super::style::{self, say};
use crate::data::Classes;
use crate::error::Result;
use crate::train::{ClassCounts, ClassScore, Guess, Metrics, Predictions};

/// Classes of which the table of counts is shown whole; of more, the most frequent mistakes.
const MOST_COLUMNS: usize = 12;
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
    say(format_args!("cross-entropy   {:>10.4}", found.loss));
    say(format_args!(
        "accuracy        {:>9.2}%",
        found.accuracy * 100.0
    ));
    if let Some(top5) = found.top5 {
        say(format_args!("top-5 accuracy  {:>9.2}%", top5 * 100.0));
    }
    let shown: Vec<String> = names.iter().map(|it| style::clean_field(it)).collect();
    let widths = shown.iter().map(|it| console::measure_text_width(it));
    let width = widths.max().unwrap_or(0).max("class".len());
    let whole = names.len() <= MOST_COLUMNS;
    let head = if whole { "  taken for" } else { "" };
    say(format_args!(
        "\n{:width$}  images  precision  recall      F1{head}",
        "class"
    ));
    if whole {
        let columns = shown.iter().map(|name| column(name));
        let columns: String = columns.collect();
        say(format_args!("{:1$}{columns}", "", width + 33));
    }
    for (class, (name, of)) in shown.iter().zip(&found.classes).enumerate() {
        let taken = (0..names.len()).filter(|_| whole);
        let taken = taken.map(|taken| format!(" {:>7}", counts.count(class, taken)));
        say(format_args!(
            "{}  {:>6}  {:>8.1}%  {:>5.1}%  {:>6.4}{}",
            padded(name, width),
            of.images,
            of.precision * 100.0,
            of.recall * 100.0,
            of.f1,
            taken.collect::<String>(),
        ));
    }
    if !whole {
        mistakes(counts, &shown);
    }
}

/// A name before a line, as wide as the others.
fn padded(name: &str, width: usize) -> Cow<'_, str> {
    console::pad_str(name, width, console::Alignment::Left, None)
}

/// A name above a column of counts, cut to its width.
fn column(name: &str) -> String {
    let cut = console::truncate_str(name, 7, "…");
    let cut = console::pad_str(&cut, 7, console::Alignment::Right, None);
    format!(" {cut}")
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
