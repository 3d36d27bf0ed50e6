//! Numbers of a sweep: single ones, and ranges as `1e-4..1e-1:log:20`.

use std::any::TypeId;
use std::fmt::Display;
use std::str::FromStr;

use clap::ArgMatches;
use clap::builder::ValueParser;
use toml::Value;

use crate::error::{Error, Result};
use crate::run::MAX_SEED;
use crate::sweep::{Axis, Drawn, Range};

/// What reads the values of a setting that holds numbers of type `holds`, of which the first of a range stands for it;
/// `None` where it holds others.
pub(super) fn parser(holds: TypeId) -> Option<ValueParser> {
    if holds == TypeId::of::<f64>() {
        Some(ValueParser::new(number_or_range::<f64>))
    } else if holds == TypeId::of::<usize>() {
        Some(ValueParser::new(number_or_range::<usize>))
    } else if holds == TypeId::of::<u64>() {
        Some(ValueParser::new(|text: &str| {
            let seed = number_or_range::<u64>(text)?;
            let is_seed = seed <= MAX_SEED;
            is_seed
                .then_some(seed)
                .ok_or(format!("is above {MAX_SEED}"))
        }))
    } else {
        None
    }
}

fn number_or_range<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    let number = |text: &str| {
        let number = text.parse::<T>();
        number.map_err(|error| format!("'{text}': {error}"))
    };
    if !Range::is_one(text) {
        return number(text);
    }
    text.parse::<Range>()?;
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    // Whole numbers have whole ends.
    number(to.split(':').next().unwrap_or(to))?;
    number(from)
}

/// The values that `matches` give to the setting `key`, by its option `id`, which holds numbers of type `holds`.
///
/// Errors where a range without a number of values is not alone.
pub(super) fn axis(matches: &ArgMatches, id: &str, key: &str, holds: TypeId) -> Result<Axis> {
    let is_whole = holds != TypeId::of::<f64>();
    let texts = matches.get_raw(id).into_iter().flatten();
    let texts: Vec<_> = texts.map(|text| text.to_string_lossy()).collect();
    let wrong = |what: String| Error::usage(what, format!("see `{id}` in the help"));
    let value = |number: f64| {
        if is_whole {
            Value::Integer(number.round() as i64)
        } else {
            Value::Float(number)
        }
    };
    let mut values: Vec<Value> = Vec::new();
    for text in &texts {
        if !Range::is_one(text) {
            let number = if is_whole {
                text.parse().map(Value::Integer).ok()
            } else {
                text.parse().map(Value::Float).ok()
            };
            values.push(number.ok_or_else(|| wrong(format!("`{id}` {text} is not a number")))?);
            continue;
        }
        let range: Range = text.parse().map_err(wrong)?;
        match range.count() {
            Some(count) => {
                let mut grid: Vec<Value> = range.grid(count).into_iter().map(value).collect();
                if is_whole {
                    // They may lie closer than the grid does.
                    grid.dedup();
                }
                values.extend(grid);
            }
            None if texts.len() == 1 => return Ok(Axis::drawn(key, Drawn { range, is_whole })),
            None => {
                return Err(Error::usage(
                    format!("`{id}` has the range {text} among other values"),
                    "say how many values the range has, as in 1e-4..1e-1:log:20, or give it alone",
                ));
            }
        }
    }
    Ok(Axis::setting(key, values))
}

#[cfg(test)]
mod tests {
    use super::super::sweep_args::tests::parse;
    use super::*;

    #[test]
    fn ranges_are_grids_or_are_drawn_from() {
        let axes = |arguments: &[&str]| parse(arguments).expect("parses").axes().expect("no file");
        let grid = axes(&[
            "--lr",
            "1e-4..1e-1:log:4,5",
            "--batch-size",
            "32..128:log:3",
        ]);
        let labels = |axis: &Axis| -> Vec<String> {
            axis.choices.iter().map(|it| it.label.clone()).collect()
        };
        assert_eq!(labels(&grid[0]), ["0.0001", "0.001", "0.01", "0.1", "5"]);
        assert_eq!(labels(&grid[1]), ["32", "64", "128"]);
        assert_eq!(
            grid[1].choices[1].values["batch-size"].as_integer(),
            Some(64)
        );
        // Whole numbers that lie closer than a grid's are there once.
        assert_eq!(labels(&axes(&["--seed", "0..2:9"])[0]), ["0", "1", "2"]);
        let drawn = [
            "--lr",
            "1e-4..1e-1:log",
            "--samples",
            "7",
            "--dropout",
            "0..0.5",
        ];
        let args = parse(&drawn).expect("parses");
        assert_eq!(args.combinations().expect("draws").len(), 7);
        let args = parse(&drawn[..2]).expect("parses");
        let error = args.combinations().expect_err("says not how many");
        assert!(error.hint().contains("`samples`"), "{error}");
        for wrong in [
            &["--lr", "1e-1..1e-4"][..],
            &["--lr", "0..1:log:3"],
            &["--lr", "1e-4..1e-2:log,3"],
            &["--batch-size", "1.5..3:2"],
            &["--batch-size", "1..x:2"],
            &["--sample-seed", "1"],
            &["--halving", "3", "--prepare"],
            &["--resume", "a", "--halving", "3"],
            &["--resume", "a", "--samples", "3"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
