//! Options of `gpu-train sweep`: those of training, of which most take several values.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Id};

use super::args::TrainArgs;
use crate::error::{Error, Result};
use crate::run::RunConfig;
use crate::sweep::{Axis, read_nets};

/// Options of training that a sweep has not, or has in its own way.
const OMITTED: [&str; 7] = [
    "out",
    "resume",
    "dry_run",
    "estimate",
    "profile",
    "find_lr",
    "no_report",
];
/// Options that take one value for the whole sweep, beside the settings that say so: lists that are one
/// net, and the data.
const FIXED: [&str; 9] = [
    "channels",
    "kernel_sizes",
    "strides",
    "dense_hiddens",
    "blocks",
    "data",
    "train",
    "test",
    "config",
];
/// Switches that say what is told, not what is trained.
const WORDS: [&str; 3] = ["quiet", "no_progress", "tensorboard"];

/// What only a sweep has.
#[derive(Debug, Args)]
struct OwnArgs {
    /// TOML file of named nets, run instead of --net and its sizes: a table such as [deep] with net,
    /// channels, kernel-sizes, strides, dense-hiddens, blocks, activation
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["kind", "channels", "kernel_sizes", "strides", "dense_hiddens", "blocks"],
        help_heading = "Net"
    )]
    nets: Option<PathBuf>,
    /// Folder of the sweep, new or empty; its runs lie in it [default: runs/<timestamp>-sweep]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    out: Option<PathBuf>,
    /// Go on with the sweep or the experiment in this folder where it stopped, bit for bit
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    resume: Option<PathBuf>,
}

/// Options of `gpu-train sweep`.
#[derive(Debug)]
pub(super) struct SweepArgs {
    pub out: Option<PathBuf>,
    pub resume: Option<PathBuf>,
    pub quiet: bool,
    pub no_progress: bool,
    pub tensorboard: bool,
    nets: Option<PathBuf>,
    /// Options that may have several values, by their names without dashes.
    varying: Vec<Axis>,
    /// All others, as arguments.
    fixed: Vec<OsString>,
}

impl SweepArgs {
    /// The nets and the options that were given values, in the order of their names in a run's; and
    /// the arguments that all runs have.
    ///
    /// Errors where the file of the nets is wrong.
    pub(super) fn axes(&self) -> Result<(Vec<Axis>, &[OsString])> {
        let mut axes = Vec::new();
        if let Some(path) = &self.nets {
            let nets = read_nets(path)?;
            let mut arguments = nets.choices.iter().flat_map(|it| &it.arguments);
            let both = arguments.any(|it| it.starts_with("--activation"))
                && self.varying.iter().any(|it| it.key == "activation");
            if both {
                return Err(Error::usage(
                    format!("--activation is given, and in {} too", path.display()),
                    "give it in one place: the file, or the command line for all of its nets",
                ));
            }
            axes.push(nets);
        }
        axes.extend(self.varying.iter().cloned());
        Ok((axes, &self.fixed))
    }
}

/// The options of training that a sweep has too, several of whose values are several runs where they
/// can be.
fn training_options() -> Vec<Arg> {
    let train = TrainArgs::augment_args(Command::new("train"));
    let shared = train
        .get_arguments()
        .filter(|arg| !OMITTED.contains(&id(arg)));
    let shared = shared.cloned().map(|arg| {
        if varies(&arg) {
            arg.value_delimiter(',')
                .value_name("VALUE,…")
                .action(ArgAction::Append)
        } else {
            arg
        }
    });
    shared.collect()
}

fn id(arg: &Arg) -> &str {
    arg.get_id().as_str()
}

fn varies(arg: &Arg) -> bool {
    let mut settings = RunConfig::SETTINGS.iter();
    let is_whole = settings.any(|it| it.is_whole() && it.name == id(arg));
    arg.get_action().takes_values() && !arg.is_hide_set() && !is_whole && !FIXED.contains(&id(arg))
}

