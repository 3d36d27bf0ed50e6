//! The default command: trains.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use super::args::TrainArgs;
use super::progress::Progress;
use super::tuned::Tuned;
use super::{config, dry_run, estimate, profile, style, summary};
use crate::data::Split;
use crate::error::Result;
use crate::exec::Ceilings;
use crate::files::cache_folder;
use crate::gpu::GpuOptions;
use crate::nn::Network;
use crate::train::{
    Environment, Plan, RunConfig, RunFolder, Session, SplitLayout, TrainEvent, Trainer,
    TrainerOptions, load_weights,
};

/// Trains as `args` say; writes the run folder and nothing else.
pub(super) fn run(args: &TrainArgs) -> Result<()> {
    let (config, fallback) = config::resolve(args)?;
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
    let options = options(&config, &network, &tuned)?;
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
    let environment = environment(&session, &split, &plan);
    let data = session.upload_split(split)?;
    let mut trainer = Trainer::new(&session, data, config.net, &config.configuration(), options)?;
    keep_pipelines(&session, args.quiet);
    let folder = RunFolder::create(&folder_name(out, &config), &config, &environment)?;
    if args.profile {
        let profile = trainer.profile()?;
        profile::show(&profile, &Ceilings::measure(session.gpu())?);
        folder.save_trace(&profile)?;
    }
    train(args, &config, &mut trainer, &folder)?;
    if !args.quiet {
        summary::show(&trainer, &folder);
    }
    Ok(())
}

fn open(args: &TrainArgs, config: &RunConfig) -> Result<Session> {
    let session = Session::open(&GpuOptions {
        device: config.device.clone(),
        checked: config.checked,
        binding_bytes: args.limit_binding,
        kind: None,
        cache: cache_folder().map(|folder| folder.join("gpu-train")),
    })?;
    if !args.quiet {
        let adapter = session.gpu().description();
        eprintln!(
            "on {} ({}, {})",
            adapter.name, adapter.kind, adapter.backend
        );
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

fn options(config: &RunConfig, network: &Network, tuned: &Tuned) -> Result<TrainerOptions> {
    let init = config.init.as_deref();
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

/// The training loop, with its progress on the terminal and its metrics in the folder.
fn train(
    args: &TrainArgs,
    config: &RunConfig,
    trainer: &mut Trainer<'_>,
    folder: &RunFolder,
) -> Result<()> {
    let mut progress = Progress::new(!args.quiet && !args.no_progress, !args.quiet);
    progress.header();
    let result = trainer.train_loop(config.epochs, |event| {
        progress.show(event);
        match event {
            TrainEvent::EpochEnded(metrics) => folder.append(metrics),
            _ => Ok(()),
        }
    });
    progress.finish();
    result?;
    folder.save_model(&trainer.network().parameters, &trainer.finite_parameters()?)
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

/// `--out`, or a folder below `runs` named by the time and the net, numbered where that is taken.
fn folder_name(out: Option<&Path>, config: &RunConfig) -> PathBuf {
    if let Some(out) = out {
        return out.to_path_buf();
    }
    let format = format_description!("[year][month][day]-[hour][minute][second]");
    let now = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let name = format!("{now}-{}", config.net.name());
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let names = std::iter::once(name.clone()).chain(numbered);
    let free = names.map(|name| Path::new("runs").join(name));
    free.into_iter()
        .find(|path| !path.exists())
        .unwrap_or_else(|| Path::new("runs").join(name))
}
