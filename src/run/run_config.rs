//! What a run was asked for: `config.toml`.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::differences::{differences, is_free};
use super::padding::Padding;
use super::task::{ClassWeights, LossKind, ScaleRule, Task};
use crate::data::{
    Augmentation, Classes, DataSource, Fit, ImageMode, ImageSize, Normalization, TargetStatistics,
};
use crate::error::{Error, Result};
use crate::nn::{Activation, Adam, Head, NetworkConfiguration, NetworkType, Optimizer, Pool, Sgd};
use crate::settings::settings;
use crate::train::TrainerOptions;
use crate::train::{BestBy, ScheduleConfig};

/// TOML, in which a run records its seed, has signed whole numbers.
pub const MAX_SEED: u64 = i64::MAX.cast_unsigned();

settings! {
    /// Everything that a run was asked for, defaults resolved. `--config` reads it back.
    RunConfig, RunArgs
    nested {
        /// Kind of net.
        net: NetworkType = NetworkType::Cnn;
        /// Output channels of each convolution, or stage of a resnet; empty for an mlp.
        channels: Vec<usize> = NetworkConfiguration::default_for(NetworkType::Cnn).n_channels;
        /// Size of each convolution's kernel; empty for an mlp.
        kernel_sizes: Vec<usize> = NetworkConfiguration::default_for(NetworkType::Cnn).kernel_sizes;
        /// Stride of each convolution; empty for an mlp.
        strides: Vec<usize> = NetworkConfiguration::default_for(NetworkType::Cnn).strides;
        /// Pixels of zeros around the input of each convolution of a cnn.
        padding: Padding = Padding::Pixels(vec![0]);
        /// Whether every layer of an mlp or a cnn but the last is normalised before its activation.
        batch_norm: bool = false;
        /// What pools between the convolutions of a cnn.
        pool: Pool = Pool::Max;
        /// What becomes of the pixels of a cnn's last convolution.
        head: Head = Head::Adaptive;
        /// With which probability units of the hidden linear layers are left out in training.
        dropout: f64 = 0.0;
        /// Hidden linear layers.
        dense_hiddens: Vec<usize> = NetworkConfiguration::default_for(NetworkType::Cnn).dense_hiddens;
        /// Residual blocks of a stage of a resnet.
        blocks: usize = 1;
        /// Activation of every layer but the last.
        activation: Activation = Activation::Relu;
        /// The data.
        data: DataSource = DataSource::DRAWN;
        /// What the targets of the data stand for, where they are places in a list of names: what was
        /// found, and not asked for.
        classes: Option<Classes> = None;
        /// Training images of each class, of a classification: what was found, too.
        class_counts: Vec<usize> = Vec::new();
        /// Means and deviations of the training images, where they are normalised: what was found, too.
        normalization: Option<Normalization> = None;
        /// What the training targets of a regression are like: what was found, too.
        targets: Option<TargetStatistics> = None;
        /// How the learning rate changes.
        schedule: ScheduleConfig = ScheduleConfig::default();
    }
    values {
        /// Learning rate [default: 1e-3]
        "Training" lr: f64 = 1e-3, [allow_negative_numbers = true];
        /// Samples per step [default: 128]
        "Training" batch_size: usize = 128, [value_name = "N", allow_negative_numbers = true];
        /// Passes over the training set [default: 50]
        "Training" epochs: usize = 50, [value_name = "N", allow_negative_numbers = true] free;
        /// Seed for initial weights, shuffling, --augment and --dropout [default: 0]
        "Training" seed: u64 = 0,
            [value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_SEED)];
        /// Seed for pictures that the program draws itself [default: 0]
        "Data" data_seed: u64 = 0,
            [value_name = "N", value_parser = clap::value_parser!(u64).range(..=MAX_SEED)];
        /// Optimizer [default: adam]
        "Training" optimizer: OptimizerKind = OptimizerKind::Adam, [value_enum];
        /// Momentum of --optimizer sgd [default: 0]
        "Training" momentum: f64 = 0.0, [value_name = "M", allow_negative_numbers = true];
        /// Decay the weights: with adam by this share per unit of learning rate, as `AdamW` does; with
        /// sgd it is added to the gradients, as PyTorch's SGD does [default: 0]
        "Training" weight_decay: f64 = 0.0, [value_name = "W", allow_negative_numbers = true];
        /// Loss of a regression [default: mse]
        "Training" loss: LossKind = LossKind::Mse, [value_enum];
        /// Error above which --loss huber is linear; in standard deviations if targets are scaled [default: 1]
        "Training" huber_delta: f64 = 1.0, [value_name = "D", allow_negative_numbers = true];
        /// Spread this share of every target evenly over all classes [default: 0]
        "Training" label_smoothing: f64 = 0.0, [value_name = "SHARE", allow_negative_numbers = true];
        /// Change training images at random, anew in every epoch: flip, translate=PIXELS, cutout=PIXELS,
        /// rotate=DEGREES, scale=LEAST:MOST, brightness=SHARE, contrast=SHARE, as in flip,translate=4; or none
        /// [default: none]
        "Training" augment: Augmentation = Augmentation::default(), [value_name = "CHANGE,..."] commas;
        /// Do not train the first N layers that have parameters; batch norms count [default: 0]
        "Training" freeze: usize = 0, [value_name = "N", allow_negative_numbers = true];
        /// Validation metric that decides which weights are the best, when --patience ends the run, and when
        /// --lr-schedule plateau lowers the learning rate [default: loss]
        "Training" best_by: BestBy = BestBy::Loss, [value_enum];
        /// Hold out this share of the training images, and keep the weights that do best on them as
        /// best.safetensors
        "Training" valid_fraction: f64 = 0.0,
            [value_name = "SHARE", allow_negative_numbers = true] whole;
        /// Take this share of the pictures of a folder without a test set as one: of every class, and by
        /// --data-seed
        "Data" test_fraction: f64 = 0.0,
            [value_name = "SHARE", allow_negative_numbers = true] whole;
        /// How images of other proportions are made to fit --image-size [default: stretch]
        "Data" fit: Fit = Fit::Stretch, [value_enum] whole;
        /// Minutes between checkpoints within an epoch, beside the one after every epoch; 0 for none
        /// [default: 10]
        "Running" checkpoint_minutes: f64 = 10.0,
            [value_name = "M", allow_negative_numbers = true] free whole;
    }
    options {
        /// Resize all images to N x N, or to these rows and columns; folders may hold pictures of any size then
        "Data" image_size: ImageSize, [value_name = "N-or-HxW"] whole;
        /// Make all images grey or coloured [default: as they are; folders are grey where all pictures are]
        "Data" image_mode: ImageMode, [value_enum] whole;
        /// Start from these weights (names and shapes of the PyTorch `state_dict`)
        "Net" init: PathBuf, [value_name = "FILE.safetensors"] whole;
        /// What is learned: numbers, or classes [default: classify for folders with names that are not all
        /// numbers, and for sets of named classes, else regress]
        "Training" task: Task, [value_enum] whole;
        /// How the targets of a regression are scaled while it trains [default: standard if some lie outside -10 to
        /// 20, else none]
        "Training" target_scale: ScaleRule, [value_enum] whole;
        /// Weights of the classes in the loss: `balanced`, or one per class, in their order
        "Training" class_weights: ClassWeights, [value_name = "balanced|W,W,..."] whole;
        /// End after this many epochs without a lower validation loss
        "Training" patience: usize, [value_name = "EPOCHS"] free;
        /// Shorten gradients whose norm, over all parameters, is larger
        "Training" clip_grad_norm: f64, [value_name = "NORM", allow_negative_numbers = true];
        /// End, saved, after this many minutes of training
        "Training" max_time: f64, [value_name = "MINUTES", allow_negative_numbers = true] free whole;
        /// `cpu` for the processor, or an adapter by number or part of its name, or several, which the ranks of a
        /// machine take in turn; see `gpu-train devices` [default: a GPU where there is one, else cpu]
        "Running" device: String, [value_name = "INDEX-or-NAME,..."] free whole;
        /// Shards that a batch is computed in: with 8, one adapter gives the same bits as several ranks, but is slower
        /// [default: 1; 8 on cpu, and for several ranks]
        "Running" shards: usize, [value_name = "1|8"] whole;
    }
    switches {
        /// Take Nesterov's momentum with --optimizer sgd
        "Training" nesterov, [];
        /// Subtract from every channel its mean over the training images, and divide by its standard deviation
        "Data" normalize, [] whole;
        /// With --init: start the last layer at random if the file has no weights that fit it
        "Net" init_partial, [] whole;
        /// Decode the pictures of a folder again, and keep none in the cache folder
        "Data" no_cache, [] free whole;
        /// Visit the samples in file order
        "Training" no_shuffle, [];
        /// Evaluate the training set too after every epoch, as the test set: three more columns of
        /// metrics.csv
        "Training" evaluate_train, [];
        /// Run every operation in a kernel of its own: slower, for comparison with the fused kernels
        "Running" no_fuse, [];
        /// Ignore what `gpu-train tune` found: kernels use their default tiles
        "Running" no_tuned, [];
        /// Compile shaders with bounds checks: slower, for debugging kernels
        "Running" checked, [];
    }
}

