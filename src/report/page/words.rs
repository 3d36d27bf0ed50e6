//! Numbers as people read them.

use crate::nn::Metric;
use crate::report::Spread;

/// Letters of a number that is not rounded.
const SHORT: usize = 7;

/// Seconds as people read them.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.1} s"),
        10..=119 => format!("{whole} s"),
        120..=7199 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A count with separators.
pub(super) fn count(count: usize) -> String {
    indicatif::HumanCount(count as u64).to_string()
}

/// A number of epochs: `1 epoch`, `12 epochs`.
pub(crate) fn epochs(count: usize) -> String {
    match count {
        1 => "1 epoch".to_owned(),
        count => format!("{count} epochs"),
    }
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// A measured value to five significant digits, below 1 to four, in at most ten letters; very large and very
/// small ones by their power of ten.
pub(crate) fn measured(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    let power = size.log10().floor() as i32;
    match power {
        -4..0 => format!("{value:.0$}", (3 - power) as usize),
        0..6 => format!("{value:.0$}", (4 - power).max(0) as usize),
        _ => format!("{value:.3e}"),
    }
}

/// A value of `metric`; nothing where there is none.
pub(super) fn value_of(metric: &Metric, value: Option<f64>) -> String {
    let words = if metric.is_share { percent } else { measured };
    value.map_or(String::new(), words)
}

/// A mean of values of `metric`, and how far the runs lie from it; nothing where there is none.
pub(super) fn spread(metric: &Metric, value: Option<Spread>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let mean = value_of(metric, Some(value.mean));
    match value.deviation {
        None => mean,
        Some(deviation) if metric.is_share => format!("{mean} ± {:.1}", deviation * 100.0),
        Some(deviation) => format!("{mean} ± {}", measured(deviation)),
    }
}

/// `text` with a capital letter in front.
pub(in crate::report) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// The metrics of a row in the order of tables: what runs are compared by, then the loss, then all
/// others; with their places.
pub(in crate::report) fn in_order(
    metrics: &'static [Metric],
) -> impl Iterator<Item = (usize, &'static Metric)> {
    let order = [1, 0].into_iter().chain(2..metrics.len());
    order.map(|at| (at, &metrics[at]))
}

/// `metric` of the test set, for the head of a column. A share says by itself of what it is one.
pub(super) fn of_test(metric: &Metric) -> String {
    if metric.is_share {
        metric.short.to_owned()
    } else {
        format!("test {}", metric.short)
    }
}

/// A value of a column: in full where that is short.
pub(super) fn cell(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value}"),
        Some(value) if value.abs() < 0.01 && value.to_string().len() <= SHORT => value.to_string(),
        Some(value) => measured(value),
    }
}

/// Of an absolute path its last part, and any other text as it is: a page that is passed on tells
/// nobody how its author's folders are named.
pub(crate) fn without_folders(text: &str) -> &str {
    let drive = text.get(1..3).is_some_and(|it| [":\\", ":/"].contains(&it));
    if !drive && !text.starts_with(['/', '\\']) {
        return text;
    }
    let parts = text.rsplit(['/', '\\']);
    parts
        .into_iter()
        .find(|part| !part.is_empty())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_clear() {
        assert_eq!(duration(3.12), "3.1 s");
        assert_eq!(duration(125.0), "2 min 05 s");
        assert_eq!(duration(7322.0), "2 h 02 min");
        assert_eq!(count(110_510), "110,510");
        assert_eq!(percent(0.3666), "36.7%");
        for (value, shown) in [
            (0.0, "0"),
            (1.23456, "1.2346"),
            (-12.3456, "-12.346"),
            (475_000.4, "475000"),
            (1_700_000.0, "1.700e6"),
            (9.834_56e9, "9.835e9"),
            (0.96431, "0.9643"),
            (0.001_234_56, "0.001235"),
            (1e-8, "1.000e-8"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(measured(value), shown);
            assert!(shown.len() <= 10);
        }
        assert_eq!(cell(Some(7.0)), "7");
        assert_eq!(cell(Some(0.001)), "0.001");
        assert_eq!(cell(Some(1.0 / 3.0)), "0.3333");
        assert_eq!(cell(Some(12345.678)), "12346");
        assert_eq!(cell(None), "");
    }

    #[test]
    fn no_page_tells_where_its_author_keeps_files() {
        for path in [
            "/home/me/data",
            "/home/me/data/",
            "C:\\me\\data",
            "c:/me/data",
            "\\\\me\\data",
        ] {
            assert_eq!(without_folders(path), "data");
        }
        for other in ["house-digits:100,20", "data/mnist", "0.5", "", "1/2"] {
            assert_eq!(without_folders(other), other);
        }
    }
}
