//! A table of numbers beside which names may stand, as `metrics.csv` and `predictions.csv` hold them.

use super::figures::printable;

/// Named columns of numbers, of one length. Cells may be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvTable {
    columns: Vec<(String, Vec<Option<f64>>)>,
}

impl CsvTable {
    /// Parses a header and lines of numbers; errors say in which line and column something is wrong.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|error| error.to_string())?;
        let empty = |name: &str| (printable(name), Vec::new());
        let mut columns: Vec<(String, Vec<Option<f64>>)> = header.iter().map(empty).collect();
        for (line, record) in reader.records().enumerate() {
            let record = record.map_err(|error| error.to_string())?;
            for ((name, column), cell) in columns.iter_mut().zip(record.iter()) {
                let number = match cell {
                    "" => None,
                    // Names of classes, in predictions.csv.
                    _ if ["class", "predicted_class"].contains(&name.as_str()) => None,
                    // As earlier versions wrote it where the clock stood still.
                    "inf" if name == "samples_per_second" => None,
                    text => Some(number(text).ok_or_else(|| {
                        format!(
                            "'{text}' in line {}, column {name}, is not a number",
                            line + 2
                        )
                    })?),
                };
                column.push(number);
            }
        }
        Ok(Self { columns })
    }

    /// Names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Number of lines below the header.
    pub fn lines(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The column of that name, if there is one.
    pub fn column(&self, name: &str) -> Option<&[Option<f64>]> {
        let found = self.columns.iter().find(|column| column.0 == name);
        found.map(|(_, column)| column.as_slice())
    }

    /// The last line's value in the column of that name, if it has one.
    pub fn last(&self, name: &str) -> Option<f64> {
        *self.column(name)?.last()?
    }

    /// The column of that name, which must be there and have no empty cell.
    pub(super) fn full(&self, name: &str) -> Result<Vec<f64>, String> {
        let column = self
            .column(name)
            .ok_or_else(|| format!("it has no column {name}"))?;
        let cells = column.iter().enumerate().map(|(line, cell)| {
            cell.ok_or_else(|| format!("line {} has nothing in column {name}", line + 2))
        });
        cells.collect()
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|it: &f64| it.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let table = CsvTable::parse(b"a,b\n1,\n2.5,-3e-2\n").expect("a table");
        assert_eq!(table.lines(), 2);
        assert_eq!(table.column("b"), Some(&[None, Some(-0.03)][..]));
        assert_eq!(table.last("a"), Some(2.5));
        assert_eq!(table.full("a"), Ok(vec![1.0, 2.5]));
        let missing = table.full("b").expect_err("has an empty cell");
        assert_eq!(missing, "line 2 has nothing in column b");
        assert_eq!(table.full("c"), Err("it has no column c".to_owned()));
    }

    #[test]
    fn a_clock_that_stood_still_damages_nothing() {
        let table = CsvTable::parse(b"seconds,samples_per_second\n0,inf\n").expect("a table");
        assert_eq!(table.column("samples_per_second"), Some(&[None][..]));
        assert!(CsvTable::parse(b"seconds,samples_per_second\ninf,1\n").is_err());
    }

    #[test]
    fn what_is_damaged_is_named() {
        for (bytes, word) in [
            (&b"a,b\n1,x\n"[..], "'x' in line 2, column b"),
            (b"a,b\n1,NaN\n", "'NaN' in line 2"),
            (b"a,b\n1\n", "found record with 1 fields"),
            (b"a,b\n1,\xff\n", "invalid UTF-8"),
        ] {
            let error = CsvTable::parse(bytes).expect_err(word);
            assert!(error.contains(word), "{error}");
        }
        assert_eq!(CsvTable::parse(b"").expect("empty").lines(), 0);
    }
}