/// Optimizers, by their names on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam, or `AdamW` with --weight-decay
    Adam,
    /// Stochastic gradient descent, with --momentum and --nesterov
    Sgd,
}

impl RunConfig {
    /// What the command line asks for where nobody says otherwise: the default net of that type,
    /// trained as [`TrainerOptions::default`] says, on the drawn data set.
    pub fn default_for(net: NetworkType) -> Self {
        Self {
            net,
            ..Self::default()
        }
        .with_sizes(NetworkConfiguration::default_for(net))
    }

    /// The same with a net of these sizes.
    #[must_use]
    pub fn with_sizes(self, sizes: NetworkConfiguration) -> Self {
        Self {
            channels: sizes.n_channels,
            kernel_sizes: sizes.kernel_sizes,
            strides: sizes.strides,
            dense_hiddens: sizes.dense_hiddens,
            blocks: sizes.blocks,
            padding: match sizes.paddings {
                paddings if paddings.is_empty() => Padding::Pixels(vec![0]),
                paddings => Padding::Pixels(paddings),
            },
            batch_norm: sizes.batch_norm,
            pool: sizes.pool,
            head: sizes.head,
            dropout: sizes.dropout,
            ..self
        }
    }

    /// Errors where a value makes no sense, naming its flag.
    pub fn validate(&self) -> Result<()> {
        self.options().validate()?;
        if self.activation == Activation::Linear {
            return Err(Error::usage(
                "with `activation` linear all layers are one",
                "give `activation` relu, sigmoid or tanh",
            ));
        }
        if self.optimizer == OptimizerKind::Adam && (self.momentum != 0.0 || self.nesterov) {
            return Err(Error::usage(
                "`momentum` and `nesterov` are for sgd, and the optimizer is adam",
                "add `optimizer` sgd",
            ));
        }
        self.check_classes()?;
        self.check_targets()?;
        if self.epochs == 0 {
            return Err(Error::usage(
                "`epochs` 0 trains nothing",
                "give `epochs` at least 1, or use `dry_run` to look at the net",
            ));
        }
        if self.schedule.warmup > self.epochs {
            return Err(Error::usage(
                format!(
                    "`warmup` {} is longer than all of `epochs` {}",
                    self.schedule.warmup, self.epochs
                ),
                "`warmup` is counted in epochs; a twentieth of `epochs` is usual",
            ));
        }
        if !(0.0..=1e6).contains(&self.checkpoint_minutes) {
            return Err(Error::usage(
                format!(
                    "`checkpoint_minutes` {:?} is not from 0 to a million",
                    self.checkpoint_minutes
                ),
                "try `checkpoint_minutes` 10; 0 is after every epoch only",
            ));
        }
        for (name, fraction, usual) in [
            ("valid_fraction", self.valid_fraction, 0.1),
            ("test_fraction", self.test_fraction, 0.2),
        ] {
            if !(0.0..1.0).contains(&fraction) {
                return Err(Error::usage(
                    format!("`{name}` {fraction:?} is not from 0 to below 1"),
                    format!("try `{name}` {usual}"),
                ));
            }
        }
        if self
            .max_time
            .is_some_and(|minutes| !(minutes > 0.0 && minutes < 1e6))
        {
            return Err(Error::usage(
                format!(
                    "`max_time` {:?} is not a time",
                    self.max_time.unwrap_or(0.0)
                ),
                "give it in minutes: `max_time` 30",
            ));
        }
        if self.net == NetworkType::Cnn {
            self.padding.check(&self.kernel_sizes, &self.strides)?;
        }
        self.configuration().validate(self.net)
    }

