//! Options of `gpu-train sweep`: those of training, of which most take several values.

use std::any::TypeId;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Id};

use super::args::ConfigArgs;
use super::latest::folder_parser;
use super::output_args::Words;
use super::sweep_values;
use super::task::Only;
use crate::error::{Error, Result};
use crate::nn::{Activation, NetworkType};
use crate::run::RunConfig;
use crate::settings::{Setting, given};
use crate::sweep::{Axis, Combination, combinations, read_nets, samples};
use crate::train::ScheduleConfig;

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
    /// Draw so many combinations of the values, instead of training every one: of a range, such as --lr 1e-4..1e-1:log,
    /// any number; each with every --seed
    #[arg(long, value_name = "N", help_heading = "Search")]
    samples: Option<usize>,
    /// Seed for what --samples draws
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        requires = "samples",
        help_heading = "Search"
    )]
    sample_seed: u64,
    /// Successive halving: train all runs a little, go on with the best 1 of N by their validation loss, and so on;
    /// those that are left train all --epochs
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "prepare",
        help_heading = "Search"
    )]
    halving: Option<usize>,
    /// Folder of the sweep, new or empty; its runs lie in it [default: runs/<timestamp>-sweep]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    out: Option<PathBuf>,
    /// Go on with the sweep or the experiment in this folder where it stopped, bit for bit
    #[arg(
        long,
        value_name = "DIR",
        value_parser = folder_parser(),
        help_heading = "Running"
    )]
    resume: Option<PathBuf>,
    /// Write the sweep's folder, train nothing, and print how many runs there are: tasks of a cluster train them
    #[arg(long, conflicts_with_all = ["tensorboard", "no_progress", "open", "format"], help_heading = "Running")]
    prepare: bool,
    /// With --resume: train run K alone, counted from 0; other processes may train others. `task`, or no K, is the
    /// number in the variable `SLURM_ARRAY_TASK_ID`, `HQ_TASK_ID` or `JOB_COMPLETION_INDEX`
    #[arg(
        long,
        value_name = "K",
        num_args = 0..=1,
        default_missing_value = "task",
        requires = "resume",
        help_heading = "Running"
    )]
    only: Option<Only>,
}

/// Options of `gpu-train sweep`.
#[derive(Debug)]
pub(super) struct SweepArgs {
    /// Those of training; of several values the first.
    pub options: ConfigArgs,
    pub words: Words,
    pub out: Option<PathBuf>,
    pub resume: Option<PathBuf>,
    pub prepare: bool,
    pub only: Option<Only>,
    pub halving: Option<usize>,
    samples: Option<usize>,
    sample_seed: u64,
    nets: Option<PathBuf>,
    /// Settings that were given values.
    varying: Vec<Axis>,
}

impl SweepArgs {
    /// The nets and the settings that were given values, in the order of their names in a run's.
    ///
    /// Errors where the file of the nets is wrong.
    pub(super) fn axes(&self) -> Result<Vec<Axis>> {
        let mut axes = Vec::new();
        if let Some(path) = &self.nets {
            let nets = read_nets(path)?;
            let mut choices = nets.choices.iter();
            if choices.any(|it| it.values.contains_key("activation"))
                && self.options.net.activation.is_some()
            {
                return Err(Error::usage(
                    format!("--activation is given, and in {} too", path.display()),
                    "give it in one place: the file, or the command line for all of its nets",
                ));
            }
            axes.push(nets);
        }
        axes.extend(self.varying.iter().cloned());
        Ok(axes)
    }

    /// What is trained of the values: every combination, or some.
    ///
    /// Errors where there are too many, or too few.
    pub(super) fn combinations(&self) -> Result<Vec<Combination>> {
        let axes = self.axes()?;
        match self.samples {
            None => combinations(&axes),
            Some(count) => samples(&axes, count, self.sample_seed),
        }
    }
}

/// Names of the options of which several values are several runs: one per setting, and those of the net
/// that are no lists.
fn varying() -> impl Iterator<Item = &'static str> {
    let settings = settings().filter(|it| !it.is_whole()).map(|it| it.name);
    ["kind", "activation", "dropout"]
        .into_iter()
        .chain(settings)
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    RunConfig::SETTINGS.iter().chain(ScheduleConfig::SETTINGS)
}

/// The type of the values of the option `id`.
fn holds(id: &str) -> Option<TypeId> {
    let mut settings = settings().filter(|it| it.name == id);
    let of_net = (id == "dropout").then(TypeId::of::<f64>);
    settings.next().map(Setting::holds).or(of_net)
}

/// The options of training that a sweep has too.
fn training_options() -> Vec<Arg> {
    let train = ConfigArgs::augment_args(Command::new("train"));
    train.get_arguments().cloned().map(of_sweep).collect()
}

/// `arg` of training in a sweep: of several values, if several runs can have them.
fn of_sweep(arg: Arg) -> Arg {
    let name = arg.get_id().to_string();
    if !arg.get_action().takes_values() || !varying().any(|it| it == name) {
        return arg;
    }
    let arg = arg.action(ArgAction::Append);
    if settings().any(|it| it.name == name && it.has_commas()) {
        return arg;
    }
    let arg = arg.value_delimiter(',').value_name("VALUE,…");
    match holds(&name).and_then(sweep_values::parser) {
        Some(numbers) => arg.value_parser(numbers).allow_negative_numbers(true),
        None => arg,
    }
}

