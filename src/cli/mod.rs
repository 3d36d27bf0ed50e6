//! Floor 8: the command line. Parses, renders events, prints errors with their hints; no work of
//! its own. Data goes to stdout, words to stderr.

mod args;
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
mod launched;
mod model;
mod model_args;
mod predict;
mod predict_classes;
mod profile;
mod progress;
mod resumed;
mod sheet;
mod slips;
mod start;
mod style;
mod summary;
mod sweep;
mod sweep_args;
mod sweep_events;
mod sweep_progress;
mod sweep_values;
mod task;
mod time_left;
mod train;
mod tune;
mod tuned;

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
    match Launched::meet(&cli) {
        Ok(launched) => {
            let result = run(&cli, launched.ranks()).and_then(|()| style::all_said());
            launched.end(result)
        }
        Err(error) => {
            if launched::speaks() {
                style::error(&error);
            }
            ExitCode::from(error.exit_code())
        }
    }
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
        Some(Command::Devices) => devices::run(),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Eval(args)) => eval::run(args),
        Some(Command::Export(args)) => export::run(args),
        Some(Command::Fetch(args)) => fetch::run(args),
        Some(Command::Predict(args)) => predict::run(args),
        Some(Command::Tune(args)) => tune::run(args),
        Some(Command::Sweep(args)) => sweep::run(args),
        Some(Command::Experiment(args)) => experiment::run(args),
    }
}
