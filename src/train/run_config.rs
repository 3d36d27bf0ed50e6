//! What a run was asked for: `config.toml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::options::TrainerOptions;
use super::schedule::ScheduleConfig;
use crate::data::DataSource;
use crate::error::{Error, Result};
use crate::files::read_regular;
use crate::nn::{Activation, AdamConfig, NetworkConfiguration, NetworkType};

/// Far more than any configuration needs.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
/// What a run may change when it is resumed: none of it changes a bit of what is learned.
const FREE: [&str; 6] = [
    "epochs",
    "data",
    "device",
    "checkpoint-minutes",
    "patience",
    "max-time",
];

/// Minutes between checkpoints within an epoch, where nobody says otherwise.
fn default_checkpoint_minutes() -> f64 {
    10.0
}

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
    /// Whether the training set is evaluated after every epoch, as the test set is.
    #[serde(default)]
    pub evaluate_train: bool,
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
    /// Share of the training images that is held out for validation; 0 for none.
    #[serde(default)]
    pub valid_fraction: f64,
    /// Epochs without a lower validation loss after which the run ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub patience: Option<usize>,
    /// Share of every parameter that decays per unit of learning rate (`AdamW`).
    #[serde(default)]
    pub weight_decay: f64,
    /// Largest norm of the gradient by all parameters together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clip_grad_norm: Option<f64>,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// Minutes of training after which the run ends, saved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_time: Option<f64>,
    /// Minutes between checkpoints within an epoch; 0 for none but those after every epoch.
    #[serde(default = "default_checkpoint_minutes")]
    pub checkpoint_minutes: f64,
    /// Adapter by number or part of its name, if one was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<String>,
}

impl RunConfig {
    /// What the command line asks for where nobody says otherwise: the default net of that type,
    /// trained as [`TrainerOptions::default`] says, on the drawn data set.
    pub fn default_for(net: NetworkType) -> Self {
        let sizes = NetworkConfiguration::default_for(net);
        let options = TrainerOptions::default();
        Self {
            net,
            channels: sizes.n_channels,
            kernel_sizes: sizes.kernel_sizes,
            strides: sizes.strides,
            dense_hiddens: sizes.dense_hiddens,
            activation: options.activation,
            lr: options.lr,
            batch_size: options.batch_size,
            epochs: options.epochs,
            seed: options.seed,
            data: DataSource::DRAWN,
            no_shuffle: !options.shuffle,
            evaluate_train: options.evaluate_train,
            no_fuse: !options.fuse,
            no_tuned: false,
            checked: false,
            init: None,
            valid_fraction: 0.0,
            patience: options.patience,
            weight_decay: options.adam.weight_decay,
            clip_grad_norm: options.adam.clip_grad_norm,
            schedule: options.schedule,
            max_time: None,
            checkpoint_minutes: default_checkpoint_minutes(),
            device: None,
        }
    }

    /// Reads the `config.toml` of a run.
    pub fn read(path: &Path) -> Result<Self> {
        let hint = "--config takes the config.toml of a run folder, --resume the folder";
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
        if self.schedule.warmup > self.epochs {
            return Err(Error::usage(
                format!(
                    "--warmup {} is longer than all of --epochs {}",
                    self.schedule.warmup, self.epochs
                ),
                "--warmup is counted in epochs; a twentieth of --epochs is usual",
            ));
        }
        if !(0.0..=1e6).contains(&self.checkpoint_minutes) {
            return Err(Error::usage(
                format!(
                    "--checkpoint-minutes {:?} is not from 0 to a million",
                    self.checkpoint_minutes
                ),
                "try --checkpoint-minutes 10; 0 is after every epoch only",
            ));
        }
        if !(0.0..1.0).contains(&self.valid_fraction) {
            return Err(Error::usage(
                format!(
                    "--valid-fraction {:?} is not from 0 to below 1",
                    self.valid_fraction
                ),
                "try --valid-fraction 0.1",
            ));
        }
        if self.patience.is_some() && self.valid_fraction == 0.0 {
            return Err(Error::usage(
                "--patience waits for a lower validation loss, and there is no validation set",
                "hold one out with --valid-fraction 0.1",
            ));
        }
        if self
            .max_time
            .is_some_and(|minutes| !(minutes > 0.0 && minutes < 1e6))
        {
            return Err(Error::usage(
                format!("--max-time {:?} is no time", self.max_time.unwrap_or(0.0)),
                "give it in minutes: --max-time 30",
            ));
        }
        self.configuration().validate(self.net)
    }

    /// Errors where a run of this configuration cannot go on as `now`, naming every difference.
    /// Epochs may be more, and data may lie elsewhere: they are compared by themselves.
    pub fn check_resumed(&self, now: &Self) -> Result<()> {
        let mut differences = differences(self, now);
        if self.schedule.depends_on_epochs() && self.epochs != now.epochs {
            let (then, now) = (self.epochs, now.epochs);
            differences.push(format!(
                "epochs, on which its learning rates depend, was {then}, and is {now}"
            ));
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "this is not the run's configuration: {}",
                differences.join(", ")
            ),
            "--resume goes on as the run began, save for --epochs, --data, --device, \
             --patience, --max-time and --checkpoint-minutes; for anything else begin a new run, with --init from its weights",
        ))
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
            adam: AdamConfig {
                weight_decay: self.weight_decay,
                clip_grad_norm: self.clip_grad_norm,
                ..AdamConfig::default()
            },
            schedule: self.schedule,
            epochs: self.epochs,
            patience: self.patience,
            evaluate_train: self.evaluate_train,
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

/// What differs, by the names of the options.
fn differences(then: &RunConfig, now: &RunConfig) -> Vec<String> {
    // Configurations that were read, or written, as TOML before.
    let table = |config| toml::Table::try_from(config).unwrap_or_default();
    let (then, now) = (table(then), table(now));
    let mut keys: Vec<&String> = then.keys().chain(now.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let said =
        |value: Option<&toml::Value>| value.map_or("not given".to_owned(), ToString::to_string);
    keys.into_iter()
        .filter(|key| !FREE.contains(&key.as_str()) && then.get(*key) != now.get(*key))
        .map(|key| {
            format!(
                "{key} was {}, and is {}",
                said(then.get(key)),
                said(now.get(key))
            )
        })
        .collect()
}
