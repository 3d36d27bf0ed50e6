//! Runs that differ in nothing but their seed: one curve, and one line of a table.

use toml::Table;

use super::labels::{NOT_TELLING, labels_without_seed};
use super::run_record::RunRecord;
use super::summary::SummaryRow;

/// Runs of the same options, each of another seed; often a single one.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What tells it from the others.
    pub label: String,
    /// Which runs it has, as they were named.
    pub runs: Vec<usize>,
    /// Each metric of the test set after the last epoch, where all of its runs have it.
    pub test: Vec<Option<Spread>>,
    /// As [`SummaryRow::compared_test`].
    pub compared_test: Spread,
    /// As [`SummaryRow::compared_train`].
    pub compared_train: Spread,
    /// As [`SummaryRow::generalisation_gap`].
    pub gap: Spread,
    /// As [`SummaryRow::seconds`].
    pub seconds: Spread,
    /// Parameters of its net, where its first run knows them.
    pub parameters: Option<usize>,
}

/// What one number is over the runs of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the sample, which a single run has none of.
    pub deviation: Option<f64>,
}

impl Spread {
    /// Of at least one value.
    pub(super) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
        Self {
            mean,
            deviation: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
        }
    }
}

/// The series of `runs`, of which `rows` are the figures, in the order of their first runs.
pub(super) fn series(runs: &[RunRecord], rows: &[SummaryRow]) -> Vec<Series> {
    let groups = groups(runs);
    let labels: Vec<String> = if groups.len() == runs.len() {
        rows.iter().map(|row| row.label.clone()).collect()
    } else {
        let first: Vec<&RunRecord> = groups.iter().map(|group| &runs[group[0]]).collect();
        let labels = labels_without_seed(&first).into_iter().zip(&groups);
        labels.map(with_count).collect()
    };
    let groups = groups.into_iter().zip(labels);
    groups.map(|(runs, label)| one(runs, label, rows)).collect()
}

/// Runs together that differ in nothing but their seed, on the same data.
/// A seed that turns up twice among them says that something else differs, which no option tells:
/// each run is then by itself.
fn groups(runs: &[RunRecord]) -> Vec<Vec<usize>> {
    let keys: Vec<_> = runs.iter().map(without_seed).collect();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for run in 0..runs.len() {
        match groups.iter_mut().find(|group| keys[group[0]] == keys[run]) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let seeds_differ = |group: &Vec<usize>| {
        let mut seeds: Vec<_> = group.iter().map(|&run| runs[run].option("seed")).collect();
        seeds.sort();
        seeds.windows(2).all(|pair| pair[0] != pair[1])
    };
    if groups.iter().all(seeds_differ) {
        groups
    } else {
        (0..runs.len()).map(|run| vec![run]).collect()
    }
}

/// What the runs of a series have in common: all options that tell, and the data.
fn without_seed(run: &RunRecord) -> (Table, [&str; 2]) {
    let mut config = run.config.clone();
    for option in NOT_TELLING.into_iter().chain(["seed"]) {
        config.remove(option);
    }
    (config, run.fingerprints())
}

fn with_count((label, group): (String, &Vec<usize>)) -> String {
    match group.len() {
        1 => label,
        count => format!("{label}, {count} seeds"),
    }
}

fn one(runs: Vec<usize>, label: String, rows: &[SummaryRow]) -> Series {
    let values = |of: fn(&SummaryRow) -> f64| {
        let values: Vec<f64> = runs.iter().map(|&run| of(&rows[run])).collect();
        Spread::of(&values)
    };
    let test = (0..rows[runs[0]].metrics.len()).map(|metric| {
        let values = runs
            .iter()
            .map(|&run| rows[run].test.get(metric).copied().flatten());
        let values: Option<Vec<f64>> = values.collect();
        values.map(|it| Spread::of(&it))
    });
    Series {
        label,
        test: test.collect(),
        compared_test: values(SummaryRow::compared_test),
        compared_train: values(SummaryRow::compared_train),
        gap: values(SummaryRow::generalisation_gap),
        seconds: values(|row| row.seconds),
        parameters: rows[runs[0]].parameters,
        runs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_mean_and_deviation_of_the_sample() {
        let spread = Spread::of(&[1.0, 2.0, 6.0]);
        assert_eq!((spread.mean, spread.deviation), (3.0, Some(7f64.sqrt())));
        let single = Spread::of(&[2.5]);
        assert_eq!((single.mean, single.deviation), (2.5, None));
    }
}
