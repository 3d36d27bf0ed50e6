//! Lines that are longer than the terminal is wide, broken between words.

use std::borrow::Cow;

use console::{Term, measure_text_width};

/// Columns by which what follows a break is indented.
const INDENT: usize = 2;

/// Columns of `term`; `None` where it is no terminal, and lines may have any length.
pub(super) fn room(term: &Term) -> Option<usize> {
    let size = term.is_term().then(|| term.size_checked()).flatten();
    size.map(|(_, columns)| usize::from(columns))
        .filter(|it| *it > 0)
}

/// `text` in lines of at most `room` columns, if it is limited. What stands in backticks, which may be a command to
/// copy, stays in one line where it fits one; a word that is longer than a line stays whole.
pub(super) fn wrapped(text: &str, room: Option<usize>) -> Cow<'_, str> {
    let Some(room) = room.filter(|room| text.lines().any(|it| measure_text_width(it) > *room))
    else {
        return text.into();
    };
    let lines: Vec<String> = text.split('\n').map(|it| broken(it, room)).collect();
    lines.join("\n").into()
}

/// One line, broken.
fn broken(line: &str, room: usize) -> String {
    if measure_text_width(line) <= room {
        return line.to_owned();
    }
    let own = line.len() - line.trim_start_matches(' ').len();
    let indent = " ".repeat((own + INDENT).min(room / 2));
    let mut text = String::new();
    let mut columns = 0;
    for (spaces, word) in words(line, room.saturating_sub(indent.len())) {
        let width = measure_text_width(word);
        if columns > 0 && columns + spaces + width > room {
            text.push('\n');
            text.push_str(&indent);
            columns = indent.len();
        } else {
            text.push_str(&" ".repeat(spaces));
            columns += spaces;
        }
        text.push_str(word);
        columns += width;
    }
    text
}

/// The words of `line` with the number of spaces before each; what stands in backticks is one, if it has at most
/// `most` columns.
fn words(line: &str, most: usize) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.trim_start_matches(' ');
        let spaces = rest.len() - word.len();
        let mut end = word.find(' ').unwrap_or(word.len());
        if let Some(open) = word[..end].find('`')
            && let Some(length) = word[open + 1..].find('`')
        {
            let close = open + 1 + length + 1;
            let whole = close + word[close..].find(' ').unwrap_or(word.len() - close);
            if measure_text_width(&word[..whole]) <= most {
                end = end.max(whole);
            }
        }
        words.push((spaces, &word[..end]));
        rest = &word[end..];
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let text = "note: one two three four five\nsix";
        assert_eq!(wrapped(text, None), text);
        assert_eq!(wrapped(text, Some(29)), text);
        assert_eq!(
            wrapped(text, Some(14)),
            "note: one two\n  three four\n  five\nsix"
        );
        assert_eq!(wrapped("a  b   c", Some(5)), "a  b\n  c");
        assert_eq!(
            wrapped("x incomprehensibilities y", Some(8)),
            "x\n  incomprehensibilities\n  y"
        );
        assert_eq!(
            wrapped("\n    longer lines", Some(11)),
            "\n    longer\n     lines"
        );
    }

    #[test]
    fn what_can_be_copied_stays_whole() {
        let text = "hint: `gpu-train --resume runs/x` goes on";
        assert_eq!(
            wrapped(text, Some(40)),
            "hint: `gpu-train --resume runs/x` goes\n  on"
        );
        assert_eq!(
            wrapped(text, Some(30)),
            "hint:\n  `gpu-train --resume runs/x`\n  goes on"
        );
        assert_eq!(
            wrapped(text, Some(20)),
            "hint: `gpu-train\n  --resume runs/x`\n  goes on"
        );
        assert_eq!(wrapped("a `b c", Some(4)), "a `b\n  c");
        // Colours take no columns, and letters may take two.
        let bold = format!("{}two{} 345", "\u{1b}[1m", "\u{1b}[0m");
        assert_eq!(wrapped(&bold, Some(7)), bold);
        assert_eq!(wrapped("数字 数字", Some(8)), "数字\n  数字");
    }
}
