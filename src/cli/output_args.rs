//! What can be said of what is printed; and to the commands that only print.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::args::{Cli, Command};
use super::model_args::Format;

/// What every command takes.
#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Add all that is printed to this file too, as plain text without the bars
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub(super) log: Option<PathBuf>,
    /// Tell more on stderr: device and driver, data and their cache, compiled kernels, files that are written
    #[arg(long, global = true, help_heading = "Output")]
    pub(super) verbose: bool,
}

/// What is told beside the run folder.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Running")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct Words {
    /// Write TensorBoard's event files into the run folder: scalars of every epoch, pictures of
    /// predictions at the end. To go on with them, give it with --resume again
    #[arg(long)]
    pub(super) tensorboard: bool,
    /// Open the report in the default browser at the end
    #[arg(long)]
    pub(super) open: bool,
    /// How to print what is measured: with csv a line as in metrics.csv, with json an object a line, first of the run,
    /// then of every epoch, then of how it ended; nothing else is printed on stdout
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Print nothing but errors, and what --format csv or json asks for
    #[arg(long)]
    pub(super) quiet: bool,
    /// No progress bar
    #[arg(long)]
    pub(super) no_progress: bool,
}

/// Options of `gpu-train devices`.
#[derive(Debug, Args)]
pub(super) struct DevicesArgs {
    /// How to print the list
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// Options of `gpu-train completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// Options of `gpu-train man`.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder, which is made where it is not there
    /// [default: print the page of gpu-train]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

impl Cli {
    /// Whether nothing is to be told.
    pub(super) fn is_quiet(&self) -> bool {
        match &self.command {
            None => self.train.words.quiet,
            Some(Command::Compare(args)) => args.quiet,
            Some(Command::Doctor(args)) => args.quiet,
            Some(Command::Eval(args)) => args.model.quiet,
            Some(Command::Export(args)) => args.model.quiet,
            Some(Command::Fetch(args)) => args.quiet,
            Some(Command::Predict(args)) => args.model.quiet,
            Some(Command::Tune(args)) => args.quiet,
            Some(Command::Sweep(args)) => args.words.quiet,
            Some(Command::Experiment(args)) => args.words.quiet,
            Some(Command::Devices(_) | Command::Completions(_) | Command::Man(_)) => false,
        }
    }
}
