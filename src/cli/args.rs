//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use toml::Table;

use super::config::{ImageSize, SizeList};
use super::estimate::Network;
use super::experiment::ExperimentArgs;
use super::latest::folder_parser;
#[cfg(feature = "mpi")]
use super::launched::Seconds;
use super::model_args::{EvalArgs, ExportArgs, Format, PredictArgs};
use super::output_args::{CompletionsArgs, DevicesArgs, ManArgs, OutputArgs, Words};
use super::sweep_args::SweepArgs;
use crate::error::Result;
use crate::fetch::catalogue;
use crate::nn::{Activation, Head, NetworkType, Pool};
use crate::run::{Padding, RunArgs, RunConfig, RunFolder};
use crate::settings::insert;
use crate::train::ScheduleArgs;

/// What a range test has no use for.
const NOT_IN_RANGE_TEST: [&str; 19] = [
    "open",
    "format",
    "resume",
    "dry_run",
    "estimate",
    "profile",
    "tensorboard",
    "no_report",
    "evaluate_train",
    "patience",
    "max_time",
    "checkpoint_minutes",
    "epochs",
    "lr",
    "lr_schedule",
    "warmup",
    "lr_step_size",
    "lr_gamma",
    "lr_patience",
];

/// Trains small vision networks on any GPU, or without one: no CUDA, no Python.
///
/// Without a command, it trains: `gpu-train --net cnn --lr 1e-4`.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    args_override_self = true,
    next_line_help = true,
    after_help = "Docs: README.md. Data goes to stdout, progress and words to stderr.\n\
                  Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C and saved."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) train: TrainArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

impl NetArgs {
    /// What is said, by the keys of `config.toml`.
    pub(super) fn values(&self) -> Result<Table> {
        let mut values = Table::new();
        let all = &mut values;
        insert(all, "net", self.kind)?;
        insert(all, "channels", self.channels.as_ref())?;
        insert(all, "kernel_sizes", self.kernel_sizes.as_ref())?;
        insert(all, "strides", self.strides.as_ref())?;
        insert(all, "padding", self.padding.as_ref())?;
        insert(all, "pool", self.pool)?;
        insert(all, "head", self.head)?;
        insert(all, "batch_norm", self.batch_norm.then_some(true))?;
        insert(all, "dense_hiddens", self.dense_hiddens.as_ref())?;
        insert(all, "dropout", self.dropout)?;
        insert(all, "blocks", self.blocks)?;
        insert(all, "activation", self.activation)?;
        Ok(values)
    }

    /// The net that they describe, with the defaults of its kind.
    pub(super) fn config(&self) -> Result<RunConfig> {
        let config = RunConfig::default().asked(&self.values()?)?;
        config.configuration().validate(config.net)?;
        Ok(config)
    }
}

impl TrainArgs {
    /// The configuration file that the options go before, if there is one.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        let resumed = self.resume.as_deref().map(RunFolder::config_of);
        resumed.or_else(|| self.options.config.clone())
    }
}

/// Everything but training.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the devices that --device can name: GPUs, software drivers, the processor
    Devices(DevicesArgs),
    /// Compare runs: figures, a table and report.html
    Compare(CompareArgs),
    /// Check that this device computes what it should, and print what a bug report needs
    ///
    /// Runs every variant of every kernel against its twin, training steps against those of the twins,
    /// and a hundred steps twice for the same bits.
    Doctor(DoctorArgs),
    /// Measure a trained net on test images: loss, MAE or accuracy, and which digit or class is
    /// taken for which
    Eval(EvalArgs),
    /// Write a trained net for other programs, as ONNX or safetensors
    ///
    /// An ONNX file is run on a few images first, and not written unless it gives the device's outputs.
    Export(ExportArgs),
    /// Download a data set's official files into the user's cache folder, where --data NAME finds
    /// them; resumes what is there, and checks sizes and checksums
    ///
    /// A server is given up after five attempts in a row that do not come 1 MiB further. An attempt ends
    /// where the server sends nothing for 30 s, or less than 1 KiB a second for a minute.
    Fetch(FetchArgs),
    /// Predict the targets or classes of pictures, with a trained net
    ///
    /// PNG, JPEG, TIFF, BMP, GIF, WebP and PNM files, or folders of them, are scaled to what the net reads.
    Predict(PredictArgs),
    /// Measure which tiles of the kernels are the fastest for a net on this GPU, and keep them in the
    /// user's cache folder; training then uses them, unless --no-tuned is given
    Tune(TuneArgs),
    /// Train every combination of the options' values, one run after the other: --lr 1e-2,1e-4,1e-8
    ///
    /// Lists of sizes, such as --channels, stay one net; whole nets come from --nets. A run that
    /// diverges is recorded as such, and the next one begins.
    Sweep(Box<SweepArgs>),
    /// Reproduce one of the three experiments: learning rates of an mlp, a cnn, depth against width
    Experiment(ExperimentArgs),
    /// Print what a shell needs to complete commands, options and their values
    Completions(CompletionsArgs),
    /// Print the manual page, or write one for each command
    Man(ManArgs),
}

