//! `gpu-train completions` and `gpu-train man`: what shells and `man` are told of the command line.

use std::fs;

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::args::Cli;
use super::output_args::{CompletionsArgs, ManArgs};
use super::style;
use crate::error::{Error, Result};
use crate::files::{unwritable, write_whole};

/// Prints the script for a shell.
pub(super) fn completions(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gpu-train", &mut script);
    style::say_bytes(&script);
}

/// Prints the pages of gpu-train and its commands one after the other, or writes each into a file.
///
/// Errors where a file cannot be written.
pub(super) fn man(args: &ManArgs) -> Result<()> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let commands = command.get_subcommands().filter(|it| !it.is_hide_set());
    let pages = std::iter::once(&command).chain(commands);
    let pages: Vec<Man> = pages.map(|it| Man::new(it.clone())).collect();
    let Some(folder) = &args.out else {
        return pages.iter().try_for_each(|page| {
            style::say_bytes(&text(page)?);
            Ok(())
        });
    };
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    for page in &pages {
        write_whole(&folder.join(page.get_filename()), &text(page)?)?;
    }
    let (count, folder) = (pages.len(), folder.display());
    style::tell(format_args!(
        "{count} pages in {folder}: `man {folder}/gpu-train.1` shows the first"
    ));
    Ok(())
}

fn text(page: &Man) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let written = page.render(&mut text);
    written.map_err(|error| {
        let what = format!("the manual page cannot be written: {error}");
        Error::usage(what, "this is a bug in gpu-train; please report it")
    })?;
    Ok(text)
}
