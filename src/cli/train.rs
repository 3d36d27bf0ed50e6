//! The default command: trains.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use super::args::TrainArgs;
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::resumed::Resumed;
use super::tuned::Tuned;
use super::{config, dry_run, estimate, profile, style, summary};
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::exec::Ceilings;
use crate::files::cache_folder;
use crate::gpu::GpuOptions;
use crate::nn::Network;
use crate::report::tensorboard::EventWriter;
use crate::report::{PAGE, write_run_report};
use crate::train::{
    DataRecord, Environment, Plan, Run, RunConfig, RunFolder, Session, SplitLayout, TrainEvent,
    Trainer, TrainerOptions, load_weights,
};

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
    let session = open(args, &config)?;
    if fallback && !args.quiet {
        style::notice(
            "no SVHN files found: training on house-digits, pictures that gpu-train draws itself; \
             for the real house numbers: gpu-train fetch svhn",
        );
    }
    let split = config.data.load(config.seed)?;
    let network = Network::new(
        config.net,
        &config.configuration(),
        config.activation,
        split.train.shape(),
    )?;
    let tuned = Tuned::load(args, &config, session.gpu().description())?;
    let options = options(args, &config, &network, &tuned)?;
    let target = session.gpu().target();
    let layout = SplitLayout::of(&split, target.limits.binding_bytes)?;
    let plan = Plan::new(&network, &layout, &options, target)?;
    tuned.announce(&plan, args.quiet);
    if args.dry_run {
        dry_run::show(&network, &plan, target)?;
        return if args.estimate || args.profile {
            measure(args, &session, split, &config, options)
        } else {
            Ok(())
        };
    }
    plan.check(&target.limits)?;
    let now = Now {
        environment: environment(&session, &split, &plan),
        data: DataRecord::of(&split),
        config,
    };
    if let Some(resumed) = &resumed {
        resumed.check(&now, args.quiet)?;
    }
    let Now { config, .. } = &now;
    // The pictures of what was predicted are taken from it when the run has ended.
    let test = (!args.no_report || args.tensorboard).then(|| split.test.clone());
    let data = session.upload_split(split)?;
    let mut trainer = Trainer::new(&session, data, config.net, &config.configuration(), options)?;
    keep_pipelines(&session, args.quiet);
    let profile = args.profile.then(|| trainer.profile()).transpose()?;
    let mut progress = Progress::new(!args.quiet && !args.no_progress, !args.quiet);
    let interrupt = Interrupt::listen(progress.notices());
    let mut run = begin(trainer, out, resumed, &now)?;
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

/// What this process trains: what a run records, or is compared with what it recorded.
pub(super) struct Now {
    pub environment: Environment,
    pub data: DataRecord,
    pub config: RunConfig,
}

/// The run, new or going on.
fn begin<'s>(
    trainer: Trainer<'s>,
    out: Option<&Path>,
    resumed: Option<Resumed>,
    now: &Now,
) -> Result<Run<'s>> {
    let Now {
        environment,
        data,
        config,
    } = now;
    match resumed {
        None => Run::create(
            trainer,
            folder_names(out, config),
            config,
            data,
            environment,
        ),
        Some(Resumed { folder, checkpoint }) => {
            Run::resume(trainer, folder, checkpoint, config, data, environment)
        }
    }
}

fn open(args: &TrainArgs, config: &RunConfig) -> Result<Session> {
    let session = Session::open(&GpuOptions {
        device: config.device.clone(),
        checked: config.checked,
        binding_bytes: args.limit_binding,
        cache: cache_folder().map(|folder| folder.join("gpu-train")),
        ..GpuOptions::default()
    })?;
    if !args.quiet {
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

/// A cache that cannot be written is worth a word, and no more.
fn keep_pipelines(session: &Session, quiet: bool) {
    if let Err(error) = session.gpu().keep_pipelines()
        && !quiet
    {
        style::notice(&format!(
            "compiled pipelines are not kept for the next run: {error}; {}",
            error.hint()
        ));
    }
}

fn options(
    args: &TrainArgs,
    config: &RunConfig,
    network: &Network,
    tuned: &Tuned,
) -> Result<TrainerOptions> {
    // A checkpoint has its own weights.
    let init = config.init.as_deref().filter(|_| args.resume.is_none());
    let init = init.map(|path| load_weights(path, &network.parameters));
    Ok(TrainerOptions {
        init: init.transpose()?,
        tuning: tuned.tuning.clone(),
        ..config.options()
    })
}

/// What `--dry-run` measures where it is asked to: trains a little, writes nothing.
fn measure(
    args: &TrainArgs,
    session: &Session,
    split: Split,
    config: &RunConfig,
    options: TrainerOptions,
) -> Result<()> {
    let samples = split.train.len();
    let data = session.upload_split(split)?;
    let mut trainer = Trainer::new(session, data, config.net, &config.configuration(), options)?;
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

fn environment(session: &Session, split: &Split, plan: &Plan) -> Environment {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let now = OffsetDateTime::now_utc();
    Environment {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        started: now.format(format).unwrap_or_default(),
        train_fingerprint: format!("{:016x}", split.train.fingerprint()),
        test_fingerprint: format!("{:016x}", split.test.fingerprint()),
        adapter: session.gpu().description().clone(),
        tuning: plan.tuning(),
    }
}

/// `--out`, or folders below `runs` named by the time and the net, numbered where that is taken.
fn folder_names(out: Option<&Path>, config: &RunConfig) -> Vec<PathBuf> {
    if let Some(out) = out {
        return vec![out.to_path_buf()];
    }
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let name = format!("{now}-{}", config.net.name());
    let numbered = (2..=MOST_AT_ONCE).map(|number| format!("{name}-{number}"));
    let names = std::iter::once(name.clone()).chain(numbered);
    names.map(|name| Path::new("runs").join(name)).collect()
}
