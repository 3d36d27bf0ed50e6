//! Which run of a sweep is this process's, where a cluster started it as one task of many.

use std::str::FromStr;

use crate::error::{Error, Result};

/// Where they say which task a process is: arrays of Slurm and of `HyperQueue`, Indexed Jobs of Kubernetes.
const NUMBERS: [&str; 3] = ["SLURM_ARRAY_TASK_ID", "HQ_TASK_ID", "JOB_COMPLETION_INDEX"];

/// The one run of a sweep that is to be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Only {
    /// That of this number.
    Run(usize),
    /// That of the number which the environment gives this task.
    Task,
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "task" => Ok(Self::Task),
            number => (number.parse().map(Self::Run))
                .map_err(|_| "neither a run's number, counted from 0, nor `task`".to_owned()),
        }
    }
}

impl Only {
    /// The run's number.
    ///
    /// Errors where no variable tells that of this task, several disagree, or what one says is no number.
    pub(super) fn number(self) -> Result<usize> {
        let variable = |name: &str| std::env::var_os(name);
        match self {
            Self::Run(number) => Ok(number),
            Self::Task => number_in(|name| Some(variable(name)?.to_string_lossy().into_owned())),
        }
    }
}

fn number_in(variable: impl Fn(&str) -> Option<String>) -> Result<usize> {
    let set = NUMBERS
        .iter()
        .filter_map(|name| Some((*name, variable(name)?)));
    let set: Vec<(&str, String)> = set.collect();
    let Some((name, value)) = set.first() else {
        let [slurm, hq, kubernetes] = NUMBERS;
        return Err(Error::usage(
            format!("`only` has no number, and none of {slurm}, {hq} and {kubernetes} is set"),
            "give the run's number, as in `only` 0",
        ));
    };
    if set.iter().any(|(_, other)| other != value) {
        let said = set.iter().map(|(name, value)| format!("{name} is {value}"));
        let said: Vec<String> = said.collect();
        return Err(Error::usage(
            format!("`only` has no number, and {}", said.join(", ")),
            format!("say which counts, as in `only` \"${name}\""),
        ));
    }
    value.parse().map_err(|_| {
        Error::usage(
            format!("{name} is '{value}', which is not the number of a run"),
            "runs are counted from 0; give one, as in `only` 0",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_of(set: &[(&str, &str)]) -> Result<usize, String> {
        let found = |name: &str| set.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        number_in(found).map_err(|error| error.to_string())
    }

    #[test]
    fn one_variable_tells_the_run_and_two_must_agree() {
        for (name, value) in [
            ("SLURM_ARRAY_TASK_ID", 0),
            ("HQ_TASK_ID", 7),
            ("JOB_COMPLETION_INDEX", 12),
        ] {
            assert_eq!(number_of(&[(name, &value.to_string())]), Ok(value));
        }
        let both = |hq| number_of(&[("SLURM_ARRAY_TASK_ID", "3"), ("HQ_TASK_ID", hq)]);
        assert_eq!(both("3"), Ok(3));
        let words = both("4").expect_err("disagree");
        assert!(
            words.contains("SLURM_ARRAY_TASK_ID is 3, HQ_TASK_ID is 4"),
            "{words}"
        );
        let words = number_of(&[("OTHER", "1")]).expect_err("is not asked");
        assert!(words.contains("none of SLURM_ARRAY_TASK_ID"), "{words}");
        for wrong in ["", "-1", "1.5", "4294967294x", " 1"] {
            let words = number_of(&[("HQ_TASK_ID", wrong)]).expect_err("is none");
            assert!(
                words.contains(&format!("HQ_TASK_ID is '{wrong}'")),
                "{words}"
            );
        }
    }
}
