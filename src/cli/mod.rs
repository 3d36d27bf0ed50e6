//! Floor 7: the command line. Parses, renders events, prints errors with their hints; no work of
//! its own. Data goes to stdout, words to stderr.

mod args;
mod config;
mod devices;
mod dry_run;
mod estimate;
mod progress;
mod style;
mod summary;
mod train;

use std::process::ExitCode;

use clap::Parser as _;

use crate::error::Result;
use args::{Cli, Command};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            style::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        None => train::run(&cli.train),
        Some(Command::Devices) => devices::run(),
    }
}
