//! `report.html`: one file without any other, for a run and for a comparison. All text from files is
//! escaped by the template (maud); what is not is our own SVG.

mod comparison;
mod run;
mod words;

pub(super) use comparison::of_comparison;
pub(super) use run::of_run;
pub(super) use words::{capitalised, in_order, without_folders};
#[cfg(feature = "cli")]
pub(crate) use words::{duration, epochs, measured};

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use toml::Table;

use super::figures::{UNKNOWN, printable};
use super::{Named, RunRecord};

const STYLE: &str = include_str!("style.css");
/// By which a page of ours is known, at its end.
pub(super) const FOOTER: &str = "Written by gpu-train ";
/// Bytes from there to the end of a page, at most.
pub(super) const END: u64 = 200;
/// More lines of a table than this are behind a fold.
const MANY: usize = 40;
/// A table with more columns than this needs smaller letters on paper.
const WIDE: usize = 13;

/// The page around `body`.
fn page(title: &str, body: &Markup) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Nothing is loaded from anywhere, whatever the texts of a run say.
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (title) " – gpu-train" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer { (FOOTER) (version) "." }
            }
        }
    };
    page.into_string()
}

/// Figures side by side where there is room, on paper two on a page; and what stands for `unknown` letters in their
/// PNGs.
fn figures<'a>(figures: impl Iterator<Item = &'a Named>, unknown: &BTreeSet<char>) -> Markup {
    html! {
        section.figures {
            @for Named { figure, .. } in figures {
                figure { (PreEscaped(figure.svg())) }
            }
        }
        @if !unknown.is_empty() {
            @let some: String = unknown.iter().take(UNKNOWN_SHOWN).collect();
            @let more = if unknown.len() > UNKNOWN_SHOWN { " and others" } else { "" };
            p.note.aside {
                "The font of the PNG files lacks letters of these names (" (some) (more) "): " (UNKNOWN)
                " stands for each. The SVG files have them."
            }
        }
    }
}

/// Letters that a page lists, at most.
const UNKNOWN_SHOWN: usize = 12;

/// How many images there are, where all of `runs` recorded that alike: `4,096 training and 1,024 test images of 32x32
/// pixels in colour`.
fn data_size(runs: &[RunRecord]) -> Option<String> {
    let first = runs.first()?;
    let [train, test] = first.images()?;
    let shape = first.image_shape();
    let same = |it: &RunRecord| it.images() == Some([train, test]) && it.image_shape() == shape;
    if !runs.iter().all(same) {
        return None;
    }
    let of = shape.map_or(String::new(), |[channels, rows, columns]| {
        let colours = match channels {
            1 => " in grey".to_owned(),
            3 => " in colour".to_owned(),
            other => format!(" in {other} channels"),
        };
        format!(" of {rows}x{columns} pixels{colours}")
    });
    Some(format!(
        "{} training and {} test images{of}",
        words::count(train),
        words::count(test)
    ))
}

/// A number with its name, large.
fn tile(name: &str, value: &str) -> Markup {
    html! { div.tile { div.value { (value) } div.name { (name) } } }
}

/// Names and values, with one column of values per entry of `heads`; without heads where there is
/// one. A long table is folded, but not on paper.
fn table(title: &str, heads: &[String], rows: &[(String, Vec<String>)]) -> Markup {
    html! {
        section {
            @if rows.len() > MANY {
                details.long { summary { h2 { (title) } } (lines(heads, rows)) }
            } @else {
                h2 { (title) }
                (lines(heads, rows))
            }
        }
    }
}

/// The lines of a [`table`].
fn lines(heads: &[String], rows: &[(String, Vec<String>)]) -> Markup {
    html! {
        div.scroll {
            table.pairs[heads.is_empty()].wide[heads.len() > WIDE] {
                @if !heads.is_empty() {
                    thead { tr { th {} @for head in heads { th { (head) } } } }
                }
                tbody {
                    @for (name, values) in rows {
                        tr { th scope="row" { (name) } @for value in values { td { (value) } } }
                    }
                }
            }
        }
    }
}

/// Every value of `table`, by the path of its keys.
fn flattened(table: &Table) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => {
                let inner = flattened(inner).into_iter();
                rows.extend(inner.map(|(path, text)| (format!("{key}.{path}"), text)));
            }
            toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
                for (index, entry) in list.iter().enumerate() {
                    let inner = Table::from_iter([((index + 1).to_string(), entry.clone())]);
                    let inner = flattened(&inner).into_iter();
                    rows.extend(inner.map(|(path, text)| (format!("{key}.{path}"), text)));
                }
            }
            other => {
                let text = super::run_record::option_text(other);
                rows.push((printable(key), without_folders(&text).to_owned()));
            }
        }
    }
    rows
}

/// What is known of a run by the path of its keys, and by the way of a table.
type Rows = Vec<(String, Vec<String>)>;

/// What was found in the data, and not asked for.
const FOUND: [&str; 3] = ["classes", "class-counts", "targets"];

