//! `gpu-train sweep`: every combination of the options' values, one run after the other.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::args::{Cli, TrainArgs};
use super::config;
use super::interrupt::Interrupt;
use super::start::{announce_fallback, folder_names, keep_pipelines, open};
use super::sweep_args::SweepArgs;
use super::sweep_events::SweepEvents;
use super::sweep_progress::SweepProgress;
use super::tuned::Tuned;
use crate::error::{Error, Result};
use crate::kernel::tuning::Tuning;
use crate::report::{Heading, PAGE, Summary, compare, write_run_report};
use crate::run::{RunConfig, RunFolder};
use crate::sweep::{
    Axis, Combination, Execution, PlannedRun, Status, Sweep, SweepEvent, SweepFolder, combinations,
};
use crate::train::Session;

/// What is told of the runs beside their folders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub quiet: bool,
    pub no_progress: bool,
    pub tensorboard: bool,
}

/// Runs the sweep that `args` ask for, or goes on with one.
pub(super) fn run(args: &SweepArgs) -> Result<()> {
    let words = Words {
        quiet: args.quiet,
        no_progress: args.no_progress,
        tensorboard: args.tensorboard,
    };
    if let Some(path) = &args.resume {
        return resume(path, words);
    }
    let out = args.out.as_deref();
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    let (axes, fixed) = args.axes()?;
    let plan = Planned::new(&axes, fixed)?;
    let session = open(plan.config(), plan.first.limit_binding, words.quiet)?;
    if plan.fallback && !words.quiet {
        announce_fallback();
    }
    let mut execution = Execution::new(&session);
    begin("sweep", plan, out, &session, &mut execution, words)
}

/// Runs that are known by their options.
pub(super) struct Planned {
    /// The first run's options.
    first: TrainArgs,
    runs: Vec<PlannedRun>,
    /// Whether drawn pictures stand in for a data set that nobody named.
    pub fallback: bool,
}

impl Planned {
    /// Every combination of `axes`, each with the arguments `fixed`.
    ///
    /// Errors where a value makes no sense, naming the run.
    pub(super) fn new(axes: &[Axis], fixed: &[OsString]) -> Result<Self> {
        let mut first = None;
        let mut runs = Vec::new();
        let mut fallback = false;
        for combination in combinations(axes)? {
            let of_run = |error: Error| match combination.name.as_str() {
                "" => error,
                name => error.and_hint(&format!("it is run {name} of the sweep")),
            };
            let args = parse(&combination, fixed).map_err(of_run)?;
            let (config, stands_in) = config::resolve(&args).map_err(of_run)?;
            fallback = stands_in;
            let name = match combination.name.as_str() {
                "" => config.net.name(),
                name => name,
            };
            runs.push(PlannedRun {
                name: name.to_owned(),
                varies: combination.varies,
                config,
            });
            first.get_or_insert(args);
        }
        let none = || Error::usage("there is no run", "this is a bug; please report it");
        Ok(Self {
            first: first.ok_or_else(none)?,
            runs,
            fallback,
        })
    }

    /// The first run's, and so what all agree on.
    pub(super) fn config(&self) -> &RunConfig {
        &self.runs[0].config
    }
}

/// The options of one run, as if they had been written after `gpu-train`.
fn parse(combination: &Combination, fixed: &[OsString]) -> Result<TrainArgs> {
    let own = combination.arguments.iter().map(OsStr::new);
    let all = fixed.iter().map(OsString::as_os_str).chain(own);
    let parsed = Cli::try_parse_from([OsStr::new("gpu-train")].into_iter().chain(all));
    let cli = parsed.map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let what = first.strip_prefix("error: ").unwrap_or(first);
        Error::usage(what, "`gpu-train sweep --help` lists options and values")
    })?;
    Ok(cli.train)
}

/// Makes the folder of a new sweep and trains its runs.
pub(super) fn begin(
    title: &str,
    plan: Planned,
    out: Option<&Path>,
    session: &Session,
    execution: &mut Execution<'_>,
    words: Words,
) -> Result<()> {
    let tuned = Tuned::load(&plan.first, plan.config(), session.device().description())?;
    let tuning = tuned.tuning.as_deref().cloned().unwrap_or_default();
    let data = execution.check(&plan.runs, &tuning)?;
    let sweep = Sweep {
        title: title.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data,
        tuning,
        runs: plan.runs,
    };
    let mut folder = SweepFolder::create(folder_names(out, title), sweep)?;
    train_all(&mut folder, session, execution, words)
}

/// Goes on with the sweep in the folder `path`.
fn resume(path: &Path, words: Words) -> Result<()> {
    let mut folder = SweepFolder::open(path)?;
    if let Some(note) = folder.note().filter(|_| !words.quiet) {
        super::style::notice(note);
    }
    let sweep = folder.sweep();
    let session = open(&sweep.runs[0].config, None, words.quiet)?;
    let mut execution = Execution::new(&session);
    train_all(&mut folder, &session, &mut execution, words)
}

fn train_all(
    folder: &mut SweepFolder,
    session: &Session,
    execution: &mut Execution<'_>,
    words: Words,
) -> Result<()> {
    announce_tuning(&folder.sweep().tuning, words.quiet);
    let mut progress = SweepProgress::new(folder, words);
    let mut events = words.tensorboard.then(|| SweepEvents::new(folder.path()));
    let interrupt = Interrupt::listen(progress.notices());
    let result = execution.run(
        folder,
        || interrupt.asked(),
        |event| {
            progress.show(event);
            if let Some(events) = &mut events {
                events.write(event)?;
            }
            if let SweepEvent::RunEnded {
                path,
                outcome,
                diverged,
                ..
            } = event
            {
                keep_pipelines(session, words.quiet);
                if diverged.is_none() && outcome.last.is_some() {
                    write_run_report(path, None)?;
                }
            }
            Ok(())
        },
    );
    progress.finish();
    result?;
    let compared = compare_done(folder)?;
    if !words.quiet {
        super::sweep_progress::table(folder, compared.as_ref());
    }
    Ok(())
}

/// Draws the runs that ended together; `None` where there is none.
fn compare_done(folder: &SweepFolder) -> Result<Option<Summary>> {
    let summary = folder.summary();
    let runs = 0..summary.len();
    let (done, others): (Vec<usize>, Vec<usize>) =
        runs.partition(|&run| summary.status(run) == Status::Done);
    if done.is_empty() {
        return Ok(None);
    }
    let note = |run: usize| {
        let (name, status) = (summary.value(run, "run"), summary.status(run).name());
        format!("Not drawn: {name}, {status}.")
    };
    let heading = Heading {
        title: Some(match folder.sweep().title.as_str() {
            "sweep" => format!("Sweep of {} runs", summary.len()),
            experiment => format!("Experiment {experiment}"),
        }),
        notes: others.into_iter().map(note).collect(),
    };
    let done: Vec<PathBuf> = done.into_iter().map(|run| folder.run_path(run)).collect();
    // The page is the last thing that is written of a run: one that was killed before has none.
    for path in done.iter().filter(|path| !path.join(PAGE).exists()) {
        // Takes away what it left half written.
        let _run = RunFolder::open(path)?;
        write_run_report(path, None)?;
    }
    compare(&done, &heading, folder.path()).map(Some)
}

fn announce_tuning(tuning: &Tuning, quiet: bool) {
    if !tuning.is_empty() && !quiet {
        let count = tuning.len();
        super::style::tell(format_args!(
            "with what `gpu-train tune` found for {count} kernels, where a run has them; \
             --no-tuned ignores it"
        ));
    }
}
