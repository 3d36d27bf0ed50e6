//! What a run's folder holds, read back: configuration, environment, metrics, predictions.

use std::path::{Path, PathBuf};

use toml::Table;

use super::csv_table::CsvTable;
use super::figures::printable;
use crate::data::{Baseline, Classes, DataSource, Dataset, TargetStatistics};
use crate::error::{Error, Result};
use crate::files::{read_if_there, read_regular};
use crate::nn::{Metric, NetworkType};
use crate::run::{RunConfig, read_header};
use crate::train::ClassCounts;

/// Far more than any configuration or environment needs.
const MAX_TOML: u64 = 4 << 20;
/// Of the files with lines: a line per epoch, or per test sample.
const MAX_CSV: u64 = 1 << 28;
const HINT: &str = "name the folder of a run, such as runs/<time>-<net>, or leave this one out";
const DAMAGED: &str = "leave this run out, or restore the file; resuming the run writes it \
                       anew where the run's checkpoint is whole";

/// A run, as its folder tells it. Files of other versions serve as well: unknown keys and columns
/// are kept, or passed over.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// The folder, as it was named.
    pub folder: PathBuf,
    /// The last part of the folder's path.
    pub name: String,
    /// `config.toml`.
    pub config: Table,
    /// `environment.toml`.
    pub environment: Table,
    /// What was measured: first the loss, second what runs are compared by.
    pub measured: &'static [Metric],
    /// `metrics.csv`: a line per epoch, at least one.
    pub metrics: CsvTable,
    /// `predictions.csv`, a line per test sample in file order; none before the run has ended.
    pub predictions: Option<Vec<Predicted>>,
    /// Parameters of the net, where `model.safetensors` is there and can be read.
    pub parameters: Option<usize>,
}

/// What was predicted of a test sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predicted {
    /// What it is: a number, or a class counted from 0.
    pub target: f32,
    /// What it was taken for.
    pub prediction: f32,
    /// How sure the net was, of a class.
    pub probability: Option<f64>,
}

impl Predicted {
    /// Whether the predicted class is the right one.
    pub fn is_right(&self) -> bool {
        self.target == self.prediction
    }
}

impl RunRecord {
    /// Reads the folder of a run.
    ///
    /// Errors where it is none, where it has no epoch yet, and where a file is damaged, naming it.
    pub fn read(folder: &Path) -> Result<Self> {
        if !folder.join("config.toml").is_file() {
            return Err(Error::file(
                folder,
                "is not a run folder: it has no config.toml",
                HINT,
            ));
        }
        let config = with_newer_keys(read_toml(&folder.join("config.toml"))?);
        let measured = measured(&config);
        let metrics = read_metrics(&folder.join("metrics.csv"), measured)?;
        if metrics.lines() == 0 {
            let what = "has no epoch yet: metrics.csv has no line";
            let hint = "wait for its first epoch, resume it, or leave it out";
            return Err(Error::file(folder, what, hint));
        }
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
        let name = absolute.file_name().unwrap_or(absolute.as_os_str());
        Ok(Self {
            name: printable(&name.to_string_lossy()),
            config,
            measured,
            environment: read_toml(&folder.join("environment.toml"))?,
            predictions: read_predictions(&folder.join("predictions.csv"))?,
            parameters: count_parameters(&folder.join("model.safetensors")),
            folder: folder.to_path_buf(),
            metrics,
        })
    }

    /// The text of a configuration's value, as its flag takes it; `None` where there is none.
    pub fn option(&self, key: &str) -> Option<String> {
        self.config.get(key).map(option_text)
    }

    /// The data set's name: of a path its last part.
    pub fn data(&self) -> String {
        let Some(text) = self.option("data") else {
            return "unknown data".to_owned();
        };
        let name = text.trim_end_matches(['/', '\\']);
        name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned()
    }

    /// What the targets stand for, where they are places in a list of names.
    pub fn classes(&self) -> Option<Classes> {
        self.config.get("classes")?.clone().try_into().ok()
    }

    /// The classes that the run told apart, where it did.
    pub fn labels(&self) -> Option<Classes> {
        let task = self.config.get("task").and_then(toml::Value::as_str);
        self.classes().filter(|_| task == Some("classify"))
    }

    /// What predictions that look at no image come to on its test set; `None` where the run has not ended, or
    /// recorded nothing of the targets it was trained on.
    pub fn baseline(&self) -> Option<Baseline> {
        let found: TargetStatistics = self.config.get("targets")?.clone().try_into().ok()?;
        let targets = self.predictions.as_ref()?.iter().map(|it| it.target);
        let targets: Vec<f32> = targets.collect();
        (!targets.is_empty()).then(|| found.baseline(&targets))
    }

