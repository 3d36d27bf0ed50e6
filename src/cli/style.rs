//! Words for people, on stderr: coloured on a terminal, unless `NO_COLOR` is set.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use console::{Style, StyledObject};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::nn::Metric;
pub(super) use crate::report::duration;
use crate::train::Metrics;

/// What was lost of the output first: a training goes on without it, and says so at its end.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line of data.
pub(super) fn say(line: fmt::Arguments<'_>) {
    keep_error(writeln!(io::stdout(), "{line}"));
}

/// Prints data that is lines already.
pub(super) fn say_bytes(lines: &[u8]) {
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
            "see to free space where it is redirected to, and run the command again",
        ))
    })
}

/// Prints data as JSON.
pub(super) fn say_json(data: &(impl Serialize + ?Sized)) -> Result<()> {
    let text = serde_json::to_string_pretty(data).map_err(|error| {
        let what = format!("the result cannot be written as JSON: {error}");
        Error::usage(what, "use --format csv")
    })?;
    say(format_args!("{text}"));
    Ok(())
}

/// Prints a line of words for people.
pub(super) fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints an error and what helps. A run that was stopped and saved is none.
pub(super) fn error(error: &Error) {
    let word = match error {
        Error::Interrupted { .. } => paint(Style::new().yellow().bold(), "stopped:"),
        _ => paint(Style::new().red().bold(), "error:"),
    };
    tell(format_args!("{word} {error}"));
    let hint = paint(Style::new().green(), "hint:");
    tell(format_args!("{hint} {}", error.hint()));
}

/// Prints something that the user should not miss.
pub(super) fn notice(text: &str) {
    let word = paint(Style::new().yellow().bold(), "note:");
    tell(format_args!("{word} {text}"));
}

fn paint(style: Style, text: &str) -> StyledObject<&str> {
    style.for_stderr().apply_to(text)
}

/// A value of `metric`: a share in percent, anything else to four decimals; a dash where there is none.
pub(super) fn value_of(metric: &Metric, value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(share) if metric.is_share => format!("{:.1}%", share * 100.0),
        Some(value) => format!("{value:.4}"),
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