impl Args for SweepArgs {
    fn augment_args(command: Command) -> Command {
        let options = training_options();
        let trains = |arg: &&Arg| !WORDS.contains(&id(arg));
        let trains = options.iter().filter(trains);
        let mut conflicts: Vec<Id> = trains.map(|arg| arg.get_id().clone()).collect();
        conflicts.extend(["nets", "out"].map(Id::from));
        OwnArgs::augment_args(command.args(options))
            .mut_arg("resume", |arg| arg.conflicts_with_all(conflicts))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SweepArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let OwnArgs { nets, out, resume } = OwnArgs::from_arg_matches(matches)?;
        let mut varying = Vec::new();
        let mut fixed = Vec::new();
        for arg in training_options() {
            let Some(key) = arg.get_long() else { continue };
            if !arg.get_action().takes_values() {
                if matches.get_flag(id(&arg)) && !WORDS.contains(&id(&arg)) {
                    fixed.push(format!("--{key}").into());
                }
                continue;
            }
            let Some(mut values) = matches.get_raw(id(&arg)) else {
                continue;
            };
            if varies(&arg) {
                let values = values.map(|value| value.to_string_lossy().into_owned());
                varying.push(Axis::option(key, values));
            } else {
                // The last one goes, as in training.
                let mut argument = OsString::from(format!("--{key}="));
                argument.push(values.next_back().unwrap_or_default());
                fixed.push(argument);
            }
        }
        Ok(Self {
            out,
            resume,
            quiet: matches.get_flag("quiet"),
            no_progress: matches.get_flag("no_progress"),
            tensorboard: matches.get_flag("tensorboard"),
            nets,
            varying,
            fixed,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<SweepArgs, clap::Error> {
        let command = SweepArgs::augment_args(Command::new("sweep").no_binary_name(true));
        SweepArgs::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    /// A new option of training takes several values unless it is in one of the lists above: whoever
    /// adds one decides here.
    #[test]
    fn every_option_that_trains_takes_several_values() {
        let options = training_options();
        let varying = options.iter().filter(|arg| varies(arg)).map(id);
        let expected = [
            "kind",
            "activation",
            "lr",
            "batch_size",
            "epochs",
            "seed",
            "data_seed",
            "optimizer",
            "momentum",
            "weight_decay",
            "patience",
            "clip_grad_norm",
            "lr_schedule",
            "warmup",
            "lr_step_size",
            "lr_gamma",
            "lr_patience",
        ];
        assert_eq!(varying.collect::<Vec<_>>(), expected);
        for name in FIXED.iter().chain(&WORDS) {
            assert!(options.iter().any(|arg| id(arg) == *name), "{name}");
        }
    }

    #[test]
    fn values_are_split_and_lists_of_sizes_are_not() {
        let args = parse(&[
            "--lr",
            "1e-2,1e-4",
            "--channels",
            "8,16",
            "--seed=3",
            "--no-fuse",
            "--quiet",
            "--data",
            "house-digits:10,5",
        ])
        .expect("parses");
        let (axes, fixed) = args.axes().expect("no file");
        let keys: Vec<&str> = axes.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["lr", "seed"]);
        assert_eq!(axes[0].choices[0].label, "0.01");
        assert_eq!(axes[0].choices[1].arguments, ["--lr=1e-4"]);
        let expected = ["--channels=8,16", "--no-fuse", "--data=house-digits:10,5"];
        assert_eq!(fixed, expected);
        assert!(args.quiet);
    }

    #[test]
    fn wrong_values_and_what_a_resumed_sweep_cannot_change_are_refused() {
        for wrong in [
            &["--lr", "1e-2,,1e-3"][..],
            &["--lr", ""],
            &["--seed", "1,x"],
            &["--net", "mlp,rnn"],
            &["--nets", "a.toml", "--net", "mlp"],
            &["--nets", "a.toml", "--channels", "3"],
            &["--resume", "a", "--lr", "1"],
            &["--resume", "a", "--no-fuse"],
            &["--resume", "a", "--out", "b"],
            &["--dry-run"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(parse(&["--resume", "a", "--quiet", "--no-progress"]).is_ok());
    }
}
