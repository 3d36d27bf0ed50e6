//! `gpu-train experiment`: the experiments of the project's seed, each by one command.

use std::path::PathBuf;

use clap::Args;
use toml::Table;

use super::config::absolute_source;
use super::output_args::Words;
use super::start::{announce_fallback, load, open};
use super::sweep::{create, train_all};
use super::tuned::Tuned;
use crate::data::DataSource;
use crate::data::source::Resolved;
use crate::error::{Error, Result};
use crate::run::{MAX_SEED, RunConfig, RunFolder, Task};
use crate::sweep::{Axis, Execution, Experiment, Match, combinations, plan};

/// What `--quick` trains for, and on where no data is named.
const QUICK_EPOCHS: usize = 3;
const QUICK_DATA: DataSource = DataSource::HouseDigits {
    train: 4096,
    test: 1024,
};

/// Options of `gpu-train experiment`.
#[derive(Debug, Args)]
pub(super) struct ExperimentArgs {
    /// The experiment
    #[arg(value_enum)]
    pub(super) name: Experiment,
    /// Passes over the training set [default: 50]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) epochs: Option<usize>,
    /// A minute's look: 3 epochs, and, where no data is named, on 4,096 + 1,024 drawn pictures
    #[arg(long, conflicts_with = "epochs")]
    pub(super) quick: bool,
    /// depth-width: whose number of parameters the shallow nets are to have [default: deep]
    #[arg(long = "match", value_enum, value_name = "NET")]
    pub(super) matched: Option<Match>,
    /// Seeds; each is a run of its own [default: 0]
    #[arg(
        long = "seed",
        value_name = "N,…",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u64).range(..=MAX_SEED)
    )]
    pub(super) seeds: Vec<u64>,
    /// As in training [default: svhn where its files are found, else house-digits]
    #[arg(long, value_name = "PATH-or-NAME")]
    pub(super) data: Option<String>,
    /// File of training images, together with --test
    #[arg(long, value_name = "FILE")]
    pub(super) train: Option<PathBuf>,
    /// File of test images, together with --train
    #[arg(long, value_name = "FILE")]
    pub(super) test: Option<PathBuf>,
    /// `cpu` for the processor, or an adapter by number or part of its name; see `gpu-train devices`
    /// [default: a GPU where there is one, else cpu]
    #[arg(long, value_name = "INDEX-or-NAME")]
    pub(super) device: Option<String>,
    /// Folder of the experiment, new or empty [default: runs/<timestamp>-<experiment>];
    /// `gpu-train sweep --resume DIR` goes on with it
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Ignore what `gpu-train tune` found: kernels use their default tiles
    #[arg(long)]
    pub(super) no_tuned: bool,
    #[command(flatten)]
    pub(super) words: Words,
}

/// Runs the experiment that `args` name.
pub(super) fn run(args: &ExperimentArgs) -> Result<()> {
    let words = args.words;
    let experiment = args.name;
    if args.matched.is_some() && experiment != Experiment::DepthWidth {
        return Err(Error::usage(
            format!(
                "--match is for depth-width; {} has one net",
                experiment.name()
            ),
            "omit --match, or run `gpu-train experiment depth-width`",
        ));
    }
    let out = args.out.as_deref();
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    let base = base(args)?;
    let session = open(&base.config, None, words.quiet)?;
    if base.fallback && !words.quiet {
        announce_fallback();
    }
    let seeds = if args.seeds.is_empty() {
        &[0][..]
    } else {
        &args.seeds
    };
    // Which nets there are, only the images tell.
    let split = load(&base.config, words.quiet, !words.no_progress)?;
    let image = split.train.shape();
    let mut axes = experiment.axes(image, args.matched.unwrap_or(Match::Deep))?;
    // No seed is above MAX_SEED.
    let seeds = seeds.iter().map(|seed| seed.cast_signed());
    axes.push(Axis::setting("seed", seeds));
    let runs = plan(&base.config, &Table::new(), combinations(&axes)?)?;
    let description = session.device().description();
    let tuned = Tuned::load(None, &base.config, description, words.quiet)?;
    let mut execution = Execution::new(&session);
    execution.upload(&runs[0].config, split)?;
    let title = experiment.name();
    let mut folder = create((title, None), runs, &tuned, out, &mut execution, words)?;
    train_all(&mut folder, &session, &mut execution, words)
}

/// What all runs have.
struct Base {
    config: RunConfig,
    /// Whether drawn pictures stand in for a data set that nobody named.
    fallback: bool,
}

fn base(args: &ExperimentArgs) -> Result<Base> {
    let data = if args.quick && args.data.is_none() && args.train.is_none() && args.test.is_none() {
        Resolved {
            source: QUICK_DATA,
            fallback: false,
        }
    } else {
        DataSource::resolve(
            args.data.as_deref(),
            args.train.as_deref(),
            args.test.as_deref(),
        )?
    };
    let default = RunConfig::default();
    let config = RunConfig {
        data: absolute_source(data.source)?,
        epochs: args
            .epochs
            .or(args.quick.then_some(QUICK_EPOCHS))
            .unwrap_or(default.epochs),
        device: args.device.clone(),
        // What test errors are compared with is measured as they are: of the net after the epoch.
        evaluate_train: true,
        no_tuned: args.no_tuned,
        task: Some(Task::Regress),
        ..default
    };
    config.validate()?;
    Ok(Base {
        config,
        fallback: data.fallback,
    })
}