/// Options of `gpu-train compare`.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Folders of runs, and of sweeps, of which all runs count
    #[arg(required = true, value_name = "RUN")]
    pub(super) runs: Vec<PathBuf>,
    /// Folder for report.html and figures/, made anew where they are there
    /// [default: runs/<timestamp>-compare]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Open the report in the default browser
    #[arg(long)]
    pub(super) open: bool,
    /// How to print the comparison
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    /// Print nothing but errors, and what --format csv or json asks for
    #[arg(long)]
    pub(super) quiet: bool,
}

/// Options of `gpu-train doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Run only this kernel, and train nothing; may be given several times
    #[arg(long = "kernel", value_name = "NAME")]
    pub(super) kernels: Vec<String>,
    /// `cpu` for the processor, or an adapter by number or part of its name; see `gpu-train devices`
    /// [default: a GPU where there is one, else cpu]
    #[arg(long, value_name = "INDEX-or-NAME")]
    pub(super) device: Option<String>,
    /// Print nothing but the report and errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// Make this kernel compute something wrong (for tests)
    #[arg(long, value_name = "NAME", hide = true)]
    pub(super) break_kernel: Option<String>,
}

/// Options of `gpu-train fetch`.
#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// The data set
    #[arg(value_parser = catalogue::SETS.iter().map(|set| set.name).collect::<Vec<_>>())]
    pub(super) name: String,
    /// Folder to download into [default: NAME in gpu-train's part of the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Take the files from this folder on another server; their checksums stay what they are
    #[arg(long, value_name = "URL")]
    pub(super) mirror: Option<String>,
    /// Print nothing but errors
    #[arg(long)]
    pub(super) quiet: bool,
}

/// What the net is made of.
#[derive(Debug, Args)]
#[command(next_help_heading = "Net")]
pub(super) struct NetArgs {
    /// Kind of net [default: cnn]
    #[arg(long = "net", value_enum, value_name = "NET")]
    pub(super) kind: Option<NetworkType>,
    /// Output channels of each convolution, or stage of a resnet [default: 16,32,45; resnet: 16,32,64]
    #[arg(long, value_name = "LIST")]
    pub(super) channels: Option<SizeList>,
    /// Kernel size of each convolution, or one for all [default: 3]
    #[arg(long, value_name = "LIST")]
    pub(super) kernel_sizes: Option<SizeList>,
    /// Stride of each convolution, or one for all [default: 1]
    #[arg(long, value_name = "LIST")]
    pub(super) strides: Option<SizeList>,
    /// Pixels of zeros around the input of each convolution, one for all, or `same`, which keeps the size of
    /// images [default: 0]
    #[arg(long, value_name = "N|LIST|same")]
    pub(super) padding: Option<Padding>,
    /// Pooling between convolutions [default: max]
    #[arg(long, value_enum)]
    pub(super) pool: Option<Pool>,
    /// Pooling after the last convolution [default: adaptive]
    #[arg(long, value_enum)]
    pub(super) head: Option<Head>,
    /// Normalise every layer of an mlp or a cnn but the last over the batch, before its activation
    #[arg(long)]
    pub(super) batch_norm: bool,
    /// Sizes of the hidden linear layers, or `none` [default: 128; mlp: 128,128]
    #[arg(long, value_name = "LIST")]
    pub(super) dense_hiddens: Option<SizeList>,
    /// Drop units of the hidden linear layers during training with this probability [default: 0]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    pub(super) dropout: Option<f64>,
    /// Residual blocks in each stage of a resnet; --channels has one entry per stage [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) blocks: Option<usize>,
    /// Activation after every layer but the last [default: relu]
    #[arg(long, value_enum)]
    pub(super) activation: Option<Activation>,
}

