//! From options with several values to the runs that they mean.

use crate::error::{Error, Result};

/// The most runs of one sweep: beyond, a list was a slip of the hand.
pub const MOST_RUNS: usize = 1000;

/// An option, or the choice of a net, and the values that it takes in turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Its name without dashes: `lr`, `batch-size`, `net`.
    pub key: String,
    /// Its values.
    pub choices: Vec<Choice>,
}

/// One value of an [`Axis`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What it is called in names and tables.
    pub label: String,
    /// What it means, as arguments of `gpu-train`.
    pub arguments: Vec<String>,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// By what varies: `lr-0.01-seed-0`. Empty where nothing does.
    pub name: String,
    /// The options that vary, with this run's values.
    pub varies: Vec<(String, String)>,
    /// The arguments of all axes.
    pub arguments: Vec<String>,
}

impl Axis {
    /// An option by the values that were written after it. Numbers are labelled by their shortest
    /// form, so that 1e-2 and 0.01 are one value.
    pub fn option(key: &str, values: impl IntoIterator<Item = String>) -> Self {
        let choice = |value: String| Choice {
            label: label(&value),
            arguments: vec![format!("--{key}={value}")],
        };
        Self {
            key: key.to_owned(),
            choices: values.into_iter().map(choice).collect(),
        }
    }

    fn check(&self) -> Result<()> {
        let Self { key, choices } = self;
        for (index, choice) in choices.iter().enumerate() {
            let same = |other: &Choice| other.label.eq_ignore_ascii_case(&choice.label);
            if choices[..index].iter().any(same) {
                return Err(Error::usage(
                    format!("--{key} has the value {} twice", choice.label),
                    "give every value once: runs are named by their values",
                ));
            }
        }
        Ok(())
    }
}

/// The shortest form of a number; other words as they are.
fn label(value: &str) -> String {
    match (value.parse::<u64>(), value.parse::<f64>()) {
        (Ok(whole), _) => whole.to_string(),
        (_, Ok(number)) => {
            let shortest = format!("{number:?}");
            let whole = shortest.strip_suffix(".0").map(str::to_owned);
            whole.unwrap_or(shortest)
        }
        _ => value.to_owned(),
    }
}

/// Every combination of the values of `axes`; the last axis varies fastest, save that all runs of
/// one seed come before those of the next, so that the first seed's results are there early, and all on
/// the pictures of one `data_seed` before those of the next, so that these are uploaded once.
///
/// Errors where a value is there twice, an axis has none, or there would be more than
/// [`MOST_RUNS`] runs.
pub fn combinations(axes: &[Axis]) -> Result<Vec<Combination>> {
    let count = axes
        .iter()
        .try_fold(1_usize, |count, axis| count.checked_mul(axis.choices.len()));
    match count {
        Some(1..=MOST_RUNS) => {}
        Some(0) => {
            return Err(Error::usage(
                "an option without values makes no runs",
                "give every option at least one value, as in --lr 1e-2,1e-4",
            ));
        }
        _ => {
            let count = count.map_or("far more".to_owned(), |count| count.to_string());
            return Err(Error::usage(
                format!("these values make {count} runs; a sweep has at most {MOST_RUNS}"),
                "give fewer values, or sweep one option after the other",
            ));
        }
    }
    axes.iter().try_for_each(Axis::check)?;
    let mut all: Vec<Vec<usize>> = vec![vec![]];
    for axis in axes {
        let extend = |chosen: &Vec<usize>| {
            let chosen = chosen.clone();
            (0..axis.choices.len()).map(move |choice| [&chosen[..], &[choice]].concat())
        };
        all = all.iter().flat_map(extend).collect();
    }
    for slowest in ["seed", "data-seed"] {
        if let Some(place) = axes.iter().position(|axis| axis.key == slowest) {
            all.sort_by_key(|chosen| chosen[place]);
        }
    }
    Ok(all.iter().map(|chosen| combination(axes, chosen)).collect())
}

