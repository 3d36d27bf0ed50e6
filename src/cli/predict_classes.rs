//! What `gpu-train predict` prints of a classification.

use serde::Serialize;

use super::model_args::Format;
use super::style::{self, say};
use crate::data::Classes;
use crate::error::Result;
use crate::train::Guess;

/// What is said of a picture.
#[derive(Debug, Serialize)]
struct Prediction<'p> {
    file: &'p str,
    /// The most probable class, and how probable it is.
    #[serde(flatten)]
    first: Named,
    /// That one and the next, where more than one was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top: Vec<Named>,
}

/// A class by its name.
#[derive(Debug, Clone, Serialize)]
struct Named {
    class: String,
    probability: f64,
}

/// Prints the `top` most probable classes of every picture of `files`, of which the net gave `logits`.
pub(super) fn print(
    files: &[String],
    logits: &[f32],
    classes: &Classes,
    top: usize,
    format: Format,
) -> Result<()> {
    let names = classes.names();
    let top = top.min(names.len());
    let named = |guess: Guess| Named {
        class: names[guess.class].clone(),
        probability: guess.probability,
    };
    let predictions = files.iter().zip(logits.chunks_exact(names.len()));
    let predictions = predictions.map(|(file, logits)| {
        let best: Vec<Named> = Guess::all(logits)
            .into_iter()
            .take(top)
            .map(named)
            .collect();
        Prediction {
            file,
            first: best[0].clone(),
            top: if top > 1 { best } else { Vec::new() },
        }
    });
    let predictions: Vec<Prediction<'_>> = predictions.collect();
    match format {
        Format::Table if predictions.is_empty() => {}
        Format::Table => table(&predictions),
        Format::Csv => style::say_bytes(&csv(&predictions, top)),
        Format::Json => style::say_json(&predictions)?,
    }
    Ok(())
}

impl Prediction<'_> {
    /// All classes that are said of it.
    fn said(&self) -> &[Named] {
        if self.top.is_empty() {
            std::slice::from_ref(&self.first)
        } else {
            &self.top
        }
    }
}

/// A line per picture and class; the picture is named in its first.
fn table(predictions: &[Prediction<'_>]) {
    let said = predictions.iter().flat_map(Prediction::said);
    let widths = said.map(|it| console::measure_text_width(&style::clean_field(&it.class)));
    let width = widths.max().unwrap_or(0).max("class".len());
    say(format_args!("{:width$}  probability  file", "class"));
    for it in predictions {
        let mut file = style::clean_field(it.file);
        for named in it.said() {
            let (class, percent) = (style::clean_field(&named.class), named.probability * 100.0);
            let class = console::pad_str(&class, width, console::Alignment::Left, None);
            let line = format!("{class}  {percent:>10.2}%  {file}");
            say(format_args!("{}", line.trim_end()));
            file.clear();
        }
    }
}

fn csv(predictions: &[Prediction<'_>], top: usize) -> Vec<u8> {
    let mut lines = vec![vec![
        "file".to_owned(),
        "class".to_owned(),
        "probability".to_owned(),
    ]];
    for place in 2..=top {
        lines[0].extend([format!("class_{place}"), format!("probability_{place}")]);
    }
    lines.extend(predictions.iter().map(|it| {
        let said = it.said().iter();
        let said = said.flat_map(|it| [style::clean_field(&it.class), it.probability.to_string()]);
        std::iter::once(style::clean_field(it.file))
            .chain(said)
            .collect()
    }));
    style::csv(&lines)
}