    /// Errors where a run of this configuration cannot go on as `now`, naming every difference.
    /// Epochs may be more, and data may lie elsewhere: they are compared by themselves. Classes may
    /// have names on one side alone: earlier versions recorded none.
    pub fn check_resumed(&self, now: &Self) -> Result<()> {
        let mut differences = differences(self, now, |key| !is_free(key));
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
            "`resume` goes on as the run began, save for `epochs`, `data`, `device`, \
             `patience`, `max_time` and `checkpoint_minutes`; for anything else begin a new run, with `init` from its weights",
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
            objective: self.objective(),
            optimizer: self.optimizer(),
            clip_grad_norm: self.clip_grad_norm,
            augment: self.augment,
            schedule: self.schedule,
            epochs: self.epochs,
            patience: self.patience,
            best_by: self.best_by,
            shards: self.shards.unwrap_or(1),
            evaluate_train: self.evaluate_train,
            ..TrainerOptions::default()
        }
    }

    /// The optimizer with its constants.
    fn optimizer(&self) -> Arc<dyn Optimizer> {
        match self.optimizer {
            OptimizerKind::Adam => Arc::new(Adam {
                weight_decay: self.weight_decay,
                ..Adam::default()
            }),
            OptimizerKind::Sgd => Arc::new(Sgd {
                momentum: self.momentum,
                nesterov: self.nesterov,
                weight_decay: self.weight_decay,
            }),
        }
    }

    /// The net's sizes.
    pub fn configuration(&self) -> NetworkConfiguration {
        NetworkConfiguration {
            n_channels: self.channels.clone(),
            kernel_sizes: self.kernel_sizes.clone(),
            strides: self.strides.clone(),
            dense_hiddens: self.dense_hiddens.clone(),
            blocks: self.blocks,
            paddings: match self.net {
                NetworkType::Cnn => self.padding.of(&self.kernel_sizes, self.channels.len()),
                _ => Vec::new(),
            },
            batch_norm: self.batch_norm,
            pool: self.pool,
            head: self.head,
            dropout: self.dropout,
            outputs: self.objective().outputs(),
        }
    }
}

#[cfg(test)]
mod tests;
