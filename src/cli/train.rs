//! The default command: trains.

use super::args::TrainArgs;
use super::config::Asked;
use super::interrupt::Interrupt;
use super::launched::{by_mpi, refuse_in_job};
use super::model_args::Format;
use super::progress::Progress;
use super::resumed::Resumed;
use super::run_records::RunRecords;
use super::start::{
    announce_fallback, folder_names, keep_pipelines, load, open_shared, resumable, tell_task,
    tell_weights,
};
use super::tuned::Tuned;
use super::{browser, dry_run, estimate, find_lr, latest, profile, sheet, style, summary};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::data::{DataSource, Dataset};
use crate::error::{Error, Result};
use crate::exec::Device;
use crate::files::folder::create_plain;
use crate::files::utc_now;
use crate::kernel::shards::SHARDS;
use crate::ranks::Ranks;
use crate::report::tensorboard::EventWriter;
use crate::report::{PAGE, write_run_report};
use crate::run::{DataRecord, Environment, HostData, Job, JobData, Run, RunConfig, RunFolder};
use crate::train::{Session, TrainEvent, TrainState};

/// Trains as `args` say, together with the other `ranks`; writes the run folder and nothing else, and that on the
/// first rank alone.
pub(super) fn run(args: &TrainArgs, ranks: &Ranks) -> Result<()> {
    for (asked, what) in [
        (
            args.dry_run && !args.estimate,
            "--dry-run without --estimate",
        ),
        (args.find_lr, "--find-lr"),
        (args.profile, "--profile"),
    ] {
        refuse_in_job(ranks, asked, what)?;
    }
    let quiet = args.words.quiet || !ranks.is_first();
    args.sheet.as_deref().map_or(Ok(()), sheet::check)?;
    let begun = args.resume.as_deref();
    let begun = begun.map(|path| Resumed::open(path, ranks)).transpose();
    let resumed = ranks.all_ok(begun)?;
    let prepared = prepare(args, resumed.as_ref(), ranks);
    let (session, data, job) = prepared.map_err(|error| match &args.options.config {
        // What the file says may be wrong only for these data, or this device.
        Some(path) if !error.to_string().contains(&*path.to_string_lossy()) => {
            error.and_hint(&format!("options were read from {}", path.display()))
        }
        _ => error,
    })?;
    if args.dry_run {
        return dry_run(args, &session, data, &job, ranks);
    }
    let fits = job.plan().check(&session.device().target().limits);
    ranks.all_ok(fits)?;
    let environment = job.environment(&session, data.record(), utc_now());
    if let Some(resumed) = &resumed {
        let words = [args.options.run.device.is_some(), quiet];
        let checked = resumed.check(data.record(), &environment, job.config(), words);
        ranks.all_ok(checked)?;
    }
    // The pictures of what was predicted are taken from it when the run has ended.
    let drawn = ranks.is_first() && (!args.no_report || args.words.tensorboard);
    let test = drawn.then(|| data.test().clone());
    let begun = Instant::now();
    let data = ranks.all_ok(JobData::upload(&session, data))?;
    let seconds = begun.elapsed().as_secs_f64();
    style::detail(format_args!("data: on the device after {seconds:.2} s"));
    let mut trainer = ranks.all_ok(job.trainer(&session, &data))?;
    if !ranks.is_alone() {
        let state = match &resumed {
            Some(resumed) => resumed.checkpoint.state.clone(),
            None => trainer.state()?,
        };
        ranks.agree(&common(&job, data.record(), &environment, &state))?;
    }
    keep_pipelines(&session, quiet);
    let out = args.out.as_deref();
    if args.find_lr {
        let create = || create_plain(folder_names(out, "find-lr"));
        return find_lr::run(&mut trainer, job.config(), create);
    }
    let profile = args.profile.then(|| trainer.profile()).transpose()?;
    let bar = !quiet && !args.words.no_progress;
    let table = args.words.format == Format::Table;
    let objective = trainer.objective();
    let mut progress = Progress::new(bar, !quiet, !quiet && table, objective.metrics());
    let interrupt = Interrupt::listen(progress.notices());
    let data = data.record();
    let run = match resumed {
        None if ranks.is_first() => {
            let paths = folder_names(out, job.config().net.name());
            let run = job.create(trainer, paths, data, &environment);
            run.inspect(|run| run.folder().map_or((), |it| latest::point_to(it.path())))
        }
        None => Run::follow(trainer, None, job.config(), data),
        Some(Resumed { folder, checkpoint }) => match folder {
            Some(folder) => job.resume(trainer, folder, checkpoint, data, &environment),
            None => Run::follow(trainer, Some(checkpoint), job.config(), data),
        },
    };
    let mut run = ranks.all_ok(run)?;
    if let (Some(profile), Some(folder)) = (profile, run.folder()) {
        profile::show(&profile, session.device())?;
        folder.save_trace(&profile)?;
    }
    let told = if ranks.is_first() {
        args.words.format
    } else {
        Format::Table
    };
    let records = RunRecords::new(told, &*job.config().objective(), None);
    records.begin(&run, &environment)?;
    let mut drawn = None;
    let ended = train_and_report(args, &mut run, &mut progress, &interrupt, &records, test)
        .map(|report| drawn = report);
    records.end(&run, &ended, drawn.as_deref())?;
    ended
}