/// The settings that `matches` give values to.
fn axes(matches: &ArgMatches) -> Result<Vec<Axis>> {
    let mut axes = vec![
        Axis::setting("net", given::<NetworkType>(matches, "kind")?),
        Axis::setting("activation", given::<Activation>(matches, "activation")?),
        sweep_values::axis(matches, "dropout", "dropout", TypeId::of::<f64>())?,
    ];
    let options = training_options();
    for setting in settings().filter(|it| !it.is_whole()) {
        let mut options = options.iter().filter(|it| it.get_id() == setting.name);
        if !options.any(|it| it.get_action().takes_values()) {
            continue;
        }
        let (key, holds) = (setting.key(), setting.holds());
        axes.push(if sweep_values::parser(holds).is_some() {
            sweep_values::axis(matches, setting.name, &key, holds)?
        } else {
            Axis::setting(&key, setting.given(matches)?)
        });
    }
    axes.retain(|axis| !axis.choices.is_empty() || axis.range.is_some());
    Ok(axes)
}

impl Args for SweepArgs {
    fn augment_args(command: Command) -> Command {
        let options = training_options();
        let mut conflicts: Vec<Id> = options.iter().map(|arg| arg.get_id().clone()).collect();
        let own = [
            "nets",
            "out",
            "prepare",
            "samples",
            "sample_seed",
            "halving",
        ];
        conflicts.extend(own.map(Id::from));
        OwnArgs::augment_args(Words::augment_args(command.args(options)))
            .mut_arg("resume", |arg| arg.conflicts_with_all(conflicts))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SweepArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let OwnArgs {
            nets,
            samples,
            sample_seed,
            halving,
            out,
            resume,
            prepare,
            only,
        } = OwnArgs::from_arg_matches(matches)?;
        let wrong = |error: Error| clap::Error::raw(ErrorKind::InvalidValue, error);
        Ok(Self {
            options: ConfigArgs::from_arg_matches(matches)?,
            words: Words::from_arg_matches(matches)?,
            out,
            resume,
            prepare,
            only,
            halving,
            samples,
            sample_seed,
            nets,
            varying: axes(matches).map_err(wrong)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn parse(arguments: &[&str]) -> Result<SweepArgs, clap::Error> {
        let command = SweepArgs::augment_args(Command::new("sweep").no_binary_name(true));
        SweepArgs::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    /// A new setting takes several values unless it is `whole`: whoever adds one decides here.
    #[test]
    fn settings_take_several_values() {
        let options = training_options();
        let lists = options
            .iter()
            .filter(|arg| matches!(arg.get_action(), ArgAction::Append));
        let expected = [
            "kind",
            "dropout",
            "activation",
            "lr",
            "batch_size",
            "epochs",
            "seed",
            "data_seed",
            "optimizer",
            "momentum",
            "weight_decay",
            "loss",
            "huber_delta",
            "label_smoothing",
            "augment",
            "freeze",
            "best_by",
            "patience",
            "clip_grad_norm",
            "lr_schedule",
            "warmup",
            "lr_step_size",
            "lr_gamma",
            "lr_patience",
        ];
        let lists = lists.map(|arg| arg.get_id().as_str());
        assert_eq!(lists.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn values_are_split_and_lists_of_sizes_are_not() {
        let args = parse(&[
            "--lr",
            "1e-2,1e-4",
            "--net=cnn,mlp",
            "--channels",
            "8,16",
            "--seed=3",
            "--no-fuse",
            "--quiet",
            "--data",
            "house-digits:10,5",
        ])
        .expect("parses");
        let axes = args.axes().expect("no file");
        let keys: Vec<&str> = axes.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["net", "lr", "seed"]);
        let labels: Vec<&str> = axes[0].choices.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels, ["cnn", "mlp"]);
        assert_eq!(axes[1].choices[0].label, "0.01");
        assert_eq!(axes[1].choices[1].values["lr"].as_float(), Some(1e-4));
        let fixed = args.options.net.values().expect("TOML");
        assert_eq!(fixed["channels"].to_string(), "[8, 16]");
        assert!(args.options.run.no_fuse && args.words.quiet);
        assert_eq!(args.options.data.as_deref(), Some("house-digits:10,5"));
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
            &["--only", "1"],
            &["--resume", "a", "--only", "x"],
            &["--resume", "a", "--only", "-1"],
            &["--resume", "a", "--only", ""],
            &["--resume", "a", "--prepare"],
            &["--prepare", "--tensorboard"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(parse(&["--resume", "a", "--quiet", "--no-progress"]).is_ok());
        let only = |more: &[&str]| parse(&[&["--resume", "a"], more].concat()).expect("parses");
        assert_eq!(only(&["--only", "3", "--quiet"]).only, Some(Only::Run(3)));
        assert_eq!(only(&["--only", "--quiet"]).only, Some(Only::Task));
        assert_eq!(only(&[]).only, None);
    }
}
