//! What a run was asked for, and what it ran on: `config.toml` and `environment.toml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::options::TrainerOptions;
use crate::data::DataSource;
use crate::error::{Error, Result};
use crate::files::{read_if_there, read_regular};
use crate::gpu::AdapterDescription;
use crate::nn::{Activation, NetworkConfiguration, NetworkType};
use crate::tuning::Tuning;

/// Far more than any configuration needs.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// Far more than any environment with its tiles needs.
const MAX_ENVIRONMENT_BYTES: u64 = 4 << 20;

/// Everything that a run was asked for, defaults resolved. `--config` reads it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct RunConfig {
    /// Kind of net.
    pub net: NetworkType,
    /// Output channels of each convolution; empty for an mlp.
    pub channels: Vec<usize>,
    /// Size of each convolution's kernel; empty for an mlp.
    pub kernel_sizes: Vec<usize>,
    /// Stride of each convolution; empty for an mlp.
    pub strides: Vec<usize>,
    /// Hidden linear layers.
    pub dense_hiddens: Vec<usize>,
    /// Activation of every layer but the last.
    pub activation: Activation,
    /// Adam's learning rate.
    pub lr: f64,
    /// Samples per step.
    pub batch_size: usize,
    /// Epochs.
    pub epochs: usize,
    /// Keys initial weights, shuffling and drawn data sets.
    pub seed: u64,
    /// The data.
    pub data: DataSource,
    /// Whether the samples are visited in file order.
    pub no_shuffle: bool,
    /// Whether operations are left unfused.
    pub no_fuse: bool,
    /// Whether kernels use their default tiles, whatever `gpu-train tune` found.
    #[serde(default)]
    pub no_tuned: bool,
    /// Whether shaders check their bounds.
    pub checked: bool,
    /// File of the initial weights, if not random.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub init: Option<PathBuf>,
    /// Adapter by number or part of its name, if one was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<String>,
}

impl RunConfig {
    /// Reads the `config.toml` of a run.
    pub fn read(path: &Path) -> Result<Self> {
        let hint = "--config takes the config.toml of a run folder";
        let bytes = read_regular(path, MAX_CONFIG_BYTES, hint, hint)?;
        toml::from_slice(&bytes)
            .map_err(|error| Error::file(path, format!("is no configuration: {error}"), hint))
    }

    /// Errors where a value makes no sense, naming its flag.
    pub fn validate(&self) -> Result<()> {
        self.options().validate()?;
        if self.epochs == 0 {
            return Err(Error::usage(
                "--epochs 0 trains nothing",
                "give --epochs at least 1, or use --dry-run to look at the net",
            ));
        }
        self.configuration().validate(self.net)
    }

    /// How to train; initial weights from a file and measured tiles are the caller's to read.
    pub fn options(&self) -> TrainerOptions {
        TrainerOptions {
            lr: self.lr,
            batch_size: self.batch_size,
            activation: self.activation,
            seed: self.seed,
            shuffle: !self.no_shuffle,
            fuse: !self.no_fuse,
            ..TrainerOptions::default()
        }
    }

    /// The net's sizes.
    pub fn configuration(&self) -> NetworkConfiguration {
        NetworkConfiguration {
            n_channels: self.channels.clone(),
            kernel_sizes: self.kernel_sizes.clone(),
            strides: self.strides.clone(),
            dense_hiddens: self.dense_hiddens.clone(),
        }
    }
}

/// What a run ran on: results are the same bits where these are the same. Its tuning can be given
/// back as [`TrainerOptions::tuning`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of gpu-train.
    pub version: String,
    /// Operating system and processor.
    pub platform: String,
    /// When the run began, in UTC.
    pub started: String,
    /// Fingerprint of the training set.
    pub train_fingerprint: String,
    /// Fingerprint of the test set.
    pub test_fingerprint: String,
    /// The adapter.
    pub adapter: AdapterDescription,
    /// Measured tiles that kernels used instead of their defaults.
    #[serde(default, skip_serializing_if = "Tuning::is_empty")]
    pub tuning: Tuning,
}

impl Environment {
    /// Where the run of the configuration file `config` says what it ran on.
    pub fn beside(config: &Path) -> PathBuf {
        config.with_file_name("environment.toml")
    }

    /// The measured tiles that a run recorded in `path`, an `environment.toml` of this version or
    /// of another; `None` where there is no such file.
    ///
    /// Errors where it cannot be read or understood.
    pub fn read_tuning(path: &Path) -> Result<Option<Tuning>> {
        #[derive(Deserialize)]
        struct Recorded {
            #[serde(default)]
            tuning: Tuning,
        }
        let hint = "it tells the tiles of the run that --config names; --no-tuned trains without";
        let Some(bytes) = read_if_there(path, MAX_ENVIRONMENT_BYTES, hint)? else {
            return Ok(None);
        };
        let recorded: Recorded = toml::from_slice(&bytes).map_err(|error| {
            let what = format!("is no environment of a run: {}", error.message());
            Error::file(path, what, hint)
        })?;
        Ok(Some(recorded.tuning))
    }
}