/// The options of `runs`: those in which they differ, those that all have in common and that are not the defaults of
/// their net, and all others behind a fold.
fn options(labels: &[String], runs: &[RunRecord]) -> Markup {
    let tables: Vec<Table> = runs.iter().map(|it| without(&it.config, &FOUND)).collect();
    let (different, common) = parted(&tables);
    let defaults: Vec<_> = runs
        .iter()
        .map(|it| flattened(&it.default_config()))
        .collect();
    let is_default = |row: &(String, Vec<String>)| {
        let same =
            |it: &Vec<(String, String)>| it.iter().any(|it| it.0 == row.0 && it.1 == row.1[0]);
        !["net", "data"].contains(&row.0.as_str()) && defaults.iter().all(same)
    };
    let (defaults, asked): (Rows, Rows) = common.into_iter().partition(is_default);
    let [several, title] = match runs.len() {
        1 => ["", "Options"],
        _ => ["Options that differ", "Options of all runs"],
    };
    html! {
        @if !different.is_empty() { (by_run(several, labels, &different)) }
        @if !asked.is_empty() { (table(title, &[], &asked)) }
        @if !defaults.is_empty() { (folded("All other options have their defaults", &defaults)) }
    }
}

/// On what `runs` were trained: where it differs, in a table, all else behind a fold.
fn environment(labels: &[String], runs: &[RunRecord]) -> Markup {
    // When a run began, no other one did.
    let own: &[&str] = if runs.len() > 1 { &["started"] } else { &[] };
    let tables: Vec<Table> = runs
        .iter()
        .map(|it| without(&it.environment, own))
        .collect();
    let (different, common) = parted(&tables);
    html! {
        @if !different.is_empty() { (by_run("Environment that differs", labels, &different)) }
        @if !common.is_empty() { (folded("Environment", &common)) }
    }
}

fn without(table: &Table, keys: &[&str]) -> Table {
    let kept = table
        .iter()
        .filter(|(key, _)| !keys.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Rows of `tables`: those whose values differ, one for each table, and those that all have in common, with one.
fn parted(tables: &[Table]) -> (Rows, Rows) {
    let tables: Vec<Vec<(String, String)>> = tables.iter().map(flattened).collect();
    let mut keys: Vec<&String> = Vec::new();
    for (key, _) in tables.iter().flatten() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let value = |table: &[(String, String)], key: &str| {
        let found = table.iter().find(|row| row.0 == key);
        found.map_or(String::new(), |row| row.1.clone())
    };
    let row = |key: &String| {
        let values = tables.iter().map(|table| value(table, key));
        (key.clone(), values.collect())
    };
    let rows = keys.into_iter().map(row);
    let differs = |row: &(String, Vec<String>)| row.1.iter().any(|it| *it != row.1[0]);
    let (different, mut common): (Rows, Rows) = rows.partition(differs);
    for (_, values) in &mut common {
        values.truncate(1);
    }
    (different, common)
}

/// A line for each run and a column for each of `rows`: there are more runs than options in which they differ.
fn by_run(title: &str, labels: &[String], rows: &Rows) -> Markup {
    let heads: Vec<String> = rows.iter().map(|row| row.0.clone()).collect();
    let line = |(run, label): (usize, &String)| {
        let values = rows.iter().map(|row| row.1[run].clone());
        (label.clone(), values.collect())
    };
    let lines: Rows = labels.iter().enumerate().map(line).collect();
    table(title, &heads, &lines)
}

/// Names and values that few look for: behind a fold, and not on paper.
fn folded(title: &str, rows: &Rows) -> Markup {
    html! {
        section.aside { details { summary { h2 { (title) } } (lines(&[], rows)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A browser passes over what it does not understand, and the page is without colours.
    #[test]
    fn every_colour_of_the_style_is_declared() {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let name = |text: &str| {
            text.chars()
                .take_while(|it| is_name(*it))
                .collect::<String>()
        };
        let used: Vec<String> = STYLE.split("var(").skip(1).map(name).collect();
        assert!(used.len() > 20, "{used:?}");
        for name in used {
            assert!(name.starts_with("--"), "{name}");
            assert!(STYLE.contains(&format!("{name}: #")), "{name}");
        }
    }

    /// Relative luminance of a colour, and the contrast of two of them (WCAG 2.2,
    /// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>).
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let linear = |it: f64| match it / 255.0 {
            it if it <= 0.04045 => it / 12.92,
            it => ((it + 0.055) / 1.055).powf(2.4),
        };
        let luminance = |it: [f64; 3]| {
            let [red, green, blue] = it.map(linear);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let [one, other] = [one, other].map(|it| luminance(it) + 0.05);
        one.max(other) / one.min(other)
    }

    /// The colour of that `name` in `style`.
    fn declared(style: &str, name: &str) -> [f64; 3] {
        let start = format!("{name}: #");
        let at = style.find(&start).expect("declared") + start.len();
        [0, 2, 4].map(|place| {
            let digits = &style[at + place..at + place + 2];
            f64::from(u8::from_str_radix(digits, 16).expect("a colour"))
        })
    }

    /// A count can be read on a cell of any share, by day and by night: contrast is at least 4.5 (WCAG's AA).
    #[test]
    fn counts_can_be_read_on_every_cell() {
        let (day, night) = STYLE.split_at(STYLE.find("prefers-color-scheme").expect("by night"));
        for style in [day, night] {
            let [card, cell] = ["card", "cell"].map(|it| declared(style, it));
            for percent in 0..=100 {
                let (opacity, class) = super::super::figures::cell_look(f64::from(percent) / 100.0);
                let shown: Vec<f64> = (0..3)
                    .map(|it| card[it] * (1.0 - opacity) + cell[it] * opacity)
                    .collect();
                let letters = declared(style, &format!("on-{class}"));
                let found = contrast([shown[0], shown[1], shown[2]], letters);
                assert!(found >= 4.5, "{percent}% {class}: {found}");
            }
        }
    }
}
