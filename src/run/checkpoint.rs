//! The checkpoint of a run: everything that it takes to go on bit for bit, in one file.
//!
//! A safetensors file. Its tensors are `parameters.NAME` and, for every slot of the optimizer,
//! `SLOT.NAME`, such as `first_moments.0.weight`, with PyTorch's names and shapes; its metadata holds,
//! under `gpu-train`, a TOML text of everything else, and under `checksum` the CRC-32 of that text and
//! of every tensor with its name and shape.

use std::borrow::Cow;
use std::path::Path;

use crc32fast::Hasher;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::record::DataRecord;
use super::run_config::RunConfig;
use super::weights::{Metadata, Named, named, read_tensor, serialize};
use crate::data::held_out;
use crate::error::{Error, Result};
use crate::files::read_regular;
use crate::graph::{Parameter, ParameterTable};
use crate::train::Clock;
use crate::train::EpochMetrics;
use crate::train::HistoryCheck;
use crate::train::Selection;
use crate::train::TrainState;
use crate::train::TrainerOptions;

/// Of the metadata; another number is another meaning.
const FORMAT: u32 = 2;
/// That of before, whose checksum, in the text itself, is of the tensors' values alone.
const FORMAT_OF_TENSORS: u32 = 1;
const METADATA: &str = "gpu-train";
const CHECKSUM: &str = "checksum";
/// Parameters and moments of the largest net that kernels can index, and the metadata.
const MAX_BYTES: u64 = 3 << 33;
const DAMAGED: &str = "restore the file from a copy, or start a new run; `init` takes the weights of a \
                       run's model.safetensors";

/// Where a run stands, and of which run it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Everything that training changes.
    pub state: TrainState,
    /// Metrics of every epoch so far.
    pub logs: Vec<EpochMetrics>,
    /// What the run was asked for.
    pub config: RunConfig,
    /// The data it trains on.
    pub data: DataRecord,
    /// What to tell of the file that it was read from, a sentence.
    pub note: Option<&'static str>,
    /// What the current epoch took so far.
    pub(super) clock: Clock,
}

/// What the metadata's text holds.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    version: String,
    /// CRC-32 of the tensors' values, where the format has no better one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<u32>,
    state: TrainState,
    clock: Clock,
    #[serde(deserialize_with = "RunConfig::recorded")]
    config: RunConfig,
    data: DataRecord,
    #[serde(default)]
    logs: Vec<EpochMetrics>,
}

impl Checkpoint {
    /// The bytes of its file; `path` is for the words of errors.
    pub(super) fn to_bytes(&self, path: &Path, table: &ParameterTable) -> Result<Vec<u8>> {
        let tensors = all_named(&self.state, table);
        let record = Record {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checksum: None,
            state: self.state.without_tensors(),
            clock: self.clock,
            config: self.config.clone(),
            data: self.data.clone(),
            logs: self.logs.clone(),
        };
        let text = toml::to_string(&record).map_err(|error| {
            let what = format!("cannot be written as TOML: {error}");
            Error::file(path, what, "this is a bug in gpu-train; please report it")
        })?;
        let sum = format!("{:08x}", checksum(&text, &tensors));
        let metadata = [(METADATA, text), (CHECKSUM, sum)].map(|(name, it)| (name.to_owned(), it));
        serialize(path, &tensors, &Metadata::from(metadata))
    }

    /// Reads a checkpoint, which knows of which net it is.
    ///
    /// Errors where it is missing, damaged, of another format, does not hold all of its net, or says what
    /// no training can have come to.
    pub fn read(path: &Path) -> Result<Self> {
        let missing = "`resume` takes the folder of a run, which holds its checkpoint";
        let bytes = read_regular(path, MAX_BYTES, missing, DAMAGED)?;
        Self::from_bytes(&bytes).map_err(|what| Error::file(path, what, DAMAGED))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let broken = |error: safetensors::SafeTensorError| format!("is not a checkpoint: {error}");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let metadata = header.metadata().as_ref();
        let text = metadata.and_then(|it| it.get(METADATA));
        let text = text.ok_or("is not a checkpoint of gpu-train")?;
        let mut record = parse(text)?;
        let table = record.table()?;
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
        record.read_tensors(&file, &table)?;
        let tensors = all_named(&record.state, &table);
        if tensors.len() != file.len() {
            return Err("holds more tensors than its net has".to_owned());
        }
        let sum = metadata.and_then(|it| it.get(CHECKSUM));
        record.verify(text, &tensors, sum)?;
        let wrong = |what| format!("is damaged, and its checksum does not tell: {what}");
        record.check().map_err(wrong)?;
        let note = "the checkpoint is of an earlier version, whose checksum is of the weights alone: what \
                    else it says could be checked only in parts";
        Ok(Self {
            note: (record.format == FORMAT_OF_TENSORS).then_some(note),
            state: record.state,
            logs: record.logs,
            config: record.config,
            data: record.data,
            clock: record.clock,
        })
    }

    /// What weights of its run say beside the tensors.
    pub(super) fn metadata(&self) -> Metadata {
        self.config.metadata(self.data.train.image())
    }

    /// Reads the configuration of its run from the file `path`.
    ///
    /// Errors, naming the file, where the run cannot go on as it says.
    pub fn read_config(&self, path: &Path) -> Result<RunConfig> {
        let config = RunConfig::read(path)?;
        // Files of earlier versions say no task.
        let config = RunConfig {
            task: config.task.or(self.config.task),
            target_scale: config.target_scale.or(self.config.target_scale),
            targets: config.targets.or(self.config.targets),
            ..config
        };
        self.check_config(&config, path)?;
        Ok(config)
    }