    /// How often which of its `count` classes was taken for which; `None` where the run has not ended, or
    /// predicted something else.
    pub fn class_counts(&self, count: usize) -> Option<ClassCounts> {
        let class = |number: f32| {
            let class = number as usize;
            (class < count && class as f32 == number).then_some(class)
        };
        let pairs = self.predictions.as_ref()?.iter();
        let pairs = pairs.map(|it| class(it.target).zip(class(it.prediction)));
        let pairs: Option<Vec<_>> = pairs.collect();
        Some(ClassCounts::new(count, pairs?))
    }

    /// Fingerprints of training and test set; runs of the same data have the same.
    pub fn fingerprints(&self) -> [&str; 2] {
        ["train_fingerprint", "test_fingerprint"].map(|key| {
            let value = self.environment.get(key);
            value.and_then(toml::Value::as_str).unwrap_or("unknown")
        })
    }

    /// Images of the training and of the test set, where the run recorded them.
    pub fn images(&self) -> Option<[usize; 2]> {
        let count = |key: &str| {
            let count = self.environment.get(key)?.as_integer()?;
            usize::try_from(count).ok().filter(|it| *it > 0)
        };
        Some([count("train_images")?, count("test_images")?])
    }

    /// Channels, rows and columns of an image, where the run recorded them.
    pub fn image_shape(&self) -> Option<[usize; 3]> {
        self.environment.get("image_shape")?.clone().try_into().ok()
    }

    /// `config.toml` as it would be if nothing but the kind of net were asked for.
    pub(super) fn default_config(&self) -> Table {
        let net = self.config.get("net").cloned();
        let net: Option<NetworkType> = net.and_then(|it| it.try_into().ok());
        let default = net.map_or_else(RunConfig::default, RunConfig::default_for);
        Table::try_from(default).unwrap_or_default()
    }

    /// The data set that the configuration names, if it names one.
    pub fn source(&self) -> Option<DataSource> {
        self.config.get("data")?.clone().try_into().ok()
    }

    /// Loads the test set that the run was evaluated on.
    ///
    /// Errors where it cannot be loaded, or is another one than it was.
    pub fn load_test_set(&self) -> Result<Dataset> {
        let path = self.folder.join("config.toml");
        let source = self.source();
        let source = source.ok_or_else(|| Error::file(&path, "names no data set", DAMAGED))?;
        // It may be of another version: what it says of anything else does not matter.
        let mut config = self.config.clone();
        config.retain(|key, _| OF_DATA.contains(&key));
        let config: RunConfig = config.try_into().map_err(|error: toml::de::Error| {
            Error::file(&path, error.message().to_owned(), DAMAGED)
        })?;
        let test = source.of_test_set().load_with(&config.loading())?.test;
        self.check_test_set(&test)?;
        match self.labels() {
            Some(labels) => test.classified(&labels),
            None => Ok(test),
        }
    }

    /// Errors where `test` is not what the run was evaluated on. What has the run's own classes is.
    pub fn check_test_set(&self, test: &Dataset) -> Result<()> {
        if self.labels().is_some() && self.labels().as_ref() == test.classes() {
            return Ok(());
        }
        let now = format!("{:016x}", test.fingerprint());
        if self.fingerprints()[1] == now {
            return Ok(());
        }
        let what = "the run was evaluated on another test set than is there now";
        Err(Error::file(
            &self.folder,
            what,
            "restore the data that the run saw",
        ))
    }
}

/// What the data of a run depend on, by the keys of `config.toml`.
const OF_DATA: [&str; 6] = [
    "data-seed",
    "image-size",
    "fit",
    "image-mode",
    "test-fraction",
    "no-cache",
];
/// Settings that came with later versions, by their keys.
const NEWER_KEYS: [&str; 15] = [
    "blocks",
    "optimizer",
    "momentum",
    "nesterov",
    "fit",
    "test-fraction",
    "no-cache",
    "label-smoothing",
    "best-by",
    "class-counts",
    "padding",
    "batch-norm",
    "head",
    "loss",
    "huber-delta",
];

/// A value of `config.toml` as its flag takes it.
pub(super) fn option_text(value: &toml::Value) -> String {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(list) if list.is_empty() => "none".to_owned(),
        toml::Value::Array(list) => {
            let entries: Vec<String> = list.iter().map(option_text).collect();
            entries.join(",")
        }
        toml::Value::Float(number) if *number != 0.0 && number.abs() < 1e-3 => {
            format!("{number:e}")
        }
        toml::Value::Table(table) => {
            let entries = table
                .iter()
                .map(|(key, it)| format!("{key} {}", option_text(it)));
            entries.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    printable(&text)
}

fn read_toml(path: &Path) -> Result<Table> {
    let bytes = read_regular(path, MAX_TOML, DAMAGED, DAMAGED)?;
    toml::from_slice(&bytes).map_err(|error| {
        let what = format!("is damaged: {}", error.message());
        Error::file(path, what, DAMAGED)
    })
}

/// What was measured of a run of `config`, which may be of another version.
fn measured(config: &Table) -> &'static [Metric] {
    let config: Result<RunConfig, _> = config.clone().try_into();
    config.unwrap_or_default().objective().metrics()
}

