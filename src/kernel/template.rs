//! The expander that turns a `.wgsl` file of `shaders/` into plain WGSL.
//!
//! Not every driver's compiler unrolls loops and keeps an array in registers, so tiles are written out
//! with named accumulators. These directives, each alone on a line, do that:
//!
//! ```text
//! //#include activation        the text of shaders/shared/activation.wgsl
//! //#for r in 0..ROWS          repeats what follows with r = 0, 1, … (bounds are expressions)
//! //#if SLICES > 1             keeps what follows where that holds
//! //#end                       closes a loop or a condition
//! //#let ROWS = 4*WINDOWS      a name for the rest of the loop, or of the file
//! ```
//!
//! and `${expression}` anywhere becomes its value: integers, loop variables and variant names, with
//! `+ - * /` and brackets. `sum_${r}_${4*c+1}` becomes `sum_0_5`.

use crate::error::{Error, Result};
use crate::kernel::snippets::SNIPPETS;

/// Expands `source`, the template of `kernel`, with the values of `variant`.
pub fn expand(kernel: &str, source: &str, variant: &[(&str, u32)]) -> Result<String> {
    let mut names = variant
        .iter()
        .map(|&(name, value)| (name.to_owned(), i64::from(value)))
        .collect();
    let lines: Vec<&str> = source.lines().collect();
    let mut out = String::with_capacity(source.len() * 2);
    block(&lines, &mut names, &mut out).map_err(|what| {
        Error::shape(
            format!("shader {kernel}"),
            what,
            "this is a bug in the shader's template; please report it",
        )
    })?;
    Ok(out)
}

type Names = Vec<(String, i64)>;

/// Expands a run of lines in which every loop and condition is closed.
fn block(lines: &[&str], names: &mut Names, out: &mut String) -> Result<(), String> {
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        match line.trim_start().strip_prefix("//#") {
            None => {
                substitute(line, names, out)?;
                out.push('\n');
                at += 1;
            }
            Some(directive) => at += self::directive(directive, &lines[at..], names, out)?,
        }
    }
    Ok(())
}

/// Runs the directive on the first of `lines`; returns how many lines it took.
fn directive(
    text: &str,
    lines: &[&str],
    names: &mut Names,
    out: &mut String,
) -> Result<usize, String> {
    if let Some(name) = text.strip_prefix("include ") {
        let name = name.trim();
        let snippet = SNIPPETS.iter().find(|snippet| snippet.0 == name);
        let (_, source) = snippet.ok_or_else(|| format!("no snippet '{name}'"))?;
        let included: Vec<&str> = source.lines().collect();
        block(&included, names, out)?;
        return Ok(1);
    }
    if let Some((name, value)) = text.strip_prefix("let ").and_then(|it| it.split_once('=')) {
        let value = evaluate(value, names)?;
        names.push((name.trim().to_owned(), value));
        return Ok(1);
    }
    let end = end_of(lines)?;
    let body = &lines[1..end];
    if let Some(condition) = text.strip_prefix("if ") {
        let sides = condition.split_once('>');
        let (left, right) = sides.ok_or_else(|| format!("cannot evaluate '{condition}'"))?;
        if evaluate(left, names)? > evaluate(right, names)? {
            block(body, names, out)?;
        }
        return Ok(end + 1);
    }
    let head = text.strip_prefix("for ").and_then(|head| {
        let (name, range) = head.split_once(" in ")?;
        let (start, end) = range.split_once("..")?;
        Some((name.trim(), start, end))
    });
    let Some((name, first, last)) = head else {
        return Err(format!("unknown directive '//#{text}'"));
    };
    for value in evaluate(first, names)?..evaluate(last, names)? {
        let outside = names.len();
        names.push((name.to_owned(), value));
        block(body, names, out)?;
        names.truncate(outside);
    }
    Ok(end + 1)
}

/// Where the `//#end` is of the loop or condition that the first of `lines` opens.
fn end_of(lines: &[&str]) -> Result<usize, String> {
    let mut depth = 0_i32;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        if line.starts_with("//#for ") || line.starts_with("//#if ") {
            depth += 1;
        } else if line == "//#end" {
            depth -= 1;
        }
        if depth <= 0 {
            return match index {
                0 => Err(format!("unknown directive '{line}'")),
                _ => Ok(index),
            };
        }
    }
    Err(format!("'{}' has no //#end", lines[0].trim()))
}

