//! What can be said to the commands that use a trained net.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::NetArgs;
use super::config::ImageSize;
use super::latest::folder_parser;

/// Which net, and where it runs.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// Folder of a run, or a .safetensors file with the weights of a net. What the net is, the
    /// config.toml in the folder says, or beside the file; without one, the options below
    #[arg(value_name = "RUN-or-MODEL", value_parser = folder_parser())]
    pub(super) model: PathBuf,
    /// Weights of a run that has a validation set [default: last]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(super) weights: Option<Weights>,
    #[command(flatten)]
    pub(super) net: NetArgs,
    /// `cpu` for the processor, or an adapter by number or part of its name; see `gpu-train devices`
    /// [default: a GPU where there is one, else cpu]
    #[arg(long, value_name = "INDEX-or-NAME", help_heading = "Running")]
    pub(super) device: Option<String>,
    /// Print nothing but the result and errors
    #[arg(long, help_heading = "Running")]
    pub(super) quiet: bool,
}

/// Weights of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Weights {
    /// Those of the epoch that did best on the validation set: best.safetensors
    Best,
    /// Those of the last epoch: model.safetensors
    Last,
}

/// Shape of the images, where no run tells it.
#[derive(Debug, Args)]
pub(super) struct ImageArgs {
    /// Channels, rows and columns of the net's images; a run knows them, and its weights do
    #[arg(
        id = "image_shape",
        long = "image",
        value_name = "CxHxW",
        help_heading = "Net"
    )]
    pub(super) size: Option<ImageSize>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Columns for people
    Table,
    /// Lines with a header; numbers in full
    Csv,
    /// One JSON value; numbers in full
    Json,
}

/// Options of `gpu-train predict`.
#[derive(Debug, Args)]
pub(super) struct PredictArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Pictures, or folders of them
    #[arg(value_name = "IMAGE-or-FOLDER", required = true)]
    pub(super) pictures: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) image: ImageArgs,
    /// Print so many classes of each picture, the most probable first [default: 1]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) top: Option<u32>,
    /// How to print the predictions
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// Options of `gpu-train eval`.
#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    /// Data set, as for training, whose test set is used [default: the run's own]
    #[arg(
        long,
        value_name = "PATH-or-NAME",
        conflicts_with = "test",
        help_heading = "Data"
    )]
    pub(super) data: Option<String>,
    /// File of test images
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub(super) test: Option<PathBuf>,
    /// Decode the pictures of a folder again, and keep none in the cache folder
    #[arg(long, help_heading = "Data")]
    pub(super) no_cache: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
}

/// What a net is exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// Weights alone, with the names and shapes of the PyTorch `state_dict`
    Safetensors,
    /// The whole net for onnxruntime and others: opset 13, any batch size, input `images` float
    /// [N, channels, rows, columns] of bytes divided by 255
    Onnx,
}

/// Options of `gpu-train export`.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) model: ModelArgs,
    #[command(flatten)]
    pub(super) image: ImageArgs,
    /// What to write
    #[arg(long, value_enum)]
    pub(super) format: ExportFormat,
    /// Give probabilities of the classes instead of logits, with --format onnx
    #[arg(long)]
    pub(super) softmax: bool,
    /// File to write, which must not exist
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}
