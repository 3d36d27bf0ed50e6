//! Ranges of numbers, as `1e-4..1e-1:log:20`: a grid of values, or something to draw from.

use std::str::FromStr;

use super::axes::MOST_RUNS;

/// Numbers from one to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    from: f64,
    to: f64,
    is_log: bool,
    count: Option<usize>,
}

const FORM: &str = "FROM..TO, FROM..TO:log, or with a number of values FROM..TO:log:20";

impl Range {
    /// Whether `text` is meant as one.
    pub fn is_one(text: &str) -> bool {
        text.contains("..")
    }

    /// How many values it was asked for.
    pub fn count(&self) -> Option<usize> {
        self.count
    }

    /// The value at `share`, 0 to 1, of the way: its exponent's where the range is logarithmic.
    fn at(&self, share: f64) -> f64 {
        if self.is_log {
            self.from * (self.to / self.from).powf(share)
        } else {
            self.from + (self.to - self.from) * share
        }
    }

    /// So many digits, and as many more as its numbers have in common.
    fn digits(&self, digits: usize) -> usize {
        let width = if self.is_log {
            (self.to / self.from).ln()
        } else {
            (self.to - self.from) / self.from.abs().max(self.to.abs())
        };
        digits + (-width.log10()).ceil().clamp(0.0, 12.0) as usize
    }

    /// Its first and last value and those between, of few digits so that they can be read.
    pub fn grid(&self, count: usize) -> Vec<f64> {
        let last = count.saturating_sub(1).max(1);
        let value = |step: usize| match step {
            0 => self.from,
            _ if step == last => self.to,
            _ => rounded(self.at(step as f64 / last as f64), self.digits(4)),
        };
        (0..count).map(value).collect()
    }

    /// The value that a `share` of 0 to 1 draws, of few digits.
    pub fn draw(&self, share: f64) -> f64 {
        rounded(self.at(share), self.digits(3)).clamp(self.from, self.to)
    }

    /// The whole number that a `share` of 0 to below 1 draws: of a linear range each with the same probability.
    pub fn draw_whole(&self, share: f64) -> f64 {
        let value = if self.is_log {
            self.at(share).round()
        } else {
            self.from + (share * (self.to - self.from + 1.0)).floor()
        };
        value.clamp(self.from, self.to)
    }
}

/// `value` with so many significant `digits`.
fn rounded(value: f64, digits: usize) -> f64 {
    let text = format!("{value:.*e}", digits - 1);
    text.parse().unwrap_or(value)
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let ends = parts.next().and_then(|it| it.split_once(".."));
        let (from, to) = ends.ok_or_else(|| format!("is not a range; one is {FORM}"))?;
        let number = |text: &str| {
            let number = text.parse().ok().filter(|it: &f64| it.is_finite());
            number.ok_or_else(|| format!("'{text}' is not a number; a range is {FORM}"))
        };
        let (from, to) = (number(from)?, number(to)?);
        if from >= to {
            return Err("a range goes from a number to a larger one".to_owned());
        }
        let mut part = parts.next();
        let is_log = match part {
            Some("log") => true,
            Some("lin") => false,
            _ => {
                return Self::counted(from, to, false, part, parts.next());
            }
        };
        part = parts.next();
        Self::counted(from, to, is_log, part, parts.next())
    }
}

impl Range {
    fn counted(
        from: f64,
        to: f64,
        is_log: bool,
        count: Option<&str>,
        more: Option<&str>,
    ) -> Result<Self, String> {
        if is_log && from <= 0.0 {
            return Err("a logarithmic range begins above 0".to_owned());
        }
        let count = match count {
            None => None,
            Some(text) => match text.parse() {
                Ok(count) if (2..=MOST_RUNS).contains(&count) => Some(count),
                _ => {
                    return Err(format!(
                        "'{text}' is neither log nor lin nor a number of values, 2 to {MOST_RUNS}; a range is {FORM}"
                    ));
                }
            },
        };
        if let Some(more) = more {
            return Err(format!("':{more}' is too much; a range is {FORM}"));
        }
        Ok(Self {
            from,
            to,
            is_log,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_even_and_of_few_digits() {
        let grid = |text: &str| {
            let range: Range = text.parse().expect("is a range");
            range.grid(range.count().expect("has a count"))
        };
        assert_eq!(grid("1e-4..1e-1:log:4"), [1e-4, 1e-3, 1e-2, 1e-1]);
        // numpy.geomspace(1e-4, 1e-1, 6) and numpy.linspace(0, 1, 4), with four digits.
        assert_eq!(
            grid("1e-4..1e-1:log:6"),
            [1e-4, 3.981e-4, 1.585e-3, 6.31e-3, 2.512e-2, 1e-1]
        );
        assert_eq!(grid("0..1:lin:4"), [0.0, 0.3333, 0.6667, 1.0]);
        assert_eq!(grid("0..1:3"), [0.0, 0.5, 1.0]);
        assert_eq!(grid("32..512:log:5"), [32.0, 64.0, 128.0, 256.0, 512.0]);
    }

    #[test]
    fn draws_stay_within() {
        let range: Range = "0.12345..0.98765:log".parse().expect("is a range");
        assert_eq!(range.count(), None);
        assert_eq!(
            [0.0, 1.0].map(|it| range.draw(it)),
            [0.12345, 0.988_f64.min(0.98765)]
        );
        // sqrt(0.12345 * 0.98765)
        assert_eq!(range.draw(0.5), 0.349);
        // Numbers that begin alike have more digits.
        let narrow: Range = "0.99..0.9999".parse().expect("is a range");
        assert_eq!(narrow.draw(0.5), 0.99495);
        let grid: Range = "1000..1000.5:6".parse().expect("is a range");
        assert_eq!(
            grid.grid(6),
            [1000.0, 1000.1, 1000.2, 1000.3, 1000.4, 1000.5]
        );
    }

    #[test]
    fn whole_numbers_are_drawn_alike() {
        let range: Range = "0..2".parse().expect("is a range");
        let drawn = (0..9).map(|it| range.draw_whole(f64::from(it) / 9.0));
        assert_eq!(
            drawn.collect::<Vec<_>>(),
            [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
        );
        let large: Range = "1000..9999:log".parse().expect("is a range");
        assert_eq!(large.draw_whole(0.5), 3162.0);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (text, word) in [
            ("1", "is not a range"),
            ("a..1", "'a' is not a number"),
            ("1..inf", "'inf' is not a number"),
            ("1..1", "to a larger one"),
            ("2..1:log", "to a larger one"),
            ("0..1:log", "above 0"),
            ("1..2:ln:3", "'ln'"),
            ("1..2:log:1", "'1'"),
            ("1..2:log:x", "'x'"),
            ("0..1:18446744073709551615", "2 to 1000"),
            ("1..2:log:3:4", "':4' is too much"),
        ] {
            let error = text.parse::<Range>().expect_err(text);
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
