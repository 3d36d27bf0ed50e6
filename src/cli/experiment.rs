//! `gpu-train experiment`: the experiments of the project's seed, each by one command.

use std::ffi::OsString;
use std::path::Path;

use super::args::ExperimentArgs;
use super::start::{announce_fallback, open};
use super::sweep::{Planned, Words, begin};
use crate::data::DataSource;
use crate::error::{Error, Result};
use crate::sweep::{Axis, Execution, Experiment, Match};
use crate::train::RunFolder;

/// What `--quick` trains for, and on where no data is named.
const QUICK_EPOCHS: usize = 3;
const QUICK_DATA: DataSource = DataSource::HouseDigits {
    train: 4096,
    test: 1024,
};

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
    let split = config.data.load(seeds_first(args))?;
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

/// The seed that the first run draws its data by, where they are drawn.
fn seeds_first(args: &ExperimentArgs) -> u64 {
    args.seeds.first().copied().unwrap_or(0)
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
