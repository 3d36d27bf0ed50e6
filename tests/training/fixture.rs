//! PyTorch trajectories from `tests/fixtures`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gpu_train::data::{Dataset, Split, TargetStatistics};
use gpu_train::nn::{
    Activation, CrossEntropy, Head, NetworkConfiguration, NetworkType, Objective, Pool,
    balanced_weights,
};
use gpu_train::run::{LossKind, OptimizerKind, RunConfig, ScaleRule, Task};
use gpu_train::shape::ImageShape;
use gpu_train::train::{
    LrRange, LrSchedule, ResidentSplit, ScheduleConfig, Session, TrainerOptions,
};
use safetensors::SafeTensors;
use serde::Deserialize;

/// The `.toml` of a fixture.
#[derive(Debug, Deserialize)]
pub struct Description {
    pub net: NetworkType,
    channels: Vec<usize>,
    kernel_sizes: Vec<usize>,
    strides: Vec<usize>,
    dense_hiddens: Vec<usize>,
    blocks: Option<usize>,
    pub activation: Activation,
    lr: f64,
    batch_size: usize,
    pub epochs: usize,
    image: [usize; 3],
    pub accuracy_is_exact: bool,
    optimizer: Option<OptimizerKind>,
    #[serde(default)]
    momentum: f64,
    #[serde(default)]
    nesterov: bool,
    #[serde(default)]
    weight_decay: f64,
    clip_grad_norm: Option<f64>,
    #[serde(default)]
    lr_schedule: LrSchedule,
    #[serde(default)]
    warmup: usize,
    lr_step_size: Option<usize>,
    lr_gamma: Option<f64>,
    lr_patience: Option<usize>,
    /// Images of its validation set.
    #[serde(default)]
    pub valid: usize,
    patience: Option<usize>,
    /// Classes of a classification.
    pub classes: Option<usize>,
    #[serde(default)]
    label_smoothing: f64,
    class_weights: Option<Weights>,
    #[serde(default)]
    padding: Vec<usize>,
    #[serde(default)]
    batch_norm: bool,
    #[serde(default)]
    pool: Pool,
    #[serde(default)]
    head: Head,
    #[serde(default)]
    dropout: f64,
    loss: Option<LossKind>,
    huber_delta: Option<f64>,
    target_scale: Option<ScaleRule>,
    find_lr: Option<(f64, f64, usize)>,
    /// The loss of every step of the range test.
    #[serde(default)]
    pub range_losses: Vec<f64>,
    pub epoch: Vec<Epoch>,
}

/// One epoch of it.
#[derive(Debug, Deserialize)]
pub struct Epoch {
    pub train_loss: f64,
    pub train_mae: Option<f64>,
    pub test_loss: f64,
    pub test_mae: Option<f64>,
    pub train_accuracy: f64,
    pub test_accuracy: f64,
    pub valid_loss: Option<f64>,
    pub valid_mae: Option<f64>,
    pub valid_accuracy: Option<f64>,
    /// Of targets that are learned on another scale.
    pub test_r2: Option<f64>,
}

/// Weights of classes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Weights {
    Given(Vec<f32>),
    Balanced(String),
}