    /// Errors, naming `path`, where the run cannot go on as `config`, which was read there.
    pub fn check_config(&self, config: &RunConfig, path: &Path) -> Result<()> {
        self.config.check_resumed(config).map_err(|error| {
            let hint = "restore what was changed from a copy: the run's checkpoint says what it was \
                        asked for";
            Error::file(path, error.to_string(), hint)
        })
    }

    /// Errors where a run cannot be here, which is one that its file could not be read with.
    pub(super) fn check(&self) -> Result<()> {
        let checked = check(
            &self.state,
            &self.logs,
            &self.clock,
            &self.config,
            &self.data,
        );
        checked.map_err(|what| {
            let what = format!("this trainer cannot begin a run: {what}");
            Error::usage(what, "give one that has not been trained but by its loop")
        })
    }
}

/// Errors where a run of `config` on `data` cannot stand there; says why not.
fn check(
    state: &TrainState,
    logs: &[EpochMetrics],
    clock: &Clock,
    config: &RunConfig,
    data: &DataRecord,
) -> Result<(), String> {
    let options = config.options();
    asked(config, &options, data).check(state, logs, clock)
}

fn asked<'a>(
    config: &RunConfig,
    options: &'a TrainerOptions,
    data: &DataRecord,
) -> HistoryCheck<'a> {
    let images = data.train.images;
    let valid = held_out(images, config.valid_fraction);
    HistoryCheck {
        options,
        samples: images.saturating_sub(valid),
        validates: valid > 0 || data.valid.is_some(),
    }
}

impl Record {
    /// The parameters of its net; says why there is none.
    fn table(&self) -> Result<ParameterTable, String> {
        let wrong = |error: Error| format!("is of no net: {error}");
        self.data.check_sane()?;
        self.config.validate().map_err(wrong)?;
        self.data.check_validation(&self.config).map_err(wrong)?;
        let network = self.config.network(self.data.train.image());
        Ok(network.map_err(wrong)?.parameters)
    }

    fn read_tensors(
        &mut self,
        file: &SafeTensors<'_>,
        table: &ParameterTable,
    ) -> Result<(), String> {
        self.state.parameters = tensors(file, "parameters.", table)?;
        self.state.slots.clear();
        for slot in self.config.options().optimizer.slots() {
            let found = tensors(file, &format!("{slot}."), &table_of(slot, table))?;
            self.state.slots.push((Cow::Borrowed(*slot), found));
        }
        Ok(())
    }

    /// Errors where the checksum, `sum` or the record's own, is missing or does not fit.
    fn verify(&self, text: &str, tensors: &[Named], sum: Option<&String>) -> Result<(), String> {
        let fits = match (self.format, sum, self.checksum) {
            (FORMAT, Some(sum), None) => *sum == format!("{:08x}", checksum(text, tensors)),
            (FORMAT_OF_TENSORS, None, Some(sum)) => sum == checksum_of_tensors(tensors),
            _ => return Err("is damaged: its checksum is missing".to_owned()),
        };
        if fits {
            Ok(())
        } else {
            Err("is damaged: its checksum does not fit".to_owned())
        }
    }

    /// Errors where what it says does not fit together.
    fn check(&mut self) -> Result<(), String> {
        if self.format == FORMAT_OF_TENSORS && self.state.selection == Selection::default() {
            // Of before there was one.
            let options = self.config.options();
            let asked = asked(&self.config, &options, &self.data);
            self.state.selection = asked.selection(&self.logs);
        }
        check(
            &self.state,
            &self.logs,
            &self.clock,
            &self.config,
            &self.data,
        )
    }
}

/// Every tensor of `state`, as the file names it.
fn all_named(state: &TrainState, table: &ParameterTable) -> Vec<Named> {
    let named = state.tensors().flat_map(|(role, values)| {
        let table = table_of(role, table);
        named(&format!("{role}."), &table, values).collect::<Vec<_>>()
    });
    named.collect()
}

/// The table of the tensors under the name `role`: statistics are parameters, but no optimizer keeps
/// anything of them.
fn table_of(role: &str, table: &ParameterTable) -> ParameterTable {
    match role {
        "parameters" => table.clone(),
        _ => table.trained(),
    }
}

fn parse(text: &str) -> Result<Record, String> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
        version: String,
    }
    let wrong = |error: toml::de::Error| format!("is not a checkpoint: {}", error.message());
    let Head { format, version } = toml::from_str(text).map_err(wrong)?;
    if ![FORMAT, FORMAT_OF_TENSORS].contains(&format) {
        return Err(format!(
            "is of format {format}, written by gpu-train {version}; this version reads {FORMAT}"
        ));
    }
    toml::from_str(text).map_err(wrong)
}

fn tensors(
    file: &SafeTensors<'_>,
    prefix: &str,
    table: &ParameterTable,
) -> Result<Vec<Vec<f32>>, String> {
    let read = |parameter: &Parameter| {
        let name = format!("{prefix}{}", parameter.name);
        let view = file.tensor(&name);
        let view = view.map_err(|error| format!("is not a whole checkpoint: {error}"))?;
        read_tensor(parameter, &view)
    };
    table.iter().map(read).collect()
}

fn checksum(text: &str, tensors: &[Named]) -> u32 {
    let mut crc = Hasher::new();
    crc.update(text.as_bytes());
    for tensor in tensors {
        crc.update(tensor.name.as_bytes());
        for &size in &tensor.shape {
            crc.update(&(size as u64).to_le_bytes());
        }
        crc.update(&tensor.bytes);
    }
    crc.finalize()
}

fn checksum_of_tensors(tensors: &[Named]) -> u32 {
    let mut crc = Hasher::new();
    for tensor in tensors {
        crc.update(&tensor.bytes);
    }
    crc.finalize()
}
