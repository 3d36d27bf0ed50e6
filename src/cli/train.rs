//! The default command: trains.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use super::args::TrainArgs;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::resumed::Resumed;
use super::tuned::Tuned;
use super::{config, dry_run, estimate, find_lr, profile, style, summary};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::exec::Ceilings;
use crate::files::cache_folder;
use crate::files::folder::create_plain;
use crate::gpu::GpuOptions;
use crate::report::tensorboard::EventWriter;
use crate::report::{PAGE, write_run_report};
use crate::train::{HostData, Job, JobData, Run, RunConfig, RunFolder, Session, TrainEvent};

/// Runs that may begin in one folder in the same second.
const MOST_AT_ONCE: usize = 1000;

/// Trains as `args` say; writes the run folder and nothing else.
pub(super) fn run(args: &TrainArgs) -> Result<()> {
    let resumed = args.resume.as_deref().map(Resumed::open).transpose()?;
    let (config, fallback) = config::resolve(args)?;
    if let Some(resumed) = &resumed {
        resumed.check_config(&config)?;
    }
    let out = args.out.as_deref();
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    let session = open(&config, args.limit_binding, args.quiet)?;
    if fallback && !args.quiet {
        announce_fallback();
    }
    let data = HostData::new(config.data.load(config.seed)?, &config)?;
    let tuned = Tuned::load(args, &config, session.gpu().description())?;
    let target = session.gpu().target();
    let layout = data.layout(target.limits.binding_bytes)?;
    let image = data.image();
    let mut job = Job::new(config, &layout, image, target, tuned.tuning.clone())?;
    if resumed.is_none() {
        job = job.with_init()?;
    }
    let plan = job.plan();
    tuned.announce(plan, args.quiet);
    if args.dry_run {
        dry_run::show(job.network(), plan, target)?;
        return if args.estimate || args.profile {
            measure(args, &session, data, &job)
        } else {
            Ok(())
        };
    }
    plan.check(&target.limits)?;
    let environment = job.environment(&session, data.record());
    if let Some(resumed) = &resumed {
        resumed.check(data.record(), &environment, job.config().epochs, args.quiet)?;
    }
    // The pictures of what was predicted are taken from it when the run has ended.
    let test = (!args.no_report || args.tensorboard).then(|| data.test().clone());
    let data = JobData::upload(&session, data)?;
    let mut trainer = job.trainer(&session, &data)?;
    keep_pipelines(&session, args.quiet);
    if args.find_lr {
        let folder = create_plain(folder_names(out, "find-lr"))?;
        return find_lr::run(&mut trainer, &folder);
    }
    let profile = args.profile.then(|| trainer.profile()).transpose()?;
    let mut progress = Progress::new(!args.quiet && !args.no_progress, !args.quiet);
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
        profile::show(&profile, &Ceilings::measure(session.gpu())?);
        run.folder().save_trace(&profile)?;
    }
    let mut events = args.tensorboard.then(|| begin_events(&run)).transpose()?;
    train(&mut run, &mut progress, events.as_mut(), &interrupt)?;
    if !args.quiet {
        summary::show(&run);
    }
    match test {
        Some(test) => report(args, &run, events, &test),
        None => Ok(()),
    }
}

/// An event file for TensorBoard, from the run's next epoch on.
fn begin_events(run: &Run<'_>) -> Result<EventWriter> {
    EventWriter::create(run.folder().path(), run.trainer().logs().len())
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
    if !args.no_report && !args.quiet {
        style::say(format_args!("report in {}", folder.join(PAGE).display()));
    }
    Ok(())
}

/// The device that `config` names, announced.
pub(super) fn open(config: &RunConfig, binding_bytes: Option<u64>, quiet: bool) -> Result<Session> {
    let session = Session::open(&GpuOptions {
        device: config.device.clone(),
        checked: config.checked,
        binding_bytes,
        cache: cache_folder().map(|folder| folder.join("gpu-train")),
        ..GpuOptions::default()
    })?;
    if !quiet {
        let adapter = session.gpu().description();
        style::tell(format_args!(
            "on {} ({}, {})",
            adapter.name, adapter.kind, adapter.backend
        ));
        if adapter.is_software() {
            style::notice(
                "this adapter is software: it runs on the processor, far slower than a GPU",
            );
        }
    }
    Ok(session)
}

/// Pictures that nobody asked for are worth a loud word.
pub(super) fn announce_fallback() {
    style::notice(
        "no SVHN files found: training on house-digits, pictures that gpu-train draws itself; \
         for the real house numbers: gpu-train fetch svhn",
    );
}

/// A cache that cannot be written is worth a word, and no more.
pub(super) fn keep_pipelines(session: &Session, quiet: bool) {
    if let Err(error) = session.gpu().keep_pipelines()
        && !quiet
    {
        style::notice(&format!(
            "compiled pipelines are not kept for the next run: {error}; {}",
            error.hint()
        ));
    }
}

/// What `--dry-run` measures where it is asked to: trains a little, writes nothing.
fn measure(args: &TrainArgs, session: &Session, data: HostData, job: &Job) -> Result<()> {
    let samples = data.samples();
    let data = JobData::upload(session, data)?;
    let mut trainer = job.trainer(session, &data)?;
    if args.estimate {
        estimate::show(&mut trainer, samples)?;
    }
    if args.profile {
        profile::show(&trainer.profile()?, &Ceilings::measure(session.gpu())?);
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
    result
}

/// `--out`, or folders below `runs` named by the time and `what`, numbered where that is taken.
pub(super) fn folder_names(out: Option<&Path>, what: &str) -> Vec<PathBuf> {
    if let Some(out) = out {
        return vec![out.to_path_buf()];
    }
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let name = format!("{now}-{what}");
    let numbered = (2..=MOST_AT_ONCE).map(|number| format!("{name}-{number}"));
    let names = std::iter::once(name.clone()).chain(numbered);
    names.map(|name| Path::new("runs").join(name)).collect()
}
