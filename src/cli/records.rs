//! Results for programs: CSV, or JSON, with the same names in both.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use super::style;
use crate::error::Result;

/// Lines of the same columns.
#[derive(Debug)]
pub(super) struct Records {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Records {
    pub(super) fn new<C: Into<String>>(columns: impl IntoIterator<Item = C>) -> Self {
        Self {
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a line, of a value per column; what is no finite number has been made null.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Prints a header and a line each.
    pub(super) fn say_csv(&self) {
        let mut lines = vec![self.columns.clone()];
        let line = |row: &Vec<Value>| row.iter().map(cell).collect();
        lines.extend(self.rows.iter().map(line));
        style::say_bytes(&style::csv(&lines));
    }

    /// Prints an array of an object each.
    pub(super) fn say_json(&self) -> Result<()> {
        style::say_json(&self.objects())
    }

    /// An object each.
    pub(super) fn objects(&self) -> Vec<Object> {
        let object = |row: &Vec<Value>| {
            let named = self.columns.iter().cloned().zip(row.iter().cloned());
            Object(named.collect())
        };
        self.rows.iter().map(object).collect()
    }
}

/// A JSON object whose keys stand in the order in which they were given.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(Vec<(String, Value)>);

impl Object {
    /// That of an event of this name.
    pub(super) fn of(event: &str) -> Self {
        Self::default().with("event", event)
    }

    /// The same with `value` behind.
    #[must_use]
    pub(super) fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.push((key.into(), value.into()));
        self
    }

    /// The same with all of `other` behind.
    #[must_use]
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// What a cell of a CSV file of ours says: a number; null where there is none, or none that is finite; else a text.
pub(super) fn parsed(cell: &str) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    if let Ok(whole) = cell.parse::<u64>() {
        return whole.into();
    }
    // What is not finite becomes null.
    cell.parse::<f64>()
        .map_or_else(|_| cell.into(), Value::from)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => style::clean_field(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_what_they_say() {
        for (text, json) in [
            ("12", "12"),
            ("0.1", "0.1"),
            ("1e-7", "1e-7"),
            ("-0.5", "-0.5"),
            ("0.013533812999999999", "0.013533812999999999"),
            ("", "null"),
            ("NaN", "null"),
            ("-inf", "null"),
            ("none", "\"none\""),
            ("16,32", "\"16,32\""),
            ("true", "\"true\""),
        ] {
            let value = parsed(text);
            assert_eq!(value.to_string(), json, "{text}");
        }
    }

    #[test]
    fn keys_stay_in_order() {
        let object = Object::of("end").with("z", 1).with("a", f64::NAN);
        let text = serde_json::to_string(&object).expect("is JSON");
        assert_eq!(text, r#"{"event":"end","z":1,"a":null}"#);
        let mut records = Records::new(["run", "mae"]);
        records.push(["a\"b".into(), Value::Null]);
        records.push(["c".into(), 0.25.into()]);
        let text = serde_json::to_string(&records.objects()).expect("is JSON");
        assert_eq!(
            text,
            r#"[{"run":"a\"b","mae":null},{"run":"c","mae":0.25}]"#
        );
    }
}
