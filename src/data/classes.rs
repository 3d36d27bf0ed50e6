//! Names of what targets stand for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// More than anybody tells apart by small nets: targets of more values are measured ones.
const MOST_NUMBERS: usize = 10_000;
/// Names that are told in one line; all of them are recorded with the run.
const MOST_TOLD: usize = 20;

/// The classes of a data set whose targets are places in this list, counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Classes {
    names: Vec<String>,
}

impl Classes {
    /// Classes of these names: the target of the first is 0.
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// A class for every number among `targets`, in rising order, named by it.
    ///
    /// Errors where there are too many, or as many as there are targets.
    pub fn of_numbers(targets: &[f32]) -> Result<Self> {
        let mut values = targets.to_vec();
        values.sort_by(f32::total_cmp);
        values.dedup();
        let count = values.len();
        if count > MOST_NUMBERS || (count > 2 && count == targets.len()) {
            return Err(Error::usage(
                format!(
                    "targets of {count} different numbers are measured values rather than classes"
                ),
                "predict them as numbers, with `task` regress",
            ));
        }
        Ok(Self::new(values.iter().map(ToString::to_string).collect()))
    }

    /// Whether the name of every class is its target.
    pub fn are_numbers(&self) -> bool {
        let mut names = self.names.iter().enumerate();
        names.all(|(target, name)| *name == target.to_string())
    }

    /// All names, in the order of their targets.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The targets that these classes have in `other`, by their names.
    ///
    /// Errors with the first name that is not among them.
    pub fn targets_in(&self, other: &Self) -> std::result::Result<Vec<f32>, &str> {
        let place = |name: &str| other.names.iter().position(|it| it == name);
        let names = self.names.iter().map(String::as_str);
        names
            .map(|name| place(name).map(|it| it as f32).ok_or(name))
            .collect()
    }

    /// The name of the class that `target` stands for, if it stands for one.
    pub fn name(&self, target: f32) -> Option<&str> {
        let place = target as usize;
        let name = self.names.get(place);
        name.filter(|_| place as f32 == target).map(String::as_str)
    }
}

/// Which name has which target: `cat -> 0, dog -> 1`. Of many, the first ones.
impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.names.iter().take(MOST_TOLD).enumerate();
        for (target, name) in told {
            let comma = if target == 0 { "" } else { ", " };
            write!(f, "{comma}{name} -> {target}")?;
        }
        match self.names.len().saturating_sub(MOST_TOLD) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Classes {
        Classes::new(names.iter().map(|&it| it.to_owned()).collect())
    }

    #[test]
    fn targets_have_names_where_they_are_places() {
        let pets = classes(&["cat", "dog"]);
        assert_eq!(pets.name(1.0), Some("dog"));
        for other in [-1.0, -0.5, 0.5, 2.0, 1e30, f32::NAN, f32::INFINITY] {
            assert_eq!(pets.name(other), None, "{other}");
        }
        assert_eq!(pets.to_string(), "cat -> 0, dog -> 1");
        let more = classes(&["bird", "dog", "cat"]);
        assert_eq!(pets.targets_in(&more), Ok(vec![2.0, 1.0]));
        assert_eq!(more.targets_in(&pets), Err("bird"));
        let many = classes(&["x"; 100]).to_string();
        assert!(many.ends_with("x -> 19 and 80 more"), "{many}");
    }
}
