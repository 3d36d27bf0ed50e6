//! From settings with several values to the runs that they mean.

use toml::{Table, Value};

use super::description::PlannedRun;
use super::range::Range;
use crate::error::{Error, Result};
use crate::run::RunConfig;

/// The most runs of one sweep: beyond, a list was a slip of the hand.
pub const MOST_RUNS: usize = 1000;

/// A setting, or the choice of a net, and the values that it takes in turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its key in `config.toml`: `lr`, `batch-size`, `net`.
    pub key: String,
    /// Its values.
    pub choices: Vec<Choice>,
    /// What its values are drawn from, where there are none.
    pub range: Option<Drawn>,
}

/// A range that values of a setting are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// It.
    pub range: Range,
    /// Whether its values are whole numbers.
    pub is_whole: bool,
}

/// One value of an [`Axis`].
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What it is called in names and tables.
    pub label: String,
    /// What it asks for, as [`RunConfig::asked`] takes it.
    pub values: Table,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// By what varies: `lr-0.01-seed-0`. Empty where nothing does.
    pub name: String,
    /// The settings that vary, with this run's values.
    pub varies: Vec<(String, String)>,
    /// What all axes ask for.
    pub values: Table,
}

impl Axis {
    /// A setting by its key and values. Numbers are labelled by their shortest form, so that 1e-2 and
    /// 0.01 are one value.
    pub fn setting<V: Into<Value>>(key: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter();
        Self {
            key: key.to_owned(),
            choices: values.map(|value| Choice::new(key, value.into())).collect(),
            range: None,
        }
    }

    /// A setting by its key, whose values are drawn.
    pub fn drawn(key: &str, range: Drawn) -> Self {
        Self {
            key: key.to_owned(),
            choices: Vec::new(),
            range: Some(range),
        }
    }

    /// Whether runs differ by it.
    pub(super) fn varies(&self) -> bool {
        self.choices.len() > 1 || self.range.is_some()
    }

    pub(super) fn check(&self) -> Result<()> {
        let Self { key, choices, .. } = self;
        for (index, choice) in choices.iter().enumerate() {
            let same = |other: &Choice| other.label.eq_ignore_ascii_case(&choice.label);
            if choices[..index].iter().any(same) {
                return Err(Error::usage(
                    format!(
                        "`{}` has the value {} twice",
                        key.replace('-', "_"),
                        choice.label
                    ),
                    "give every value once: runs are named by their values",
                ));
            }
        }
        Ok(())
    }
}

impl Choice {
    /// `value` of the setting `key`.
    pub(super) fn new(key: &str, value: Value) -> Self {
        Self {
            label: label(&value),
            values: Table::from_iter([(key.to_owned(), value)]),
        }
    }
}

/// The shortest form of a number; words as they are, but for what parts their values, so that they name folders:
/// `flip,translate=4` is `flip-translate4`.
fn label(value: &Value) -> String {
    match value {
        Value::Float(number) => {
            let shortest = format!("{number:?}");
            let whole = shortest.strip_suffix(".0").map(str::to_owned);
            whole.unwrap_or(shortest)
        }
        Value::String(word) => word.replace([',', ':'], "-").replace('=', ""),
        other => other.to_string(),
    }
}

/// Every one of `combinations` laid over `base` and what all runs are `asked` for.
///
/// Errors where a value makes no sense, naming the run.
pub fn plan(
    base: &RunConfig,
    asked: &Table,
    combinations: Vec<Combination>,
) -> Result<Vec<PlannedRun>> {
    let planned = |combination: Combination| {
        let mut all = asked.clone();
        all.extend(combination.values);
        let config = base.asked(&all).and_then(|config| {
            config.validate()?;
            Ok(config)
        });
        let name = combination.name;
        match config {
            Err(error) if name.is_empty() => Err(error),
            Err(error) => Err(error.and_hint(&format!("it is run {name} of the sweep"))),
            Ok(config) => Ok(PlannedRun {
                name: if name.is_empty() {
                    config.net.name().to_owned()
                } else {
                    name
                },
                varies: combination.varies,
                config,
            }),
        }
    };
    combinations.into_iter().map(planned).collect()
}