fn combination(axes: &[Axis], chosen: &[usize]) -> Combination {
    let mut name = Vec::new();
    let mut varies = Vec::new();
    let mut arguments = Vec::new();
    for (axis, &choice) in axes.iter().zip(chosen) {
        let choice = &axis.choices[choice];
        arguments.extend(choice.arguments.iter().cloned());
        if axis.choices.len() > 1 {
            // Nets have names of their own.
            if axis.key == "net" {
                name.push(choice.label.clone());
            } else {
                name.push(format!("{}-{}", axis.key, choice.label));
            }
            varies.push((axis.key.clone(), choice.label.clone()));
        }
    }
    Combination {
        name: name.join("-"),
        varies,
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(key: &str, values: &[&str]) -> Axis {
        Axis::option(key, values.iter().map(|&it| it.to_owned()))
    }

    #[test]
    fn runs_are_named_by_what_varies_and_come_seed_by_seed() {
        let axes = [
            option("net", &["mlp", "cnn"]),
            option("lr", &["1e-2", "1e-8"]),
            option("epochs", &["3"]),
            option("seed", &["0", "7"]),
        ];
        let runs = combinations(&axes).expect("eight runs");
        let names: Vec<&str> = runs.iter().map(|it| it.name.as_str()).collect();
        let expected = [
            "mlp-lr-0.01-seed-0",
            "mlp-lr-1e-8-seed-0",
            "cnn-lr-0.01-seed-0",
            "cnn-lr-1e-8-seed-0",
            "mlp-lr-0.01-seed-7",
            "mlp-lr-1e-8-seed-7",
            "cnn-lr-0.01-seed-7",
            "cnn-lr-1e-8-seed-7",
        ];
        assert_eq!(names, expected);
        let varies = [("net", "mlp"), ("lr", "1e-8"), ("seed", "7")];
        let varies = varies.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(runs[5].varies, varies);
        let arguments = ["--net=mlp", "--lr=1e-8", "--epochs=3", "--seed=7"];
        assert_eq!(runs[5].arguments, arguments);
    }

    #[test]
    fn runs_on_the_same_pictures_come_together() {
        let axes = [
            option("data-seed", &["0", "1"]),
            option("seed", &["0", "7"]),
            option("lr", &["1", "2"]),
        ];
        let runs = combinations(&axes).expect("eight runs");
        let names: Vec<&str> = runs.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names[1], "data-seed-0-seed-0-lr-2");
        assert_eq!(names[3], "data-seed-0-seed-7-lr-2");
        assert_eq!(names[4], "data-seed-1-seed-0-lr-1");
    }

    #[test]
    fn numbers_are_labelled_by_their_shortest_form() {
        let written = ["1e-2", "0.010", "1e-4", "1e-8", "16", "5.0", "relu", "1e30"];
        let labels = written.map(label);
        let expected = ["0.01", "0.01", "0.0001", "1e-8", "16", "5", "relu", "1e30"];
        assert_eq!(labels, expected);
    }

    #[test]
    fn what_makes_no_sweep_is_refused() {
        let said = |axes: &[Axis]| combinations(axes).expect_err("is wrong").to_string();
        let twice = said(&[option("lr", &["1e-2", "1e-3", "0.01"])]);
        assert!(twice.contains("--lr has the value 0.01 twice"), "{twice}");
        let none = said(&[option("lr", &[])]);
        assert!(none.contains("without values"), "{none}");
        let many: Vec<String> = (0..101).map(|it| it.to_string()).collect();
        let many = Axis::option("seed", many);
        let ten = option(
            "epochs",
            &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        );
        let most = said(&[ten, many]);
        assert!(most.contains("make 1010 runs"), "{most}");
        let huge = Axis::option("seed", (0..=u16::MAX).map(|it| it.to_string()));
        let huge = Axis {
            key: "lr".to_owned(),
            ..huge
        };
        let endless = said(&vec![huge; 5]);
        assert!(endless.contains("make far more runs"), "{endless}");
    }

    #[test]
    fn without_axes_there_is_one_run_without_a_name() {
        let runs = combinations(&[]).expect("one run");
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].name, "");
    }
}
