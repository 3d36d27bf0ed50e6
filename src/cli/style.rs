//! Words for people, on stderr: coloured on a terminal, unless `NO_COLOR` is set. Everything that is
//! printed passes here, and is cleaned here: it may quote a stranger's file.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Arg, Command, CommandFactory as _};
use console::{Style, StyledObject, Term};
use serde::Serialize;

use super::args::Cli;
use super::log;
use super::wrap::{room, wrapped};
use crate::error::{Error, Result};
use crate::nn::Metric;
pub(super) use crate::report::{duration, epochs, measured};
use crate::train::Metrics;

/// What was lost of the output first: a training goes on without it, and says so at its end.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Characters of a line that are printed: more than any line of ours has, and than a path may have.
const LONGEST_LINE: usize = 6000;
/// Characters of a sentence that are printed. Lists of names from a file have no end of their own.
const LONGEST_WORDS: usize = 2000;

/// Whether details are told.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Tells details from now on.
pub(super) fn be_verbose() {
    VERBOSE.store(true, Ordering::Relaxed);
}

/// Prints a detail for people who want to know more.
pub(super) fn detail(line: fmt::Arguments<'_>) {
    if VERBOSE.load(Ordering::Relaxed) {
        tell(line);
    }
}

/// Prints a line of data.
pub(super) fn say(line: fmt::Arguments<'_>) {
    let line = clean(&line.to_string(), LONGEST_LINE);
    log::add(&line);
    let shown = wrapped(&line, room(&Term::stdout()));
    keep_error(writeln!(io::stdout(), "{shown}"));
}

/// Prints data that is lines already. Texts in it that others wrote pass [`clean_field`] first.
pub(super) fn say_bytes(lines: &[u8]) {
    log::add(&String::from_utf8_lossy(lines));
    keep_error(io::stdout().write_all(lines));
}

/// Where nobody reads any more (`| head`), there is nobody to tell.
fn keep_error(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert(error);
    }
}

/// Errors where something that was to be printed was not.
pub(super) fn all_said() -> Result<()> {
    keep_error(io::stdout().flush());
    let lost = LOST.lock().ok().and_then(|mut lost| lost.take());
    lost.map_or(Ok(()), |error| {
        Err(Error::file(
            Path::new("standard output"),
            format!("not all could be printed: {error}"),
            "free some space where it is redirected to, and run the command again",
        ))
    })
}

/// The bytes of a CSV file of `lines`, each as long as the others.
pub(super) fn csv<L: AsRef<[String]>>(lines: &[L]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut lines = lines.iter();
    let written = lines.try_for_each(|line| writer.write_record(line.as_ref()));
    let () = written.expect("lines of equal length, in memory");
    writer.into_inner().expect("in memory")
}

/// Prints data as JSON.
pub(super) fn say_json(data: &(impl Serialize + ?Sized)) -> Result<()> {
    let text = serde_json::to_string_pretty(data).map_err(|error| not_json(&error))?;
    say_bytes(format!("{}\n", escaped(&text)).as_bytes());
    Ok(())
}

/// Prints data as JSON in one line, which is there when this returns.
pub(super) fn say_json_line(data: &(impl Serialize + ?Sized)) -> Result<()> {
    let text = serde_json::to_string(data).map_err(|error| not_json(&error))?;
    say_bytes(format!("{}\n", escaped(&text)).as_bytes());
    keep_error(io::stdout().flush());
    Ok(())
}

/// What is said where something has no JSON.
pub(super) fn not_json(error: &serde_json::Error) -> Error {
    let what = format!("the result cannot be written as JSON: {error}");
    Error::usage(what, "use --format csv")
}

/// Prints a line of words for people.
pub(super) fn tell(line: fmt::Arguments<'_>) {
    let line = clean(&line.to_string(), LONGEST_WORDS);
    to_stderr(&line);
}

