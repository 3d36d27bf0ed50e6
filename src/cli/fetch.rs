//! `gpu-train fetch`.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::ProgressBar;

use super::args::FetchArgs;
use super::bar::Look;
use super::style;
use crate::error::{Error, Result};
use crate::fetch::{Event, Options, Outcome, RemoteSet, catalogue, fetch};
use crate::files::cache_folder;

/// How the bar of a file looks.
const BAR: Look = Look {
    wide: "{bar:30} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left",
    narrow: "{bar:6} {binary_bytes}/{binary_total_bytes} {eta}",
};

/// Fetches a data set, and says where it is and what it may be used for.
pub(super) fn run(args: &FetchArgs) -> Result<()> {
    let set = catalogue::find(&args.name).ok_or_else(|| {
        let known: Vec<_> = catalogue::SETS.iter().map(|set| set.name).collect();
        Error::usage(
            format!("the data set {} cannot be fetched", args.name),
            format!("known are {}", known.join(", ")),
        )
    })?;
    let folder = folder(args, set)?;
    let options = Options {
        mirror: args.mirror.clone(),
        // The cache folder is ours; what lies in a folder that the user names may be theirs.
        replace: args.out.is_none(),
        ..Options::default()
    };
    let mut progress = Progress::new(args.quiet);
    let outcome = fetch(set, &folder, &options, &mut |event| {
        progress.show(event);
        Ok(())
    });
    progress.bar.finish_and_clear();
    let outcome = outcome?;
    if !args.quiet {
        let there = match outcome {
            Outcome::AlreadyThere => "is already there, whole, in",
            Outcome::Fetched => "is in",
        };
        style::say(format_args!("{} {there} {}", set.name, folder.display()));
        let data = match &args.out {
            Some(folder) => folder.display().to_string(),
            None => set.name.to_owned(),
        };
        style::tell(format_args!("train on it with: gpu-train --data {data}"));
        style::notice(&format!("{}: {}", set.name, set.terms));
    }
    Ok(())
}

/// `--out`, or where `data::source` looks for the set.
fn folder(args: &FetchArgs, set: &RemoteSet) -> Result<PathBuf> {
    if let Some(out) = &args.out {
        return Ok(out.clone());
    }
    let cache = cache_folder().ok_or_else(|| {
        Error::usage(
            "there is no cache folder to fetch into",
            "name a folder with --out DIR, or set HOME (on Windows LOCALAPPDATA) to an absolute \
             path",
        )
    })?;
    Ok(cache.join("gpu-train").join(set.name))
}

/// A bar per file where stderr is a terminal, else a line per event.
struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    fn new(quiet: bool) -> Self {
        let bar = BAR.bar(!quiet);
        Self { bar, quiet }
    }

    fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Waiting { folder } => self.line(&format!(
                "another fetch into {} is at work: waiting for it",
                folder.display()
            )),
            Event::Started { file, url, have } => {
                let size = style::bytes(file.bytes);
                self.line(&match have {
                    0 => format!("fetching {url} ({size})"),
                    _ => format!("fetching the rest of {url} ({size}, {have} bytes are here)"),
                });
                self.bar.reset();
                self.bar.set_length(file.bytes);
                self.bar.set_position(have);
                // Speed and time left are of what comes, not of what was here.
                self.bar.reset_eta();
                self.bar.enable_steady_tick(Duration::from_millis(500));
            }
            Event::Progress { have, .. } => self.bar.set_position(have),
            Event::Retrying { why, pause, .. } => {
                let pause = pause.as_secs_f64();
                self.bar.finish_and_clear();
                self.line(&format!("{why}; trying again in {pause:.0} s"));
            }
            Event::Damaged { file } => {
                self.line(&format!("{} arrived damaged; fetching it anew", file.name));
            }
            Event::Finished { file } => {
                self.bar.finish_and_clear();
                self.line(&format!("{} is whole", file.name));
            }
            Event::Unpacking { file } => self.line(&format!("unpacking {}", file.name)),
        }
    }

    fn line(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| style::tell(format_args!("{text}")));
        }
    }
}