/// Every combination of the values of `axes`; the last axis varies fastest, save that all runs of
/// one seed come before those of the next, so that the first seed's results are there early, and all on
/// the pictures of one `data_seed` before those of the next, so that these are uploaded once.
///
/// Errors where a value is there twice, an axis has none, or there would be more than
/// [`MOST_RUNS`] runs.
pub fn combinations(axes: &[Axis]) -> Result<Vec<Combination>> {
    if let Some(axis) = axes.iter().find(|axis| axis.range.is_some()) {
        return Err(Error::usage(
            format!(
                "`{}` is a range without a number of values",
                axis.key.replace('-', "_")
            ),
            "say how many, as in 1e-4..1e-1:log:20, or draw from it with `samples` 20",
        ));
    }
    let count = axes
        .iter()
        .try_fold(1_usize, |count, axis| count.checked_mul(axis.choices.len()));
    match count {
        Some(1..=MOST_RUNS) => {}
        Some(0) => {
            return Err(Error::usage(
                "a setting without values makes no runs",
                "give every setting at least one value, as in `lr` 1e-2,1e-4",
            ));
        }
        _ => {
            let count = count.map_or("far more".to_owned(), |count| count.to_string());
            return Err(Error::usage(
                format!("these values make {count} runs; a sweep has at most {MOST_RUNS}"),
                "give fewer values, or sweep one setting after the other",
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
    for slowest in SLOWEST {
        if let Some(place) = axes.iter().position(|axis| axis.key == slowest) {
            all.sort_by_key(|chosen| chosen[place]);
        }
    }
    let chosen = |places: &Vec<usize>| {
        let choices = axes.iter().zip(places);
        let choices = choices.map(|(axis, &place)| axis.choices[place].clone());
        combination(axes, &choices.collect::<Vec<_>>())
    };
    Ok(all.iter().map(chosen).collect())
}

/// Settings whose values come one after the other with all runs of each.
pub(super) const SLOWEST: [&str; 2] = ["seed", "data-seed"];

/// What a choice of every one of `axes` comes to.
pub(super) fn combination(axes: &[Axis], choices: &[Choice]) -> Combination {
    let mut name = Vec::new();
    let mut varies = Vec::new();
    let mut values = Table::new();
    for (axis, choice) in axes.iter().zip(choices) {
        values.extend(choice.values.clone());
        if axis.varies() {
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
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_by_what_varies_and_come_seed_by_seed() {
        let axes = [
            Axis::setting("net", ["mlp", "cnn"]),
            Axis::setting("lr", [1e-2, 1e-8]),
            Axis::setting("epochs", [3]),
            Axis::setting("seed", [0, 7]),
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
        let values = "net = 'mlp'\nlr = 1e-8\nepochs = 3\nseed = 7";
        assert_eq!(Ok(&runs[5].values), values.parse().as_ref());
    }

    #[test]
    fn runs_on_the_same_pictures_come_together() {
        let axes = [
            Axis::setting("data-seed", [0, 1]),
            Axis::setting("seed", [0, 7]),
            Axis::setting("lr", [1, 2]),
        ];
        let runs = combinations(&axes).expect("eight runs");
        let names: Vec<&str> = runs.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names[1], "data-seed-0-seed-0-lr-2");
        assert_eq!(names[3], "data-seed-0-seed-7-lr-2");
        assert_eq!(names[4], "data-seed-1-seed-0-lr-1");
    }

    #[test]
    fn numbers_are_labelled_by_their_shortest_form() {
        let labels = [0.01, 1e-4, 1e-8, 5.0, 1e30].map(|it| label(&Value::Float(it)));
        let expected = ["0.01", "0.0001", "1e-8", "5", "1e30"];
        assert_eq!(labels, expected);
    }

    #[test]
    fn what_makes_no_sweep_is_refused() {
        let said = |axes: &[Axis]| combinations(axes).expect_err("is wrong").to_string();
        let twice = said(&[Axis::setting("lr", [1e-2, 1e-3, 0.01])]);
        assert!(twice.contains("`lr` has the value 0.01 twice"), "{twice}");
        let none = said(&[Axis::setting("lr", [0.5; 0])]);
        assert!(none.contains("without values"), "{none}");
        let many = Axis::setting("seed", 0..101);
        let most = said(&[Axis::setting("epochs", 1..=10), many]);
        assert!(most.contains("make 1010 runs"), "{most}");
        let huge = Axis::setting("lr", 0..=i32::from(u16::MAX));
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
