//! The lines of `predictions.csv`.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::run_config::RunConfig;
use super::task::Task;
use crate::train::Guess;

/// The text of `predictions.csv`: a header and a line per sample of the test set in file order, numbers in
/// full. `values` are what the net of `config` gave for each of `targets`. Of classes there are the names,
/// too.
pub(super) fn predictions_csv(config: &RunConfig, targets: &[f32], values: &[f32]) -> String {
    let name = |class: f32| {
        let name = config.classes.as_ref().and_then(|it| it.name(class));
        quoted(name.unwrap_or_default()).into_owned()
    };
    // A `String` takes all that is written.
    let mut text = String::new();
    if config.task == Some(Task::Classify) {
        text.push_str("index,target,prediction,probability,class,predicted_class\n");
        let outputs = values.len() / targets.len().max(1);
        let samples = targets.iter().zip(values.chunks(outputs.max(1)));
        for (index, (target, logits)) in samples.enumerate() {
            let Guess { class, probability } = Guess::of(logits);
            let (wanted, guessed) = (name(*target), name(class as f32));
            let _ = writeln!(
                text,
                "{index},{target},{class},{probability},{wanted},{guessed}"
            );
        }
        return text;
    }
    let named = config.classes.is_some();
    text.push_str(if named {
        "index,target,prediction,class\n"
    } else {
        "index,target,prediction\n"
    });
    for (index, (target, prediction)) in targets.iter().zip(values).enumerate() {
        let _ = write!(text, "{index},{target},{prediction}");
        if named {
            let _ = write!(text, ",{}", name(*target));
        }
        text.push('\n');
    }
    text
}

/// `text` as a cell of a CSV file, in quotation marks where it needs them.
fn quoted(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Classes;

    #[test]
    fn classes_have_names_and_probabilities() {
        let names = ["cat", "big, \"old\" dog"].map(str::to_owned);
        let config = RunConfig {
            task: Some(Task::Classify),
            classes: Some(Classes::new(names.to_vec())),
            ..RunConfig::default()
        };
        let text = predictions_csv(&config, &[1.0, 0.0], &[0.0, 0.0, 1e3, 0.0]);
        assert_eq!(
            text,
            "index,target,prediction,probability,class,predicted_class\n\
             0,1,0,0.5,\"big, \"\"old\"\" dog\",cat\n\
             1,0,0,1,cat,cat\n"
        );
        let numbers = RunConfig {
            task: Some(Task::Regress),
            ..config
        };
        let text = predictions_csv(&numbers, &[0.0], &[0.25]);
        assert_eq!(text, "index,target,prediction,class\n0,0,0.25,cat\n");
    }
}
