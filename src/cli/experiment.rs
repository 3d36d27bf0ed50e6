//! `gpu-train experiment`: the experiments of the project's seed, each by one command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;

use super::start::{announce_fallback, load, open};
use super::sweep::{Planned, Words, begin};
use crate::data::DataSource;
use crate::error::{Error, Result};
use crate::run::MAX_SEED;
use crate::run::RunFolder;
use crate::sweep::{Axis, Execution, Experiment, Match};

/// What `--quick` trains for, and on where no data is named.
const QUICK_EPOCHS: usize = 3;
const QUICK_DATA: DataSource = DataSource::HouseDigits {
    train: 4096,
    test: 1024,
};

/// Options of `gpu-train experiment`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
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
    /// Print nothing but errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// No progress bar
    #[arg(long)]
    pub(super) no_progress: bool,
}

/// Runs the experiment that `args` name.
pub(super) fn run(args: &ExperimentArgs) -> Result<()> {
    let words = Words {
        quiet: args.quiet,
        no_progress: args.no_progress,
        tensorboard: false,
    };
    let experiment = args.name;
    if args.matched.is_some() && experiment != Experiment::DepthWidth {
        return Err(Error::usage(
            format!(
                "--match is for depth-width; {} has one net",
                experiment.name()
            ),
            "leave --match away, or run `gpu-train experiment depth-width`",
        ));
    }
    let out = args.out.as_deref();
    out.map_or(Ok(()), RunFolder::refuse_existing)?;
    let fixed = fixed(args);
    // What all runs agree on. Which nets there are, only the images tell.
    let common = Planned::new(&[], &fixed)?;
    let config = common.config().clone();
    let session = open(&config, None, words.quiet)?;
    if common.fallback && !words.quiet {
        announce_fallback();
    }
    let seeds = if args.seeds.is_empty() {
        &[0][..]
    } else {
        &args.seeds
    };
    let seeds = Axis::option("seed", seeds.iter().map(ToString::to_string));
    let split = load(&config, words.quiet)?;
    let image = split.train.shape();
    let mut axes = experiment.axes(image, args.matched.unwrap_or(Match::Deep))?;
    axes.push(seeds);
    let plan = Planned::new(&axes, &fixed)?;
    let mut execution = Execution::new(&session);
    execution.upload(plan.config(), split)?;
    begin(
        experiment.name(),
        plan,
        out,
        &session,
        &mut execution,
        words,
    )
}

/// The arguments that all runs have.
fn fixed(args: &ExperimentArgs) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut option = |name: &str, value: OsString| {
        let mut argument = OsString::from(format!("--{name}="));
        argument.push(value);
        all.push(argument);
    };
    let epochs = args.epochs.or(args.quick.then_some(QUICK_EPOCHS));
    if let Some(epochs) = epochs {
        option("epochs", epochs.to_string().into());
    }
    let unnamed = args.data.is_none() && args.train.is_none() && args.test.is_none();
    if args.quick && unnamed {
        option("data", QUICK_DATA.to_string().into());
    }
    if let Some(data) = &args.data {
        option("data", data.into());
    }
    let file = |path: &Path| path.as_os_str().to_owned();
    for (name, path) in [("train", &args.train), ("test", &args.test)] {
        if let Some(path) = path {
            option(name, file(path));
        }
    }
    if let Some(device) = &args.device {
        option("device", device.into());
    }
    if args.name.evaluates_train() {
        all.push("--evaluate-train".into());
    }
    if args.no_tuned {
        all.push("--no-tuned".into());
    }
    all
}