/// Replaces every `${…}` of `line`.
fn substitute(line: &str, names: &Names, out: &mut String) -> Result<(), String> {
    let mut rest = line;
    while let Some(start) = rest.find("${") {
        let length = rest[start..]
            .find('}')
            .ok_or_else(|| format!("unclosed brace in '{line}'"))?;
        out.push_str(&rest[..start]);
        let value = evaluate(&rest[start + 2..start + length], names)?;
        out.push_str(&value.to_string());
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(())
}

/// The value of an expression: see the head of this file.
fn evaluate(text: &str, names: &Names) -> Result<i64, String> {
    let mut rest = text.trim();
    let value = sum(&mut rest, names).ok_or_else(|| format!("cannot evaluate '{text}'"))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(format!("cannot evaluate '{text}'"))
    }
}

fn sum(rest: &mut &str, names: &Names) -> Option<i64> {
    let mut value = product(rest, names)?;
    loop {
        if eat(rest, '+') {
            value += product(rest, names)?;
        } else if eat(rest, '-') {
            value -= product(rest, names)?;
        } else {
            return Some(value);
        }
    }
}

fn product(rest: &mut &str, names: &Names) -> Option<i64> {
    let mut value = atom(rest, names)?;
    loop {
        if eat(rest, '*') {
            value *= atom(rest, names)?;
        } else if eat(rest, '/') {
            value = value.checked_div(atom(rest, names)?)?;
        } else {
            return Some(value);
        }
    }
}

fn atom(rest: &mut &str, names: &Names) -> Option<i64> {
    if eat(rest, '(') {
        let value = sum(rest, names)?;
        return eat(rest, ')').then_some(value);
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    *rest = after.trim_start();
    word.parse().ok().or_else(|| {
        let known = names.iter().rev().find(|(name, _)| name == word);
        known.map(|(_, value)| *value)
    })
}

fn eat(rest: &mut &str, symbol: char) -> bool {
    let found = rest.strip_prefix(symbol);
    *rest = found.unwrap_or(rest).trim_start();
    found.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_nest_and_expressions_evaluate() {
        let source = "//#for r in 0..ROWS\nlet a_${r} = ${4*(r+1)-1};\n//#for c in r..ROWS\nx_${r}_${c}\n//#end\n//#end\nlast";
        assert_eq!(
            expand("test", source, &[("ROWS", 2)]).expect("expands"),
            "let a_0 = 3;\nx_0_0\nx_0_1\nlet a_1 = 7;\nx_1_1\nlast\n"
        );
    }

    #[test]
    fn names_can_be_given() {
        let source = "//#let B = 2*A+1\n${B} ${A} ${(B+7)/8} ${B-(A)}";
        assert_eq!(
            expand("test", source, &[("A", 4)]).expect("expands"),
            "9 4 2 5\n"
        );
    }

    #[test]
    fn conditions_choose() {
        let source = "//#if A > 1\nmany\n//#if B > A\nmore\n//#end\n//#end\nlast";
        let expand = |variant: &[(&str, u32)]| expand("test", source, variant).expect("expands");
        assert_eq!(expand(&[("A", 1)]), "last\n");
        assert_eq!(expand(&[("A", 2), ("B", 2)]), "many\nlast\n");
        assert_eq!(expand(&[("A", 2), ("B", 3)]), "many\nmore\nlast\n");
    }

    #[test]
    fn mistakes_are_named() {
        for (source, what) in [
            ("//#for r in 0..2\nx", "no //#end"),
            ("//#include nothing", "no snippet 'nothing'"),
            ("//#when x", "unknown directive"),
            ("//#for r\nx\n//#end", "unknown directive"),
            ("//#if 1 > 0\nx", "no //#end"),
            ("//#if x > 0\n//#end", "cannot evaluate"),
            ("//#if 1\n//#end", "cannot evaluate"),
            ("//#end", "unknown directive"),
            ("${ROWS}", "cannot evaluate"),
            ("${1", "unclosed brace"),
            ("${1/0}", "cannot evaluate"),
        ] {
            let error = expand("test", source, &[]).expect_err("must fail");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
