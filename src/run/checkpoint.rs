//! The checkpoint of a run: everything that it takes to go on bit for bit, in one file.
//!
//! A safetensors file. Its tensors are `parameters.NAME` and, for every slot of the optimizer,
//! `SLOT.NAME`, such as `first_moments.0.weight`, with PyTorch's names and shapes; its metadata holds,
//! under `gpu-train`, a TOML text of everything else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use crc32fast::Hasher;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::run_config::RunConfig;
use super::weights::{Named, named, read_tensor, serialize};
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::files::read_regular;
use crate::graph::{Parameter, ParameterTable};
use crate::nn::Network;
use crate::shape::ImageShape;
use crate::train::Clock;
use crate::train::EpochMetrics;
use crate::train::TrainState;

/// Of the metadata's text; another number is another meaning.
const FORMAT: u32 = 1;
const METADATA: &str = "gpu-train";
/// Parameters and moments of the largest net that kernels can index, and the metadata.
const MAX_BYTES: u64 = 3 << 33;
/// More than any image that fits a GPU has along one axis, and far from overflowing.
const MAX_SIDE: usize = 1 << 16;
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
    /// What the current epoch took so far.
    pub(super) clock: Clock,
}

/// A data set, as far as it takes to know it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRecord {
    /// [`Dataset::fingerprint`] in hexadecimal.
    pub fingerprint: String,
    /// Number of images.
    pub images: usize,
    /// Channels, rows and columns of one.
    pub shape: [usize; 3],
}

/// A training and a test set, as far as it takes to know them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// What is trained on.
    pub train: SetRecord,
    /// What is only evaluated on.
    pub test: SetRecord,
}

impl DataRecord {
    /// What there is to know of `split`.
    pub fn of(split: &Split) -> Self {
        let record = |set: &Dataset| SetRecord {
            fingerprint: format!("{:016x}", set.fingerprint()),
            images: set.len(),
            shape: [set.shape().channels, set.shape().height, set.shape().width],
        };
        Self {
            train: record(&split.train),
            test: record(&split.test),
        }
    }

    /// Errors where `now` is not the same data, saying which set differs and how.
    pub fn check(&self, now: &Self) -> Result<()> {
        let sets = [
            ("training", &self.train, &now.train),
            ("test", &self.test, &now.test),
        ];
        for (name, then, now) in sets {
            if then != now {
                return Err(Error::usage(
                    format!("the {name} set is not the run's: it was {then}, and is {now}"),
                    "give the run's own data, or begin a new run; `init` takes its weights along",
                ));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for SetRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            fingerprint,
            images,
            shape: [channels, height, width],
        } = self;
        let shape = ImageShape::new(*channels, *height, *width);
        write!(f, "{images} images of {shape} (fingerprint {fingerprint})")
    }
}

/// What the metadata's text holds.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    format: u32,
    version: String,
    /// CRC-32 of the tensors' bytes.
    checksum: u32,
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
        let mut tensors = Vec::new();
        for (role, values) in self.state.tensors() {
            tensors.extend(named(&format!("{role}."), &table_of(role, table), values));
        }
        let record = Record {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checksum: checksum(&tensors),
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
        let metadata = HashMap::from([(METADATA.to_owned(), text)]);
        serialize(path, &tensors, Some(metadata))
    }

    /// Reads a checkpoint, which knows of which net it is.
    ///
    /// Errors where it is missing, damaged, of another format, or does not hold all of its net.
    pub fn read(path: &Path) -> Result<Self> {
        let missing = "`resume` takes the folder of a run, which holds its checkpoint";
        let bytes = read_regular(path, MAX_BYTES, missing, DAMAGED)?;
        let fail = |what: String| Error::file(path, what, DAMAGED);
        let broken =
            |error: safetensors::SafeTensorError| fail(format!("is no checkpoint: {error}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        let metadata = header.metadata().as_ref();
        let text = metadata.and_then(|it| it.get(METADATA));
        let text = text.ok_or_else(|| fail("is no checkpoint of gpu-train".to_owned()))?;
        let record = parse(text).map_err(fail)?;
        let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
        let table = record.table();
        let table = table.map_err(|error| fail(format!("is of no net: {error}")))?;
        let mut state = record.state;
        state.parameters = tensors(&file, "parameters.", &table).map_err(fail)?;
        for slot in record.config.options().optimizer.slots() {
            let table = table_of(slot, &table);
            let found = tensors(&file, &format!("{slot}."), &table).map_err(fail)?;
            state.slots.push((Cow::Borrowed(*slot), found));
        }
        let named = state.tensors().flat_map(|(role, values)| {
            let table = table_of(role, &table);
            named(&format!("{role}."), &table, values).collect::<Vec<_>>()
        });
        if checksum(&named.collect::<Vec<_>>()) != record.checksum {
            return Err(fail("is damaged: its checksum does not fit".to_owned()));
        }
        Ok(Self {
            state,
            logs: record.logs,
            config: record.config,
            data: record.data,
            clock: record.clock,
        })
    }
}

impl Record {
    /// The parameters of its net.
    fn table(&self) -> Result<ParameterTable> {
        let [channels, height, width] = self.data.train.shape;
        if [channels, height, width]
            .iter()
            .any(|it| !(1..=MAX_SIDE).contains(it))
        {
            let what = format!("a net for images of {channels}x{height}x{width}");
            return Err(Error::usage(what, DAMAGED));
        }
        let image = ImageShape::new(channels, height, width);
        let config = &self.config;
        let sizes = config.configuration();
        let network = Network::new(config.net, &sizes, config.activation, image)?;
        Ok(network.parameters)
    }
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
    let wrong = |error: toml::de::Error| format!("is no checkpoint: {}", error.message());
    let Head { format, version } = toml::from_str(text).map_err(wrong)?;
    if format != FORMAT {
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
        let view = view.map_err(|error| format!("is no whole checkpoint: {error}"))?;
        read_tensor(parameter, &view)
    };
    table.iter().map(read).collect()
}

fn checksum(tensors: &[Named]) -> u32 {
    let mut crc = Hasher::new();
    for tensor in tensors {
        crc.update(&tensor.bytes);
    }
    crc.finalize()
}
