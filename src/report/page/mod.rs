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

use maud::{DOCTYPE, Markup, PreEscaped, html};
use toml::Table;

use super::figures::printable;
use super::{Named, RunRecord};

const STYLE: &str = include_str!("style.css");
/// By which a page of ours is known, at its end.
pub(super) const FOOTER: &str = "Written by gpu-train ";
/// Bytes from there to the end of a page, at most.
pub(super) const END: u64 = 200;
/// More lines of a table than this are behind a fold.
const MANY: usize = 40;

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

/// Figures side by side where there is room.
fn figures(figures: &[Named]) -> Markup {
    html! {
        section.figures {
            @for Named { figure, .. } in figures {
                figure { (PreEscaped(figure.svg())) }
            }
        }
    }
}

/// A number with its name, large.
fn tile(name: &str, value: &str) -> Markup {
    html! { div.tile { div.value { (value) } div.name { (name) } } }
}

/// Names and values, with one column of values per entry of `heads`; without heads where there is
/// one. A long table is folded.
fn table(title: &str, heads: &[String], rows: &[(String, Vec<String>)]) -> Markup {
    let body = html! {
        div.scroll {
            table.pairs[heads.is_empty()] {
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
    };
    html! {
        section {
            @if rows.len() > MANY {
                details { summary { h2 { (title) } } (body) }
            } @else {
                h2 { (title) }
                (body)
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

/// Configuration or environment of `runs`: what all have in common, and what differs, with a column
/// per run.
fn side_by_side(
    title: &str,
    heads: &[String],
    runs: &[RunRecord],
    part: impl Fn(&RunRecord) -> &Table,
) -> Markup {
    let tables: Vec<Vec<(String, String)>> = runs.iter().map(|run| flattened(part(run))).collect();
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
    let same = |row: &(String, Vec<String>)| row.1.iter().all(|it| *it == row.1[0]);
    let (mut common, different): (Vec<_>, Vec<_>) = rows.partition(same);
    for (_, values) in &mut common {
        values.truncate(1);
    }
    let common_title = match runs.len() {
        1 => title.to_owned(),
        _ => format!("{title}: the same in all runs"),
    };
    html! {
        @if !different.is_empty() { (table(&format!("{title}: what differs"), heads, &different)) }
        @if !common.is_empty() { (table(&common_title, &[], &common)) }
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
}
