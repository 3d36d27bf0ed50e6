//! `gpu-train sweep`: every combination of the options' values, one run after the other.

use std::path::{Path, PathBuf};

use super::browser;
use super::config::Asked;
use super::interrupt::Interrupt;
use super::latest;
use super::model_args::Format;
use super::output_args::Words;
use super::start::{
    announce_fallback, folder_names, keep_pipelines, load, open, resumable, tell_task,
};
use super::style;
use super::sweep_args::SweepArgs;
use super::sweep_events::SweepEvents;
use super::sweep_progress::SweepProgress;
use super::sweep_records::SweepRecords;
use super::task::Only;
use super::tuned::Tuned;
use crate::error::Result;
use crate::kernel::tuning::Tuning;
use crate::report::{Heading, PAGE, Summary, compare, write_run_report};
use crate::run::RunFolder;
use crate::sweep::{
    Execution, Experiment, PlannedRun, Status, Sweep, SweepEvent, SweepFolder, plan,
};
use crate::train::Session;

/// Runs the sweep that `args` ask for, or goes on with one.
pub(super) fn run(args: &SweepArgs) -> Result<()> {
    let words = args.words;
    if let Some(path) = &args.resume {
        return resume(path, args.only, words);
    }
    let out = args.out.as_deref();
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    let file = args.options.config.as_deref();
    let asked = Asked::new(&args.options, file)?;
    let runs = plan(&asked.base, &asked.values, args.combinations()?)?;
    let config = &runs[0].config;
    let session = open(config, args.options.limit_binding, words.quiet)?;
    if asked.fallback && !words.quiet {
        announce_fallback();
    }
    let tuned = Tuned::load(file, config, session.device().description(), words.quiet)?;
    let mut execution = Execution::new(&session);
    execution.upload(config, load(config, words.quiet, !words.no_progress)?)?;
    let what = ("sweep", args.halving);
    let mut folder = create(what, runs, &tuned, out, &mut execution, words)?;
    if args.prepare {
        prepared(&folder, words.quiet);
        return Ok(());
    }
    train_all(&mut folder, &session, &mut execution, words)
}

/// Says how many runs the sweep in `folder` has, and how others train them.
fn prepared(folder: &SweepFolder, quiet: bool) {
    if quiet {
        return;
    }
    let count = folder.sweep().runs.len();
    style::say(format_args!("{count}"));
    let path = folder.path().display();
    let last = count - 1;
    style::tell(format_args!(
        "runs are prepared in {path}; `gpu-train sweep --resume {path} --only K` trains one, K from 0 to {last}"
    ));
}

/// Makes the folder of a new sweep of that title, and of how many candidates one goes on from each rung of
/// successive halving.
pub(super) fn create(
    (title, halving): (&str, Option<usize>),
    mut runs: Vec<PlannedRun>,
    tuned: &Tuned,
    out: Option<&Path>,
    execution: &mut Execution<'_>,
    words: Words,
) -> Result<SweepFolder> {
    let tuning = tuned.tuning.as_deref().cloned().unwrap_or_default();
    let data = execution.check(&mut runs, &tuning)?;
    if !words.quiet {
        tell_task(&runs[0].config);
    }
    let sweep = Sweep {
        title: title.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data,
        tuning,
        halving,
        runs,
    };
    let folder = SweepFolder::create(folder_names(out, title), sweep)?;
    latest::point_to(folder.path());
    Ok(folder)
}

