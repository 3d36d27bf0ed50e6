//! A TOML file with every one of its values changed in turn.

use toml::{Table, Value};

/// A part of a path in a TOML file.
#[derive(Debug, Clone)]
enum Part {
    Key(String),
    At(usize),
}

/// All paths in `value`, to tables and lists as well.
fn paths(value: &Value) -> Vec<Vec<Part>> {
    let parts: Vec<(Part, &Value)> = match value {
        Value::Table(table) => {
            let parts = table.iter();
            parts
                .map(|(key, it)| (Part::Key(key.clone()), it))
                .collect()
        }
        Value::Array(list) => {
            let parts = list.iter().enumerate();
            parts.map(|(at, it)| (Part::At(at), it)).collect()
        }
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (part, inner) in parts {
        found.push(vec![part.clone()]);
        for path in paths(inner) {
            found.push([std::slice::from_ref(&part), &path[..]].concat());
        }
    }
    found
}

fn words(path: &[Part]) -> String {
    let word = |part: &Part| match part {
        Part::Key(key) => key.clone(),
        Part::At(at) => at.to_string(),
    };
    path.iter().map(word).collect::<Vec<_>>().join(".")
}

fn find<'a>(value: &'a Value, path: &[Part]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, part| match part {
        Part::Key(key) => value.get(key),
        Part::At(at) => value.get(at),
    })
}

/// `value` with another one at the end of `path`, or none.
fn with(value: &Value, path: &[Part], new: Option<Value>) -> Value {
    let (last, before) = path.split_last().expect("leads somewhere");
    let mut changed = value.clone();
    let holder = before
        .iter()
        .try_fold(&mut changed, |value, part| match part {
            Part::Key(key) => value.get_mut(key),
            Part::At(at) => value.get_mut(at),
        });
    match (holder.expect("is there"), last, new) {
        (Value::Table(table), Part::Key(key), Some(new)) => drop(table.insert(key.clone(), new)),
        (Value::Table(table), Part::Key(key), None) => drop(table.remove(key)),
        (Value::Array(list), Part::At(at), Some(new)) => list[*at] = new,
        (Value::Array(list), Part::At(at), None) => drop(list.remove(*at)),
        _ => unreachable!("paths are those of the value"),
    }
    changed
}

/// What may stand in the place of `value`.
fn replacements(value: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = vec![
        Value::Boolean(true),
        Value::String("\u{1b}[2J../../etc/passwd".to_owned()),
        Value::Array(Vec::new()),
        Value::Table(Table::new()),
    ];
    let integers = [0, 1, -1, 7, 1 << 32, (1 << 53) + 1, i64::MAX, i64::MIN];
    let floats = [0.0, -0.0, -1.5, 1e-320, 1e308, f64::NAN, f64::INFINITY];
    match value {
        Value::Integer(number) => {
            all.extend(integers.map(Value::Integer));
            all.push(Value::Integer(number.saturating_add(1)));
            all.push(Value::Float(*number as f64));
        }
        Value::Float(number) => {
            all.extend(floats.map(Value::Float));
            all.push(Value::Float(number * (1.0 + 1e-6)));
            all.push(Value::Integer(*number as i64));
        }
        Value::Boolean(is) => all.push(Value::Boolean(!is)),
        Value::String(text) => {
            all.push(Value::String(format!("{text}0")));
            all.push(Value::String("x".repeat(1 << 12)));
            all.push(Value::String(String::new()));
        }
        Value::Array(list) => {
            all.push(Value::Array([&list[..], &list[..]].concat()));
            all.push(Value::Array(vec![Value::Integer(i64::MAX); 3]));
        }
        _ => {}
    }
    all.retain(|it| it != value);
    all
}

/// Every mutant of `text`, with the path of what was changed, of which every number changed by a digit has
/// an empty one. `other` is another file of its kind.
pub fn mutants(text: &str, other: &str) -> Vec<(String, String)> {
    let parsed = |text: &str| Value::Table(text.parse().expect("is TOML"));
    let (value, other) = (parsed(text), parsed(other));
    let written = |value: &Value| toml::to_string(value).expect("is TOML");
    let mut all = Vec::new();
    for path in paths(&value) {
        let old = find(&value, &path).expect("is there");
        let theirs = find(&other, &path).filter(|it| *it != old);
        let values = replacements(old).into_iter().chain(theirs.cloned());
        for new in values.map(Some).chain([None]) {
            all.push((words(&path), written(&with(&value, &path, new))));
        }
    }
    for (at, digit) in text.char_indices().filter(|(_, it)| it.is_ascii_digit()) {
        let other = char::from_digit((digit.to_digit(10).unwrap_or(0) + 1) % 10, 10);
        let other = other.expect("is a digit").to_string();
        all.push((
            String::new(),
            [&text[..at], &other, &text[at + 1..]].concat(),
        ));
    }
    all
}
