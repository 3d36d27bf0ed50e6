//! Floor 8: the command line. Parses, renders events, prints errors with their hints; no work of
//! its own. Data goes to stdout, words to stderr.

mod args;
mod bar;
mod browser;
mod compare;
mod config;
mod devices;
mod doctor;
#[cfg(test)]
mod documents;
mod dry_run;
mod epoch_table;
mod estimate;
mod eval;
mod eval_classes;
mod experiment;
mod export;
mod fetch;
mod find_lr;
mod interrupt;
mod latest;
mod launched;
mod log;
mod model;
mod model_args;
mod output_args;
mod predict;
mod predict_classes;
mod profile;
mod progress;
mod records;
mod resumed;
mod run_records;
mod sheet;
mod shell;
mod slips;
mod start;
mod style;
mod summary;
mod sweep;
mod sweep_args;
mod sweep_events;
mod sweep_progress;
mod sweep_records;
mod sweep_values;
mod table;
mod task;
mod time_left;
mod train;
mod tune;
mod tuned;
mod wrap;

use std::process::ExitCode;

use clap::Parser as _;

use crate::error::Result;
use crate::ranks::Ranks;
use args::{Cli, Command};
use launched::Launched;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    hush_the_loader();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return slips::show(&error),
    };
    let status = met(&cli).unwrap_or_else(|error| {
        if launched::speaks() {
            style::error(&error);
        }
        error.exit_code()
    });
    log::close(status);
    ExitCode::from(status)
}

/// Meets the other ranks of a job, runs the command, and says how it ended.
fn met(cli: &Cli) -> Result<u8> {
    if let Some(path) = cli.output.log.as_deref().filter(|_| launched::speaks()) {
        log::open(path, &command_line())?;
    }
    if cli.output.verbose && !cli.is_quiet() && launched::speaks() {
        style::be_verbose();
    }
    let launched = Launched::meet(cli)?;
    let result = run(cli, launched.ranks());
    let result = result.and_then(|()| style::all_said());
    Ok(launched.end(result.and_then(|()| log::all_written())))
}

/// What the process was started with, as one would type it.
fn command_line() -> String {
    let quoted = |word: std::ffi::OsString| {
        let word = word.to_string_lossy().into_owned();
        let is_plain = |c: char| c.is_alphanumeric() || "-_=./,:+@%".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            word
        } else {
            format!("'{}'", style::clean_field(&word).replace('\'', "'\\''"))
        }
    };
    let words: Vec<String> = std::env::args_os().skip(1).map(quoted).collect();
    std::iter::once("gpu-train".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// On machines without a desktop session, Mesa prints "error: `XDG_RUNTIME_DIR` is invalid" for
/// windows that we never open; any folder satisfies it.
#[expect(
    unsafe_code,
    reason = "Vulkan's loader, which wgpu starts, reads the process's own environment"
)]
fn hush_the_loader() {
    let name = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(name).is_none() {
        // SAFETY: this is the process's first act, before it has a second thread.
        unsafe { std::env::set_var(name, std::env::temp_dir()) };
    }
}

fn run(cli: &Cli, ranks: &Ranks) -> Result<()> {
    match &cli.command {
        None => train::run(&cli.train, ranks),
        Some(Command::Compare(args)) => compare::run(args),
        Some(Command::Devices(args)) => devices::run(args),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Eval(args)) => eval::run(args),
        Some(Command::Export(args)) => export::run(args),
        Some(Command::Fetch(args)) => fetch::run(args),
        Some(Command::Predict(args)) => predict::run(args),
        Some(Command::Tune(args)) => tune::run(args),
        Some(Command::Sweep(args)) => sweep::run(args),
        Some(Command::Experiment(args)) => experiment::run(args),
        Some(Command::Completions(args)) => {
            shell::completions(args);
            Ok(())
        }
        Some(Command::Man(args)) => shell::man(args),
    }
}