fn read_metrics(path: &Path, measured: &[Metric]) -> Result<CsvTable> {
    let bytes = read_regular(path, MAX_CSV, DAMAGED, DAMAGED)?;
    let damaged = |what: String| Error::file(path, format!("is damaged: {what}"), DAMAGED);
    let table = CsvTable::parse(&bytes).map_err(damaged)?;
    table.full("seconds").map_err(damaged)?;
    for metric in measured.iter().filter(|it| !it.is_optional) {
        for set in ["train", "test"] {
            if metric.is_of_test && set == "train" {
                continue;
            }
            let column = format!("{set}_{}", metric.name);
            table.full(&column).map_err(damaged)?;
        }
    }
    let epochs = table.full("epoch").map_err(damaged)?;
    for (line, epoch) in epochs.into_iter().enumerate() {
        if epoch != (line + 1) as f64 {
            return Err(damaged(format!("line {} is of epoch {epoch}", line + 2)));
        }
    }
    Ok(table)
}

fn read_predictions(path: &Path) -> Result<Option<Vec<Predicted>>> {
    let hint = "remove it, and resuming the run writes it anew; or leave this run out";
    let Some(bytes) = read_if_there(path, MAX_CSV, hint)? else {
        return Ok(None);
    };
    let damaged = |what: String| Error::file(path, format!("is damaged: {what}"), hint);
    let table = CsvTable::parse(&bytes).map_err(damaged)?;
    let targets = table.full("target").map_err(damaged)?;
    let predictions = table.full("prediction").map_err(damaged)?;
    let probabilities = table.column("probability");
    let lines = targets.into_iter().zip(predictions).enumerate();
    let predicted = |(line, (target, prediction)): (usize, (f64, f64))| Predicted {
        target: target as f32,
        prediction: prediction as f32,
        probability: probabilities.and_then(|it| it[line]),
    };
    Ok(Some(lines.map(predicted).collect()))
}

/// `config` with the defaults of settings that the version which wrote it did not know: a run of today
/// that has them does not differ in them.
fn with_newer_keys(mut config: Table) -> Table {
    let default = Table::try_from(RunConfig::default()).unwrap_or_default();
    // They drew pictures by the run's own seed.
    let data = config.get("data").cloned().map(toml::Value::try_into);
    let is_drawn = matches!(data, Some(Ok(DataSource::HouseDigits { .. })));
    let data_seed = if is_drawn { &config } else { &default };
    let data_seed = data_seed.get("seed").cloned();
    let newer = NEWER_KEYS.map(|key| (key, default.get(key).cloned()));
    for (key, value) in newer.into_iter().chain([("data-seed", data_seed)]) {
        if let (false, Some(value)) = (config.contains_key(key), value) {
            config.insert(key.to_owned(), value);
        }
    }
    config
}

/// Only a word beside the figures: a model that cannot be read has none.
fn count_parameters(path: &Path) -> Option<usize> {
    let header = read_header(path)?;
    let tensors = header.tensors();
    // Running averages are no parameters.
    let trained = tensors
        .iter()
        .filter(|(name, _)| !name.contains(".running_"));
    let mut sizes = trained.map(|(_, it)| it.shape.as_slice());
    let product = |shape: &[usize]| {
        let mut sizes = shape.iter();
        sizes.try_fold(1_usize, |product, &size| product.checked_mul(size))
    };
    sizes.try_fold(0_usize, |sum, shape| sum.checked_add(product(shape)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_configuration_differs_in_nothing_from_a_new_one_of_its_defaults() {
        let new = Table::try_from(RunConfig::default()).expect("is a table");
        let mut old = new.clone();
        old.retain(|key, _| !NEWER_KEYS.contains(&key));
        assert_ne!(old, new);
        assert_eq!(with_newer_keys(old.clone()), new);
        old.remove("data-seed");
        old.insert("seed".to_owned(), 3.into());
        let data_seed = |config: &Table| with_newer_keys(config.clone())["data-seed"].as_integer();
        assert_eq!(data_seed(&old), Some(3));
        old.insert("data".to_owned(), "svhn".into());
        assert_eq!(data_seed(&old), Some(0));
    }
}