/// One fixture.
pub struct Fixture {
    pub name: String,
    pub description: Description,
    bytes: Vec<u8>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// All of them, by name.
pub fn all() -> Vec<Fixture> {
    let files = fs::read_dir(folder()).expect("the fixtures are committed");
    let mut names: Vec<String> = files
        .map(|file| file.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .map(|path| path.file_stem().expect("named").to_string_lossy().into())
        .collect();
    names.sort();
    assert!(names.len() >= 12, "the fixtures are committed");
    names.iter().map(|name| Fixture::load(name)).collect()
}

impl Fixture {
    pub fn load(name: &str) -> Self {
        let path = |extension: &str| folder().join(format!("{name}.{extension}"));
        let text = fs::read_to_string(path("toml")).expect("readable");
        Self {
            name: name.to_owned(),
            description: toml::from_str(&text).expect("a description"),
            bytes: fs::read(path("safetensors")).expect("readable"),
        }
    }

    pub fn configuration(&self) -> NetworkConfiguration {
        let it = &self.description;
        NetworkConfiguration {
            outputs: self.objective().outputs(),
            n_channels: it.channels.clone(),
            kernel_sizes: it.kernel_sizes.clone(),
            strides: it.strides.clone(),
            dense_hiddens: it.dense_hiddens.clone(),
            blocks: it.blocks.unwrap_or(1),
            paddings: it.padding.clone(),
            batch_norm: it.batch_norm,
            pool: it.pool,
            head: it.head,
            dropout: it.dropout,
        }
    }

    /// Starts from PyTorch's weights, in file order.
    pub fn options(&self, names: &[String]) -> TrainerOptions {
        let it = &self.description;
        TrainerOptions {
            lr: it.lr,
            batch_size: it.batch_size,
            activation: it.activation,
            objective: self.objective(),
            optimizer: RunConfig {
                optimizer: it.optimizer.unwrap_or(OptimizerKind::Adam),
                momentum: it.momentum,
                nesterov: it.nesterov,
                weight_decay: it.weight_decay,
                ..RunConfig::default()
            }
            .options()
            .optimizer,
            clip_grad_norm: it.clip_grad_norm,
            schedule: self.schedule(),
            epochs: it.epochs,
            patience: it.patience,
            shuffle: false,
            init: Some(self.tensors("initial", names)),
            ..TrainerOptions::default()
        }
    }

    pub fn objective(&self) -> Arc<dyn Objective> {
        let it = &self.description;
        let Some(classes) = it.classes else {
            let found = TargetStatistics::of(self.dataset("train").targets());
            let scaled = it.target_scale == Some(ScaleRule::Standard);
            let config = RunConfig {
                task: Some(Task::Regress),
                loss: it.loss.unwrap_or(LossKind::Mse),
                huber_delta: it.huber_delta.unwrap_or(1.0),
                target_scale: it.target_scale,
                targets: scaled.then_some(found),
                ..RunConfig::default()
            };
            return config.objective();
        };
        Arc::new(CrossEntropy {
            classes,
            label_smoothing: it.label_smoothing,
            class_weights: it.class_weights.as_ref().map(|weights| match weights {
                Weights::Given(weights) => weights.clone(),
                Weights::Balanced(word) => {
                    assert_eq!(word, "balanced");
                    balanced_weights(&self.dataset("train").class_counts(classes))
                }
            }),
        })
    }

    fn schedule(&self) -> ScheduleConfig {
        let it = &self.description;
        let default = ScheduleConfig::default();
        ScheduleConfig {
            lr_schedule: it.lr_schedule,
            warmup: it.warmup,
            lr_step_size: it.lr_step_size.unwrap_or(default.lr_step_size),
            lr_gamma: it.lr_gamma.unwrap_or(default.lr_gamma),
            lr_patience: it.lr_patience.unwrap_or(default.lr_patience),
        }
    }

    /// The tensors `prefix.NAME`, in the order of `names`.
    pub fn tensors(&self, prefix: &str, names: &[String]) -> Vec<Vec<f32>> {
        let name = |name: &String| self.floats(&format!("{prefix}.{name}"));
        names.iter().map(name).collect()
    }

    pub fn image(&self) -> ImageShape {
        let [channels, height, width] = self.description.image;
        ImageShape::new(channels, height, width)
    }

    pub fn split(&self) -> Split {
        let valid = (self.description.valid > 0).then(|| self.dataset("valid"));
        Split {
            train: self.dataset("train"),
            test: self.dataset("test"),
            valid,
        }
    }

    /// All of its data sets, on the GPU.
    pub fn upload(&self, session: &Session) -> Arc<ResidentSplit> {
        session.upload_split(self.split()).expect("fits")
    }

    /// The learning rates of its range test, if it has one.
    pub fn lr_range(&self) -> Option<LrRange> {
        let (from, to, steps) = self.description.find_lr?;
        Some(LrRange { from, to, steps })
    }

    fn dataset(&self, name: &str) -> Dataset {
        let images = self.tensor(&format!("{name}.images"));
        let targets = self.floats(&format!("{name}.targets"));
        Dataset::new(images, targets, self.image()).expect("a data set")
    }

    fn tensor(&self, name: &str) -> Vec<u8> {
        let file = SafeTensors::deserialize(&self.bytes).expect("a safetensors file");
        file.tensor(name).expect(name).data().to_vec()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        bytemuck::pod_collect_to_vec(&self.tensor(name))
    }
}