/// Options of `gpu-train tune`.
#[derive(Debug, Args)]
pub(super) struct TuneArgs {
    #[command(flatten)]
    pub(super) net: NetArgs,
    /// Channels, rows and columns of the images
    #[arg(
        long,
        value_name = "CxHxW",
        default_value = "3x32x32",
        help_heading = "Net"
    )]
    pub(super) image: ImageSize,
    /// Samples per step
    #[arg(
        long,
        value_name = "N",
        default_value_t = 128,
        allow_negative_numbers = true,
        help_heading = "Training"
    )]
    pub(super) batch_size: usize,
    /// `cpu` for the processor, or an adapter by number or part of its name; see `gpu-train devices`
    /// [default: a GPU where there is one, else cpu]
    #[arg(long, value_name = "INDEX-or-NAME", help_heading = "Running")]
    pub(super) device: Option<String>,
    /// Print nothing but the table and errors
    #[arg(long, help_heading = "Running")]
    pub(super) quiet: bool,
}

/// What is to be trained.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    pub(super) net: NetArgs,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) schedule: ScheduleArgs,
    /// svhn, mnist, fashion-mnist, kmnist, cifar10, cifar100, cifar100:coarse, house-digits,
    /// house-digits:TRAIN,TEST, a folder with a data set's files or with images, or an .npz file
    /// [default: svhn where its files are found, else house-digits]
    #[arg(long, value_name = "PATH-or-NAME", help_heading = "Data")]
    pub(super) data: Option<String>,
    /// File of training images (.mat, .npz, .bin, …images-idx3-ubyte), together with --test
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub(super) train: Option<PathBuf>,
    /// File of test images, together with --train
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub(super) test: Option<PathBuf>,
    /// Take all options from a run's config.toml; options given here take precedence. Kernels use the
    /// tiles, tuned or default, that the environment.toml beside it records
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    pub(super) config: Option<PathBuf>,
    /// Pretend that the adapter binds no more than this many bytes at once (for tests)
    #[arg(long, value_name = "BYTES", hide = true)]
    pub(super) limit_binding: Option<u64>,
}

/// Options of training.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    pub(super) options: ConfigArgs,
    /// Train a few steps with learning rates from 1e-7 to 1, print the losses and a suggestion, and
    /// write find-lr.csv and a figure into the --out folder; train nothing else
    #[arg(long, conflicts_with_all = NOT_IN_RANGE_TEST, help_heading = "Training")]
    pub(super) find_lr: bool,
    /// Run folder, new or empty [default: runs/<timestamp>-<net>]
    #[arg(long, value_name = "DIR", help_heading = "Running")]
    pub(super) out: Option<PathBuf>,
    /// Go on with the run in this folder, bit for bit; --epochs may be raised
    #[arg(
        long,
        value_name = "DIR",
        value_parser = folder_parser(),
        conflicts_with_all = ["out", "config", "init", "dry_run", "no_tuned"],
        help_heading = "Running"
    )]
    pub(super) resume: Option<PathBuf>,
    /// Seconds that a rank waits for another before it ends the job
    #[cfg(feature = "mpi")]
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "60",
        help_heading = "Running"
    )]
    pub(super) mpi_timeout: Seconds,
    /// Show layers, parameters, dispatches and GPU memory, and train nothing
    #[arg(long, conflicts_with_all = ["open", "format"], help_heading = "Running")]
    pub(super) dry_run: bool,
    /// With --dry-run: write the pictures of the first batch, as training sees them, into this PNG file
    #[arg(
        long,
        requires = "dry_run",
        value_name = "FILE.png",
        help_heading = "Running"
    )]
    pub(super) sheet: Option<PathBuf>,
    /// With --dry-run: measure a few steps and estimate the time per epoch, and that of a step with 1, 2, 4 and 8
    /// ranks; under mpirun for these ranks
    #[arg(long, requires = "dry_run", help_heading = "Running")]
    pub(super) estimate: bool,
    /// With --estimate: the network between ranks, by its Gbit/s in each direction and the microseconds of a message,
    /// such as 10,50 [default: measured between ranks, or between two threads]
    #[arg(
        long,
        value_name = "GBIT,US",
        requires = "estimate",
        help_heading = "Running"
    )]
    pub(super) network: Option<Network>,
    /// Time every kernel of a step, beside what the adapter can do; writes trace.json into the run
    /// folder, a Chrome trace that Perfetto opens
    #[arg(long, conflicts_with = "format", help_heading = "Running")]
    pub(super) profile: bool,
    /// Draw no figures and write no report.html when the run ends
    #[arg(long, conflicts_with = "open", help_heading = "Running")]
    pub(super) no_report: bool,
    #[command(flatten)]
    pub(super) words: Words,
}