/// Trains `run`, and makes what is made of a run that has ended; gives the page, where there is one.
fn train_and_report(
    args: &TrainArgs,
    run: &mut Run<'_>,
    progress: &mut Progress,
    interrupt: &Interrupt,
    records: &RunRecords,
    test: Option<Dataset>,
) -> Result<Option<PathBuf>> {
    let quiet = args.words.quiet || run.folder().is_none();
    if args.resume.is_some() && !quiet && !run.trainer().is_before(run.epochs()) {
        style::tell(format_args!(
            "nothing is left to train: the run has ended after {}; a larger --epochs trains on",
            style::epochs(run.trainer().logs().len())
        ));
    }
    let events = run.folder().filter(|_| args.words.tensorboard);
    let mut events = events.map(|it| begin_events(run, it)).transpose()?;
    train(run, progress, events.as_mut(), interrupt, records)?;
    if !quiet {
        summary::show(run, args.words.format == Format::Table);
    }
    match (test, run.folder()) {
        (Some(test), Some(folder)) if !run.trainer().logs().is_empty() => {
            report(args, folder.path(), events, &test)
        }
        _ => Ok(None),
    }
}

/// The device, the data and the job that `args` name, of which nothing is uploaded yet.
///
/// Errors where options make no sense, files cannot be read, or a layer does not fit.
fn prepare(
    args: &TrainArgs,
    resumed: Option<&Resumed>,
    ranks: &Ranks,
) -> Result<(Session, HostData, Job)> {
    let quiet = args.words.quiet || !ranks.is_first();
    let (config, fallback) = ranks.all_ok(resolve(args, resumed, ranks))?;
    let session = open_shared(&config, args.options.limit_binding, quiet, ranks);
    let session = ranks.all_ok(session)?;
    if fallback && !quiet {
        announce_fallback();
    }
    let job = load_job(args, &config, resumed, &session, quiet);
    let (data, job) = ranks.all_ok(job)?;
    Ok((session, data, job))
}

/// What `args` ask for, and whether drawn pictures stand in for data.
fn resolve(
    args: &TrainArgs,
    resumed: Option<&Resumed>,
    ranks: &Ranks,
) -> Result<(RunConfig, bool)> {
    let asked = Asked::new(&args.options, args.config_file().as_deref())?;
    let mut config = asked.config()?;
    if let Some(resumed) = resumed {
        config.task = config.task.or(resumed.checkpoint.config.task);
        resumed.check_config(&config)?;
    }
    let out = args.out.as_deref().filter(|_| ranks.is_first());
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    Ok((config, asked.fallback))
}

/// The data and the job of `config`, for the device of `session`.
fn load_job(
    args: &TrainArgs,
    config: &RunConfig,
    resumed: Option<&Resumed>,
    session: &Session,
    quiet: bool,
) -> Result<(HostData, Job)> {
    let data = HostData::new(load(config, quiet, !args.words.no_progress)?, config)?;
    let config = RunConfig {
        shards: shards(args, config, session.device()),
        ..config.on(data.found())?
    };
    if !quiet {
        tell_task(&config);
    }
    let file = args.config_file();
    let description = session.device().description();
    let tuned = Tuned::load(file.as_deref(), &config, description, quiet)?;
    let target = session.device().target();
    let layout = data.layout(target.limits.binding_bytes)?;
    let image = data.image();
    let mut job = Job::new(config, &layout, image, target, tuned.tuning.clone())?;
    if resumed.is_none() {
        job = job.with_init()?;
    }
    if !quiet {
        tell_weights(&job);
    }
    tuned.announce(job.plan(), quiet);
    Ok((data, job))
}

/// Parts in which a batch is computed, as the run records them of an adapter: those that it goes on with.
fn shards(args: &TrainArgs, config: &RunConfig, device: &Device) -> Option<usize> {
    if !device.target().is_cpu() {
        let is_shared = !device.ranks().is_alone() || by_mpi();
        let implied = if is_shared { SHARDS } else { 1 };
        return config.shards.or(Some(implied));
    }
    // What a file says of an adapter is not asked of the processor.
    args.options.run.shards
}

