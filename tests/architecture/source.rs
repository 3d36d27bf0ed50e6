//! Reads Rust sources, as far as the tests of the architecture ask.

use std::fs;
use std::path::{Path, PathBuf};

/// Every `.rs` file below `folder`.
pub fn list_all(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("sources are readable") {
        let path = entry.expect("sources are readable").path();
        if path.is_dir() {
            list_all(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

/// Every `.rs` file below `folder` but those that only tests compile, which are named `tests.rs`.
pub fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    list_all(folder, files);
    files.retain(|path| !path.ends_with("tests.rs"));
}

/// The paths of an import: `a::{b, c::{self, D}}` is `a::b`, `a::c` and `a::c::D`.
pub fn paths(text: &str) -> Vec<Vec<String>> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_path(c)).unwrap_or(text.len());
    let segments = text[..end]
        .split("::")
        .filter(|it| !it.is_empty() && *it != "self");
    let head: Vec<String> = segments.map(str::to_owned).collect();
    if !text[end..].starts_with('{') {
        return vec![head];
    }
    let group = &text[end + 1..end + braces_end(&text[end..]) - 1];
    let mut depth = 0;
    let parts = group.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == ','
    });
    let tails = parts.filter(|it| !it.trim().is_empty());
    let tails = tails.flat_map(|it| paths(it.trim_start()));
    tails.map(|tail| [&head[..], &tail[..]].concat()).collect()
}

/// Bytes from the first `{` of `text`, which it starts with, to past its `}`.
pub fn braces_end(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// `text` with every item under `#[cfg(test)]` blank.
pub fn without_tests(text: &str) -> String {
    let mut kept = text.to_owned();
    while let Some(start) = kept.find("#[cfg(test)]") {
        let end = match kept[start..].find(['{', ';']) {
            Some(at) if kept[start + at..].starts_with('{') => {
                start + at + braces_end(&kept[start + at..])
            }
            Some(at) => start + at + 1,
            None => kept.len(),
        };
        let blank = blank(&kept[start..end]);
        kept.replace_range(start..end, &blank);
    }
    kept
}

/// `text` with comments, strings and character literals blank.
pub fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => string_length(rest),
            'r' if rest.starts_with("r\"") => 2 + rest[2..].find('"').unwrap_or(0) + 1,
            'r' if rest.starts_with("r#\"") => 3 + rest[3..].find("\"#").unwrap_or(0) + 2,
            '\'' => character_length(rest),
            _ => 0,
        };
        if length == 0 {
            kept.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            kept.push_str(&blank(&rest[..length]));
            rest = &rest[length..];
        }
    }
    kept
}

/// Bytes of the string literal that `text` starts with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Bytes of the character literal that `text` starts with; 0 where it is a lifetime.
fn character_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[2..].find('\'').map_or(0, |at| at + 3).max(4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

fn blank(text: &str) -> String {
    let blank = |c: char| if c == '\n' { c } else { ' ' };
    text.chars().map(blank).collect()
}
