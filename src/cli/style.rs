//! Words for people, on stderr: coloured on a terminal, unless `NO_COLOR` is set.

use console::{Style, StyledObject};

use crate::error::Error;

/// Prints an error and what helps.
pub(super) fn error(error: &Error) {
    eprintln!("{} {error}", paint(Style::new().red().bold(), "error:"));
    eprintln!("{} {}", paint(Style::new().green(), "hint:"), error.hint());
}

/// Prints something that the user should not miss.
pub(super) fn notice(text: &str) {
    eprintln!("{} {text}", paint(Style::new().yellow().bold(), "note:"));
}

fn paint(style: Style, text: &str) -> StyledObject<&str> {
    style.for_stderr().apply_to(text)
}

/// A count of bytes as people read it.
pub(super) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// A count with separators.
pub(super) fn count(count: usize) -> String {
    indicatif::HumanCount(count as u64).to_string()
}

/// Seconds as people read them.
pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..=9 => format!("{seconds:.1} s"),
        10..=119 => format!("{whole} s"),
        120..=7199 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}
