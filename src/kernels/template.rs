//! The expander that turns a `.wgsl` file of `shaders/` into plain WGSL.
//!
//! Compilers for software adapters neither unroll loops nor keep an array in registers, so tiles
//! are written out with named accumulators. These directives, each alone on a line, do that:
//!
//! ```text
//! //#include activation        the text of shaders/shared/activation.wgsl
//! //#for r in 0..ROWS          repeats what follows with r = 0, 1, … (bounds are expressions)
//! //#if LANES > 1              keeps what follows where that holds (== < > or not zero), else
//! //#else                      what comes after this line, which may be missing but stands once
//! //#ifdef SLICES              the same, where the variant or a //#let gives a value of that name
//! //#end                       closes a loop or a condition
//! //#let ROWS = 4*WINDOWS      a name for the rest of the loop, or of the file
//! ```
//!
//! and `${expression}` anywhere becomes its value: integers, loop variables and variant names,
//! with `+ - * / %`, brackets, `min(a, b)` and `max(a, b)`. `sum_${r}_${4*c+1}` becomes `sum_0_5`.

use super::snippets::SNIPPETS;
use crate::error::{Error, Result};

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
    if let Some(holds) = condition(text, names)? {
        let body = body(lines)?;
        let (start, end) = match (holds, body.otherwise) {
            (true, otherwise) => (1, otherwise.unwrap_or(body.end)),
            (false, Some(otherwise)) => (otherwise + 1, body.end),
            (false, None) => return Ok(body.end + 1),
        };
        block(&lines[start..end], names, out)?;
        return Ok(body.end + 1);
    }
    let head = text.strip_prefix("for ").and_then(|head| {
        let (name, range) = head.split_once(" in ")?;
        let (start, end) = range.split_once("..")?;
        Some((name.trim(), start, end))
    });
    let Some((name, start, end)) = head else {
        return Err(format!("unknown directive '//#{text}'"));
    };
    let body = body(lines)?;
    if body.otherwise.is_some() {
        return Err(format!("'{}' has an //#else", lines[0].trim()));
    }
    let range = evaluate(start, names)?..evaluate(end, names)?;
    for value in range {
        let outside = names.len();
        names.push((name.to_owned(), value));
        block(&lines[1..body.end], names, out)?;
        names.truncate(outside);
    }
    Ok(body.end + 1)
}

/// Whether the condition of an `//#if` or `//#ifdef` holds; `None` for other directives.
fn condition(text: &str, names: &Names) -> Result<Option<bool>, String> {
    if let Some(name) = text.strip_prefix("ifdef ") {
        let name = name.trim();
        return Ok(Some(names.iter().any(|(known, _)| known == name)));
    }
    let Some(text) = text.strip_prefix("if ") else {
        return Ok(None);
    };
    let Some(at) = text.find(['=', '<', '>']) else {
        return Ok(Some(evaluate(text, names)? != 0));
    };
    let left = evaluate(&text[..at], names)?;
    let holds = if let Some(right) = text[at..].strip_prefix("==") {
        left == evaluate(right, names)?
    } else if let Some(right) = text[at..].strip_prefix('<') {
        left < evaluate(right, names)?
    } else if let Some(right) = text[at..].strip_prefix('>') {
        left > evaluate(right, names)?
    } else {
        return Err(format!("cannot evaluate '{text}'"));
    };
    Ok(Some(holds))
}

/// Where the parts of a loop or condition lie, counted from the line that opens it.
struct Body {
    /// The `//#else`, if there is one.
    otherwise: Option<usize>,
    /// The `//#end`.
    end: usize,
}

/// The parts of the loop or condition that the first of `lines` opens.
fn body(lines: &[&str]) -> Result<Body, String> {
    let opens = ["//#for ", "//#if ", "//#ifdef "];
    let mut depth = 0;
    let mut otherwise = None;
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim();
        if opens.iter().any(|open| line.starts_with(open)) {
            depth += 1;
        } else if line == "//#else" && depth == 1 {
            if otherwise.is_some() {
                return Err(format!("'{}' has a second //#else", lines[0].trim()));
            }
            otherwise = Some(index);
        } else if line == "//#end" {
            depth -= 1;
            if depth == 0 {
                let end = index;
                return Ok(Body { otherwise, end });
            }
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
        } else if eat(rest, '%') {
            value = value.checked_rem(atom(rest, names)?)?;
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
    if let ("min" | "max", true) = (word, eat(rest, '(')) {
        let first = sum(rest, names)?;
        let second = eat(rest, ',').then(|| sum(rest, names))??;
        let value = if word == "min" {
            first.min(second)
        } else {
            first.max(second)
        };
        return eat(rest, ')').then_some(value);
    }
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
        let source = "//#let B = 2*A+1\n${B} ${A} ${(B+7)/8} ${B%8} ${min(A, B-9)} ${max(A,(B))}";
        assert_eq!(
            expand("test", source, &[("A", 4)]).expect("expands"),
            "9 4 2 1 0 9\n"
        );
    }

    #[test]
    fn conditions_choose() {
        let source = "//#if A > 1\nmany\n//#if B\nb\n//#else\nno b\n//#end\n//#else\none\n//#end\n//#ifdef B\ngiven\n//#end";
        let expand = |variant: &[(&str, u32)]| expand("test", source, variant).expect("expands");
        assert_eq!(expand(&[("A", 1)]), "one\n");
        assert_eq!(expand(&[("A", 2), ("B", 0)]), "many\nno b\ngiven\n");
        assert_eq!(expand(&[("A", 2), ("B", 3)]), "many\nb\ngiven\n");
        for (condition, holds) in [("2*3 == 6", true), ("2 == 3", false), ("1 < 0", false)] {
            let source = format!("//#if {condition}\nyes\n//#end");
            let text = super::expand("test", &source, &[]).expect("expands");
            assert_eq!(text, if holds { "yes\n" } else { "" }, "{condition}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (source, what) in [
            ("//#for r in 0..2\nx", "no //#end"),
            ("//#include nothing", "no snippet 'nothing'"),
            ("//#when x", "unknown directive"),
            ("//#if 1\nx", "no //#end"),
            ("//#if x\n//#end", "cannot evaluate"),
            ("//#if 1 = 1\n//#end", "cannot evaluate"),
            ("//#for r in 0..2\n//#else\n//#end", "has an //#else"),
            (
                "//#if 1\n//#else\n//#else\n//#end",
                "'//#if 1' has a second //#else",
            ),
            ("//#else", "unknown directive"),
            ("${ROWS}", "cannot evaluate"),
            ("${1", "unclosed brace"),
            ("${1/0}", "cannot evaluate"),
        ] {
            let error = expand("test", source, &[]).expect_err("must fail");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