/// What has to be the same on all ranks, by name.
fn common(
    job: &Job,
    data: &DataRecord,
    environment: &Environment,
    state: &TrainState,
) -> [(&'static str, String); 5] {
    // Where things lie may differ between machines.
    let config = RunConfig {
        data: DataSource::DRAWN,
        device: None,
        init: None,
        ..job.config().clone()
    };
    let dispatches = job.plan().training().dispatches.iter();
    let plan: Vec<_> = dispatches
        .map(|it| (it.call.kernel.name, it.call.variant, &it.call.params))
        .collect();
    let hash = |text: String| format!("{:08x}", crc32fast::hash(text.as_bytes()));
    [
        ("the version", environment.version.clone()),
        ("the configuration", format!("{config:#?}")),
        ("the data", format!("{data:#?}")),
        ("the plan", hash(format!("{plan:?}"))),
        ("the first step's state", hash(format!("{state:?}"))),
    ]
}

/// Shows the job; trains a little where `args` ask for a measurement too. Writes nothing.
fn dry_run(
    args: &TrainArgs,
    session: &Session,
    data: HostData,
    job: &Job,
    ranks: &Ranks,
) -> Result<()> {
    let fits = if ranks.is_first() {
        dry_run::show(job.network(), job.plan(), session.device().target())
    } else {
        Ok(())
    };
    ranks.all_ok(fits)?;
    if args.estimate {
        let binding_bytes = args.options.limit_binding;
        estimate::show(session, job, &data, binding_bytes, args.network)?;
    }
    if args.sheet.is_none() && !args.profile {
        return Ok(());
    }
    let data = JobData::upload(session, data)?;
    if let Some(path) = args.sheet.as_deref().filter(|_| ranks.is_first()) {
        let (planes, shape) = job.first_batch(session, &data)?;
        let count = sheet::write(path, &planes, shape)?;
        if !args.words.quiet {
            let path = path.display();
            style::tell(format_args!(
                "wrote {path}: {count} pictures of the first batch"
            ));
        }
    }
    if args.profile {
        let mut trainer = job.trainer(session, &data)?;
        profile::show(&trainer.profile()?, session.device())?;
    }
    Ok(())
}

/// An event file for TensorBoard, from the run's next epoch on.
fn begin_events(run: &Run<'_>, folder: &RunFolder) -> Result<EventWriter> {
    let trainer = run.trainer();
    let epochs = trainer.logs().len();
    EventWriter::create(folder.path(), epochs, trainer.objective())
}

/// What is made of a run that has ended: pictures for TensorBoard, figures and the page.
fn report(
    args: &TrainArgs,
    folder: &Path,
    events: Option<EventWriter>,
    test: &Dataset,
) -> Result<Option<PathBuf>> {
    let drawn = || {
        if let Some(mut events) = events {
            events.predictions(folder, test)?;
        }
        if !args.no_report {
            let begun = Instant::now();
            write_run_report(folder, Some(test))?;
            let seconds = begun.elapsed().as_secs_f64();
            style::detail(format_args!("report: drawn in {seconds:.2} s"));
        }
        Ok(())
    };
    drawn().map_err(|error: Error| {
        error.and_hint(
            "the run itself is whole; `gpu-train compare RUN --out DIR` draws it elsewhere",
        )
    })?;
    let page = (!args.no_report).then(|| folder.join(PAGE));
    if let Some(page) = page.as_ref().filter(|_| !args.words.quiet)
        && args.words.format == Format::Table
    {
        style::say(format_args!("report in {}", page.display()));
    }
    if args.words.open {
        browser::show(&folder.join(PAGE), args.words.quiet);
    }
    Ok(page)
}

/// The training loop, with its progress on the terminal.
fn train(
    run: &mut Run<'_>,
    progress: &mut Progress,
    mut events: Option<&mut EventWriter>,
    interrupt: &Interrupt,
    records: &RunRecords,
) -> Result<()> {
    progress.header(run.trainer().validates());
    let result = run.train(
        || interrupt.asked(),
        |event| {
            progress.show(event);
            let TrainEvent::EpochEnded(epoch) = event else {
                return Ok(());
            };
            records.epoch(epoch)?;
            events.as_mut().map_or(Ok(()), |it| it.epoch(epoch))
        },
    );
    progress.finish();
    result.map_err(|error| match run.folder() {
        None => error,
        Some(folder) => {
            let (folder, step) = (folder.path().display(), run.saved_step());
            let how = format!("`gpu-train --resume {folder}` goes on after step {step}");
            resumable(error, &how)
        }
    })
}