/// Prints words for people after one of ours, which may have a colour.
fn tell_after(word: &StyledObject<&str>, text: &str) {
    let text = clean(text, LONGEST_WORDS);
    to_stderr(&format!("{word} {text}"));
}

fn to_stderr(line: &str) {
    log::add(line);
    let shown = wrapped(line, room(&Term::stderr()));
    let _ = writeln!(io::stderr(), "{shown}");
}

/// Prints an error and what helps. A run that was stopped and saved is none.
pub(super) fn error(error: &Error) {
    let word = match error {
        Error::Interrupted { .. } => paint(Style::new().yellow().bold(), "stopped:"),
        _ => paint(Style::new().red().bold(), "error:"),
    };
    let what = error.to_string();
    // What a file or a driver says is quoted as it is.
    let what = match error {
        Error::Usage { .. } | Error::Shape { .. } => with_flags(&what),
        _ => what,
    };
    tell_after(&word, &what);
    hint(&with_flags(error.hint()));
}

/// Prints what helps.
pub(super) fn hint(text: &str) {
    tell_after(&paint(Style::new().green(), "hint:"), text);
}

/// `text` of the library, in which settings stand by their names in backticks, as words of the command
/// line: with their flags.
pub(super) fn with_flags(text: &str) -> String {
    let mut flags = Vec::new();
    collect_flags(&Cli::command(), &mut flags);
    let parts: Vec<&str> = text.split('`').collect();
    let mut said = String::new();
    for (index, part) in parts.iter().enumerate() {
        let flag = part.replace('_', "-");
        let is_quoted = index % 2 == 1 && index + 1 < parts.len();
        match is_quoted {
            true if flags.contains(&flag) => said.extend(["--", &flag]),
            true => said.extend(["`", part, "`"]),
            false if index % 2 == 1 => said.extend(["`", part]),
            false => said.push_str(part),
        }
    }
    said
}

fn collect_flags(command: &Command, flags: &mut Vec<String>) {
    let own = command.get_arguments().filter_map(Arg::get_long);
    flags.extend(own.map(str::to_owned));
    for command in command.get_subcommands() {
        collect_flags(command, flags);
    }
}

/// Prints something that the user should not miss.
pub(super) fn notice(text: &str) {
    let text = with_flags(text);
    tell_after(&paint(Style::new().yellow().bold(), "note:"), &text);
}

/// `text` without what would move a terminal's cursor, colour it or turn its writing around, and of
/// more than `most` characters only the beginning and the end. Lines after the first are indented:
/// no name with a line break in it can pass for a line of ours.
fn clean(text: &str, most: usize) -> String {
    let content = text.trim_start_matches('\n');
    let blank_lines = text.len() - content.len();
    let mut cleaned = "\n".repeat(blank_lines.min(2));
    for (number, line) in shortened(content, most).split('\n').enumerate() {
        if number > 0 {
            cleaned.push('\n');
        }
        if number > 0 && !line.is_empty() {
            cleaned.push_str("    ");
        }
        cleaned.extend(line.chars().map(printable));
    }
    cleaned
}

/// `text` as a cell of a table for programs: of one line, and without control characters.
pub(super) fn clean_field(text: &str) -> String {
    let one_line = |c| if c == '\n' { '\u{fffd}' } else { printable(c) };
    text.chars().map(one_line).collect()
}

/// What JSON need not escape and terminals obey, escaped: the text stays the same for its readers.
fn escaped(json: &str) -> String {
    json.chars().fold(String::new(), |mut text, c| {
        if c == '\n' || printable(c) == c {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A `String` takes all that is written.
                let _ = fmt::Write::write_fmt(&mut text, format_args!("\\u{unit:04x}"));
            }
        }
        text
    })
}

/// `c`, or in its place the sign of what cannot be shown.
fn printable(c: char) -> char {
    match c {
        c if c.is_control() => '\u{fffd}',
        // Marks that turn the direction of writing, have no width, or end lines.
        '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => '\u{fffd}',
        c => c,
    }
}

