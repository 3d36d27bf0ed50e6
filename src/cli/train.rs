//! The default command: trains.

use super::args::TrainArgs;
use super::config::Asked;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::resumed::Resumed;
use super::start::{announce_fallback, folder_names, keep_pipelines, load, open, resumable};
use super::tuned::Tuned;
use super::{dry_run, estimate, find_lr, profile, style, summary};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::files::folder::create_plain;
use crate::files::utc_now;
use crate::report::tensorboard::EventWriter;
use crate::report::{PAGE, write_run_report};
use crate::run::{HostData, Job, JobData, Run, RunConfig, RunFolder};
use crate::train::{Session, TrainEvent};

/// Trains as `args` say; writes the run folder and nothing else.
pub(super) fn run(args: &TrainArgs) -> Result<()> {
    let resumed = args.resume.as_deref().map(Resumed::open).transpose()?;
    let prepared = prepare(args, resumed.as_ref());
    let (session, data, job) = prepared.map_err(|error| match &args.options.config {
        // What the file says may be wrong only for these data, or this device.
        Some(path) if !error.to_string().contains(&*path.to_string_lossy()) => {
            error.and_hint(&format!("options were read from {}", path.display()))
        }
        _ => error,
    })?;
    if args.dry_run {
        return dry_run(args, &session, data, &job);
    }
    job.plan().check(&session.device().target().limits)?;
    let environment = job.environment(&session, data.record(), utc_now());
    if let Some(resumed) = &resumed {
        let words = [args.options.run.device.is_some(), args.words.quiet];
        resumed.check(data.record(), &environment, job.config(), words)?;
    }
    // The pictures of what was predicted are taken from it when the run has ended.
    let test = (!args.no_report || args.words.tensorboard).then(|| data.test().clone());
    let data = JobData::upload(&session, data)?;
    let mut trainer = job.trainer(&session, &data)?;
    keep_pipelines(&session, args.words.quiet);
    let out = args.out.as_deref();
    if args.find_lr {
        let create = || create_plain(folder_names(out, "find-lr"));
        return find_lr::run(&mut trainer, create);
    }
    let profile = args.profile.then(|| trainer.profile()).transpose()?;
    let bar = !args.words.quiet && !args.words.no_progress;
    let mut progress = Progress::new(bar, !args.words.quiet, trainer.objective().metrics());
    let interrupt = Interrupt::listen(progress.notices());
    let data = data.record();
    let mut run = match resumed {
        None => {
            let paths = folder_names(out, job.config().net.name());
            job.create(trainer, paths, data, &environment)?
        }
        Some(Resumed { folder, checkpoint }) => {
            job.resume(trainer, folder, checkpoint, data, &environment)?
        }
    };
    if let Some(profile) = profile {
        profile::show(&profile, session.device())?;
        run.folder().save_trace(&profile)?;
    }
    let mut events = args
        .words
        .tensorboard
        .then(|| begin_events(&run))
        .transpose()?;
    train(&mut run, &mut progress, events.as_mut(), &interrupt)?;
    if !args.words.quiet {
        summary::show(&run);
    }
    match test {
        Some(test) if !run.trainer().logs().is_empty() => report(args, &run, events, &test),
        _ => Ok(()),
    }
}

/// The device, the data and the job that `args` name, of which nothing is uploaded yet.
///
/// Errors where options make no sense, files cannot be read, or a layer does not fit.
fn prepare(args: &TrainArgs, resumed: Option<&Resumed>) -> Result<(Session, HostData, Job)> {
    let file = args.config_file();
    let asked = Asked::new(&args.options, file.as_deref())?;
    let config = asked.config()?;
    if let Some(resumed) = resumed {
        resumed.check_config(&config)?;
    }
    let out = args.out.as_deref();
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    let session = open(&config, args.options.limit_binding, args.words.quiet)?;
    if asked.fallback && !args.words.quiet {
        announce_fallback();
    }
    let data = HostData::new(load(&config, args.words.quiet)?, &config)?;
    let classes = data.classes().cloned();
    let config = RunConfig { classes, ..config };
    let tuned = Tuned::load(
        file.as_deref(),
        &config,
        session.device().description(),
        args.words.quiet,
    )?;
    let target = session.device().target();
    let layout = data.layout(target.limits.binding_bytes)?;
    let image = data.image();
    let mut job = Job::new(config, &layout, image, target, tuned.tuning.clone())?;
    if resumed.is_none() {
        job = job.with_init()?;
    }
    tuned.announce(job.plan(), args.words.quiet);
    Ok((session, data, job))
}

/// Shows the job; trains a little where `args` ask for a measurement too. Writes nothing.
fn dry_run(args: &TrainArgs, session: &Session, data: HostData, job: &Job) -> Result<()> {
    dry_run::show(job.network(), job.plan(), session.device().target())?;
    if !args.estimate && !args.profile {
        return Ok(());
    }
    let samples = data.samples();
    let data = JobData::upload(session, data)?;
    let mut trainer = job.trainer(session, &data)?;
    if args.estimate {
        estimate::show(&mut trainer, samples)?;
    }
    if args.profile {
        profile::show(&trainer.profile()?, session.device())?;
    }
    Ok(())
}

/// An event file for TensorBoard, from the run's next epoch on.
fn begin_events(run: &Run<'_>) -> Result<EventWriter> {
    let trainer = run.trainer();
    let epochs = trainer.logs().len();
    EventWriter::create(run.folder().path(), epochs, trainer.objective())
}

/// What is made of a run that has ended: pictures for TensorBoard, figures and the page.
fn report(
    args: &TrainArgs,
    run: &Run<'_>,
    events: Option<EventWriter>,
    test: &Dataset,
) -> Result<()> {
    let folder = run.folder().path();
    let drawn = || {
        if let Some(mut events) = events {
            events.predictions(folder, test)?;
        }
        if !args.no_report {
            write_run_report(folder, Some(test))?;
        }
        Ok(())
    };
    drawn().map_err(|error: Error| {
        error.and_hint(
            "the run itself is whole; `gpu-train compare RUN --out DIR` draws it elsewhere",
        )
    })?;
    if !args.no_report && !args.words.quiet {
        style::say(format_args!("report in {}", folder.join(PAGE).display()));
    }
    Ok(())
}

/// The training loop, with its progress on the terminal.
fn train(
    run: &mut Run<'_>,
    progress: &mut Progress,
    mut events: Option<&mut EventWriter>,
    interrupt: &Interrupt,
) -> Result<()> {
    progress.header();
    let result = run.train(
        || interrupt.asked(),
        |event| {
            progress.show(event);
            match (event, &mut events) {
                (TrainEvent::EpochEnded(epoch), Some(events)) => events.epoch(epoch),
                _ => Ok(()),
            }
        },
    );
    progress.finish();
    result.map_err(|error| {
        let (folder, step) = (run.folder().path().display(), run.saved_step());
        let how = format!("`gpu-train --resume {folder}` goes on after step {step}");
        resumable(error, &how)
    })
}
