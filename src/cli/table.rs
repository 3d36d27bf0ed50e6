//! Tables for people: of a terminal that is too narrow for all columns, the less important ones are left out.

use console::{Term, measure_text_width};

use super::style::say;
use super::wrap::room;

/// Spaces before a column.
const GAP: usize = 2;

/// A column of a table.
#[derive(Debug, Clone)]
pub(super) struct Column {
    head: String,
    cells: Vec<String>,
    /// How soon it is left out, with those of the same rank; what is 0 stays.
    rank: usize,
    /// Whether it is words, which begin in one place, and no numbers, which end in one.
    is_words: bool,
    /// Spaces before it.
    gap: usize,
}

impl Column {
    /// Of numbers.
    pub(super) fn new(head: impl Into<String>, rank: usize, cells: Vec<String>) -> Self {
        Self {
            head: head.into(),
            cells,
            rank,
            is_words: false,
            gap: GAP,
        }
    }

    /// The same close to the column before.
    pub(super) fn tight(self) -> Self {
        Self { gap: 1, ..self }
    }

    /// Of words.
    pub(super) fn words(head: impl Into<String>, rank: usize, cells: Vec<String>) -> Self {
        Self {
            is_words: true,
            ..Self::new(head, rank, cells)
        }
    }

    fn width(&self) -> usize {
        let all = std::iter::once(&self.head).chain(&self.cells);
        all.map(|it| measure_text_width(it)).max().unwrap_or(0)
    }

    fn cell(&self, text: &str) -> String {
        let spaces = " ".repeat(self.width() - measure_text_width(text));
        let gap = " ".repeat(self.gap);
        if self.is_words {
            format!("{gap}{text}{spaces}")
        } else {
            format!("{gap}{spaces}{text}")
        }
    }
}

/// Prints a table of `columns`, which have as many cells each.
pub(super) fn print(columns: Vec<Column>) {
    for line in lines(columns, room(&Term::stdout())) {
        say(format_args!("{line}"));
    }
}

/// Whether the terminal is wide enough for all of `columns`.
pub(super) fn fits(columns: &[Column]) -> bool {
    room(&Term::stdout()).is_none_or(|room| width(columns) <= room)
}

/// Columns of a line, of which the first begins at its start.
fn width(columns: &[Column]) -> usize {
    let all: usize = columns.iter().map(|it| it.width() + it.gap).sum();
    all - columns.first().map_or(0, |it| it.gap)
}

fn lines(mut columns: Vec<Column>, room: Option<usize>) -> Vec<String> {
    while room.is_some_and(|room| width(&columns) > room) {
        let last = columns.iter().map(|it| it.rank).max().unwrap_or(0);
        if last == 0 {
            break;
        }
        columns.retain(|it| it.rank < last);
    }
    let start = columns.first().map_or(0, |it| it.gap);
    let line = |text: &dyn Fn(&Column) -> String| {
        let cells: String = columns.iter().map(|it| it.cell(&text(it))).collect();
        cells[start..].trim_end().to_owned()
    };
    let rows = columns.first().map_or(0, |it| it.cells.len());
    let mut lines = vec![line(&|column| column.head.clone())];
    lines.extend((0..rows).map(|row| line(&|column| column.cells[row].clone())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_give_way_in_the_order_of_their_ranks() {
        let cells = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        let columns = || {
            vec![
                Column::words("run", 0, cells(["one", "数字"])),
                Column::new("MAE", 1, cells(["1.25", "10.5"])),
                Column::new("seconds", 2, cells(["3", "4"])),
                Column::words("", 3, cells(["", "diverged"])),
            ]
        };
        let table = |room| lines(columns(), room).join("\n");
        let all = "run    MAE  seconds\none   1.25        3\n数字  10.5        4  diverged";
        assert_eq!(table(None), all);
        assert_eq!(table(Some(29)), all);
        assert_eq!(
            table(Some(28)),
            "run    MAE  seconds\none   1.25        3\n数字  10.5        4"
        );
        assert_eq!(table(Some(18)), "run    MAE\none   1.25\n数字  10.5");
        assert_eq!(table(Some(9)), "run\none\n数字");
        // The first one stays, whatever comes.
        assert_eq!(table(Some(1)), "run\none\n数字");
        // Those of one rank go together.
        let digits = || {
            let counts =
                (0..2).map(|it| Column::new(it.to_string(), 1, cells(["10", "7"])).tight());
            let first = Column::new("digit", 0, cells(["0", "1"]));
            std::iter::once(first).chain(counts).collect::<Vec<_>>()
        };
        let table = |room| lines(digits(), Some(room)).join("\n");
        assert_eq!(table(11), "digit  0  1\n    0 10 10\n    1  7  7");
        assert_eq!(table(10), "digit\n    0\n    1");
    }
}