/// `text`, or of more than `most` characters three quarters from its beginning, and its end.
fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let characters = text.chars().count();
    if characters <= most {
        return text.into();
    }
    let at = |character| {
        let found = text.char_indices().nth(character);
        found.map_or(text.len(), |(at, _)| at)
    };
    let (head, tail) = (most / 4 * 3, most / 4);
    let left_out = characters - head - tail;
    let (head, tail) = (&text[..at(head)], &text[at(characters - tail)..]);
    format!("{head} … ({left_out} characters left out) … {tail}").into()
}

fn paint(style: Style, text: &str) -> StyledObject<&str> {
    style.for_stderr().apply_to(text)
}

/// A value of `metric`: a share in percent, anything else to five digits; a dash where there is none.
pub(super) fn value_of(metric: &Metric, value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(share) if metric.is_share => format!("{:.1}%", share * 100.0),
        Some(value) => measured(value),
    }
}

/// Every metric of a set in a sentence: what runs are compared by, then the loss, then all others.
pub(super) fn all_of(metrics: &[Metric], values: &Metrics) -> String {
    let order = [1, 0].into_iter().chain(2..metrics.len());
    let words = order.map(|at| {
        let metric = &metrics[at];
        format!(
            "{} {}",
            metric.short,
            value_of(metric, values.get(metric.name))
        )
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A count of bytes as people read it.
pub(super) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// A count with separators.
pub(super) fn count(count: usize) -> String {
    indicatif::HumanCount(count as u64).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_flags() {
        for (text, said) in [
            ("`lr` 0 is no rate", "--lr 0 is no rate"),
            (
                "try `batch_size` 128 or `mirror` URL",
                "try --batch-size 128 or --mirror URL",
            ),
            (
                "`gpu-train devices` lists `them`",
                "`gpu-train devices` lists `them`",
            ),
            ("it`s `lr", "it`s `lr"),
            ("``", "``"),
            ("", ""),
        ] {
            assert_eq!(with_flags(text), said);
        }
    }

    #[test]
    fn what_terminals_obey_is_not_printed() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{9b}2J\rc\td", 99),
            "a\u{fffd}[31mb\u{fffd}2J\u{fffd}c\u{fffd}d"
        );
        assert_eq!(
            clean("gnp.\u{202e}exe\u{2028}", 99),
            "gnp.\u{fffd}exe\u{fffd}"
        );
        assert_eq!(clean("Ünïcode, 数字 ✓", 99), "Ünïcode, 数字 ✓");
    }

    #[test]
    fn no_name_passes_for_a_line_of_ours() {
        assert_eq!(
            clean("\na\nnote: all is well\n", 99),
            "\na\n    note: all is well\n"
        );
        assert_eq!(clean_field("a\nb\u{7}"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn lists_without_end_have_one() {
        let names = vec!["数name"; 100_000].join(", ");
        let shown = clean(&format!("{names}: the end"), LONGEST_WORDS);
        assert!(shown.chars().count() < LONGEST_WORDS + 60);
        assert!(
            shown.starts_with("数name, ") && shown.ends_with(": the end"),
            "{shown}"
        );
        assert!(shown.contains("characters left out"), "{shown}");
        assert_eq!(clean(&"x".repeat(2000), LONGEST_WORDS).len(), 2000);
    }

    #[test]
    fn json_says_the_same_in_characters_that_can_be_shown() {
        let name = "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0001}ü";
        let text = serde_json::to_string_pretty(&[name]).expect("is text");
        let shown = escaped(&text);
        assert!(
            shown.chars().all(|c| c == '\n' || printable(c) == c),
            "{shown}"
        );
        let read: Vec<String> = serde_json::from_str(&shown).expect("is JSON");
        assert_eq!(read, [name]);
    }
}