/// Goes on with the sweep in the folder `path`, or with one run of it.
fn resume(path: &Path, only: Option<Only>, words: Words) -> Result<()> {
    let mut folder = match only {
        None => SweepFolder::open(path)?,
        Some(only) => SweepFolder::open_run(path, only.number()?)?,
    };
    if let Some(note) = folder.note().filter(|_| !words.quiet) {
        style::notice(note);
    }
    let sweep = folder.sweep();
    let session = open(&sweep.runs[0].config, None, words.quiet)?;
    let mut execution = Execution::new(&session);
    let summary = folder.summary();
    let is_next = |run: &usize| {
        folder.part().is_none_or(|own| own == *run) && summary.status(*run) == Status::Unfinished
    };
    if let Some(run) = (0..summary.len()).find(is_next) {
        let config = &sweep.runs[run].config;
        execution.upload(config, load(config, words.quiet, !words.no_progress)?)?;
    }
    train_all(&mut folder, &session, &mut execution, words)
}

/// Trains the runs of `folder` that are this process's, and draws all of them where it is the last.
pub(super) fn train_all(
    folder: &mut SweepFolder,
    session: &Session,
    execution: &mut Execution<'_>,
    words: Words,
) -> Result<()> {
    announce_tuning(&folder.sweep().tuning, words.quiet);
    let mut records = SweepRecords::begin(folder, words.format)?;
    let ended = train_and_draw(folder, session, execution, words, &mut records);
    let result = ended.as_ref().map(|_| ()).map_err(Clone::clone);
    let drawn = ended.ok().flatten();
    records.end(folder, &result, drawn.is_some())?;
    result
}

/// The same; gives what the runs came to that were drawn, if they were.
fn train_and_draw(
    folder: &mut SweepFolder,
    session: &Session,
    execution: &mut Execution<'_>,
    words: Words,
    records: &mut SweepRecords,
) -> Result<Option<Summary>> {
    let mut progress = SweepProgress::new(folder, words);
    let mut events = words.tensorboard.then(|| SweepEvents::new(folder.path()));
    let interrupt = Interrupt::listen(progress.notices());
    let mut trained = false;
    let result = execution.run(
        folder,
        || interrupt.asked(),
        |event| {
            progress.show(event);
            records.write(event)?;
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
                trained = true;
                keep_pipelines(session, words.quiet);
                if diverged.is_none() && outcome.status == Status::Done {
                    write_run_report(path, None)?;
                }
            }
            Ok(())
        },
    );
    progress.finish();
    result.map_err(|error| {
        let only = folder.part().map(|index| format!(" --only {index}"));
        let (folder, only) = (folder.path().display(), only.unwrap_or_default());
        resumable(
            error,
            &format!("`gpu-train sweep --resume {folder}{only}` goes on"),
        )
    })?;
    let left = folder.settle()?;
    if let Some(index) = folder.part() {
        if !words.quiet {
            progress.part_ended(index, trained, left);
        }
        if left > 0 {
            return Ok(None);
        }
    }
    let compared = compare_done(folder)?;
    if !words.quiet && words.format == Format::Table {
        super::sweep_progress::table(folder, compared.as_ref());
    }
    if words.open && compared.is_some() {
        browser::show(&folder.path().join(PAGE), words.quiet);
    }
    Ok(compared)
}

/// Draws the runs that ended together; `None` where there is none.
fn compare_done(folder: &SweepFolder) -> Result<Option<Summary>> {
    let summary = folder.summary();
    let runs = 0..summary.len();
    let (done, others): (Vec<usize>, Vec<usize>) =
        runs.partition(|&run| matches!(summary.status(run), Status::Done | Status::Dropped));
    if done.is_empty() {
        return Ok(None);
    }
    let note = |run: usize| {
        let (name, status) = (summary.value(run, "run"), summary.status(run).name());
        format!("Not drawn: {name}, {status}.")
    };
    let experiment = Experiment::named(&folder.sweep().title);
    let heading = Heading {
        title: Some(match experiment {
            None => format!("Sweep of {} runs", summary.len()),
            Some(experiment) => format!("Experiment {}", experiment.name()),
        }),
        question: experiment.map(|it| it.question().to_owned()),
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
        style::tell(format_args!(
            "with what `gpu-train tune` found for {count} kernels, where a run has them; \
             --no-tuned ignores it"
        ));
    }
}
