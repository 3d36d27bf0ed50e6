//! The table of epochs: which columns it has, by what is measured and how wide the terminal is.

use super::style;
use crate::nn::Metric;
use crate::train::{EpochMetrics, Metrics};

/// Letters of `epoch` and its numbers.
const EPOCH: usize = 7;
/// Letters of a measured value, but for rare ones.
const VALUE: usize = 9;

/// What stands in a column.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Of(Set, &'static Metric),
    Seconds,
    Speed,
}

/// A set that is measured after, or in, every epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Train,
    Valid,
    Test,
}

impl Set {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "valid",
            Self::Test => "test",
        }
    }

    fn of(self, epoch: &EpochMetrics) -> Option<&Metrics> {
        match self {
            Self::Train => Some(&epoch.train),
            Self::Valid => epoch.valid.as_ref(),
            Self::Test => Some(&epoch.test),
        }
    }

    /// Which columns stay longest where there is no room for all: small numbers. `at` is the place among
    /// the metrics.
    fn rank(self, at: usize) -> usize {
        match (self, at) {
            (Self::Test, 1) => 0,
            (Self::Test, 0) => 1,
            (Self::Valid, 1) => 2,
            (Self::Valid, 0) => 3,
            (Self::Test, 2) => 4,
            (Self::Train, 0) => 5,
            (Self::Train, 1) => 6,
            (Self::Valid, _) => 8,
            (Self::Train, _) => 10,
            (Self::Test, _) => 11,
        }
    }
}

#[derive(Debug, Clone)]
struct Column {
    head: String,
    cell: Cell,
    rank: usize,
}

impl Column {
    fn width(&self) -> usize {
        let head = self.head.chars().count();
        match self.cell {
            Cell::Of(_, metric) if !metric.is_share => head.max(VALUE),
            _ => head,
        }
    }

    fn value(&self, epoch: &EpochMetrics) -> String {
        match self.cell {
            Cell::Of(set, metric) => {
                let value = set.of(epoch).and_then(|it| it.get(metric.name));
                style::value_of(metric, value)
            }
            Cell::Seconds => format!("{:.2}", epoch.seconds),
            Cell::Speed => format!("{:.0}", epoch.samples_per_second),
        }
    }
}

/// The columns of a table.
#[derive(Debug, Clone)]
pub(super) struct EpochTable {
    columns: Vec<Column>,
}

impl EpochTable {
    /// That of `metrics`, also on a validation set if the run `validates`, with as many columns as `room` has
    /// letters for; without a number for all.
    pub(super) fn new(metrics: &'static [Metric], validates: bool, room: Option<usize>) -> Self {
        let sets = [Set::Train, Set::Valid, Set::Test];
        let sets = sets.into_iter().filter(|it| validates || *it != Set::Valid);
        let mut columns: Vec<Column> = sets
            .flat_map(|set| {
                let shown = metrics.iter().enumerate();
                let shown = shown.filter(move |(_, it)| set == Set::Test || !it.is_of_test);
                shown.map(move |(at, metric)| Column {
                    head: if metric.is_share && !validates {
                        metric.head.to_owned()
                    } else {
                        format!("{} {}", set.name(), metric.head)
                    },
                    cell: Cell::Of(set, metric),
                    rank: set.rank(at),
                })
            })
            .collect();
        for (head, cell, rank) in [("seconds", Cell::Seconds, 7), ("samples/s", Cell::Speed, 9)] {
            columns.push(Column {
                head: head.to_owned(),
                cell,
                rank,
            });
        }
        let mut table = Self { columns };
        while room.is_some_and(|room| table.width() > room) && table.columns.len() > 1 {
            let last = (0..table.columns.len()).max_by_key(|&at| table.columns[at].rank);
            table.columns.remove(last.unwrap_or_default());
        }
        table
    }

    /// Letters of a line.
    fn width(&self) -> usize {
        EPOCH + self.columns.iter().map(|it| 1 + it.width()).sum::<usize>()
    }

    /// The line of the columns' names.
    pub(super) fn header(&self) -> String {
        self.line("epoch", |it| it.head.clone())
    }

    /// The line of an epoch, of `epochs`.
    pub(super) fn row(&self, epoch: &EpochMetrics, epochs: usize) -> String {
        self.line(&format!("{}/{epochs}", epoch.epoch), |it| it.value(epoch))
    }

    fn line(&self, epoch: &str, text: impl Fn(&Column) -> String) -> String {
        let cells = self.columns.iter();
        let cells = cells.map(|it| format!(" {:>width$}", text(it), width = it.width()));
        format!("{epoch:>EPOCH$}{}", cells.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{CrossEntropy, Objective, Regression};

    #[test]
    fn a_line_fits_the_terminal() {
        let measures = Regression {
            of_measures: true,
            ..Regression::default()
        };
        let digits = Regression::default();
        let classes = CrossEntropy::of(10);
        let all: [&dyn Objective; 3] = [&measures, &digits, &classes];
        for objective in all {
            for validates in [false, true] {
                for room in [40, 80, 100] {
                    let table = EpochTable::new(objective.metrics(), validates, Some(room));
                    let header = table.header();
                    assert!(header.chars().count() <= room, "{header}");
                    // What runs are compared by is there in any case.
                    let compared = objective.metrics()[1].head;
                    assert!(header.contains(compared), "{header}");
                }
            }
        }
        let header = |validates, room| EpochTable::new(digits.metrics(), validates, room).header();
        assert_eq!(
            header(false, None),
            "  epoch train loss train MAE accuracy test loss  test MAE accuracy seconds samples/s"
        );
        assert_eq!(
            header(false, Some(80)),
            "  epoch train loss train MAE test loss  test MAE accuracy seconds samples/s"
        );
        assert_eq!(
            header(false, Some(40)),
            "  epoch test loss  test MAE accuracy"
        );
        assert!(header(true, None).contains("valid loss"));
    }
}
