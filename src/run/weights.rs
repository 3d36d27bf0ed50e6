//! Weights as safetensors, named and shaped as PyTorch's `state_dict`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata as Header, SafeTensors, TensorView};

use crate::error::{Error, Result};
use crate::files::{read_regular, write_whole};
use crate::graph::{Parameter, ParameterTable};
use crate::nn::Network;

/// The key of what a file says beside its tensors, and the bytes of its header's length before it.
const METADATA: &str = "__metadata__";
const LENGTH_BYTES: usize = 8;
/// Bytes that a file may have beside the net's own tensors: a header with any metadata.
const HEADER_BYTES: u64 = 16 << 20;
/// Bytes that a file may have of which a net takes a part.
const MOST_BYTES: u64 = 1 << 31;

/// What a file says beside its tensors, by name.
pub type Metadata = BTreeMap<String, String>;

/// Writes `tensors` (one per entry of `table`, in PyTorch's order), whole or not at all.
pub fn save_weights(path: &Path, table: &ParameterTable, tensors: &[Vec<f32>]) -> Result<()> {
    save_described_weights(path, table, tensors, &Metadata::new())
}

/// [`save_weights`] with `metadata`.
pub fn save_described_weights(
    path: &Path,
    table: &ParameterTable,
    tensors: &[Vec<f32>],
    metadata: &Metadata,
) -> Result<()> {
    let tensors: Vec<Named> = named("", table, tensors).collect();
    write_whole(path, &serialize(path, &tensors, metadata)?)
}

/// What the file of weights `path` says beside its tensors; nothing where it cannot be read: whoever reads
/// the tensors says why.
pub fn read_metadata(path: &Path) -> Metadata {
    let header = read_header(path);
    let told = header.and_then(|it| it.metadata().clone());
    told.unwrap_or_default().into_iter().collect()
}

/// The header of the safetensors file at `path`; `None` where there is none that can be read.
pub(crate) fn read_header(path: &Path) -> Option<Header> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut length = [0; LENGTH_BYTES];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut header = Vec::new();
    file.take(length.min(HEADER_BYTES))
        .read_to_end(&mut header)
        .ok()?;
    serde_json::from_slice(&header).ok()
}

/// A tensor as a file holds it.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// Little-endian.
    pub(super) bytes: Vec<u8>,
}

/// `tensors` of `table`, with `prefix` before their names.
pub(super) fn named<'a>(
    prefix: &str,
    table: &'a ParameterTable,
    tensors: &'a [Vec<f32>],
) -> impl Iterator<Item = Named> + use<'a> {
    let prefix = prefix.to_owned();
    let pairs = table.iter().zip(tensors);
    pairs.map(move |(parameter, tensor)| Named {
        name: format!("{prefix}{}", parameter.name),
        shape: parameter.torch_shape.clone(),
        bytes: little_endian(tensor),
    })
}

fn little_endian(tensor: &[f32]) -> Vec<u8> {
    if cfg!(target_endian = "little") {
        bytemuck::cast_slice(tensor).to_vec()
    } else {
        tensor.iter().flat_map(|it| it.to_le_bytes()).collect()
    }
}

/// The bytes of a safetensors file, the same ones for the same contents; `path` is for the words of errors.
pub(super) fn serialize(path: &Path, tensors: &[Named], metadata: &Metadata) -> Result<Vec<u8>> {
    let failed = |error: safetensors::SafeTensorError| {
        let what = format!("cannot be made from these weights: {error}");
        Error::file(path, what, "this is a bug in gpu-train; please report it")
    };
    let views = tensors.iter().map(|tensor| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes);
        Ok((&tensor.name, view.map_err(failed)?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let bytes = safetensors::serialize(views, None).map_err(failed)?;
    Ok(with_metadata(bytes, metadata))
}

/// The file `bytes`, which has no metadata, with these: the crate writes them in an order of chance.
fn with_metadata(bytes: Vec<u8>, metadata: &Metadata) -> Vec<u8> {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return bytes;
    };
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let (Some(b'{'), false) = (header.first(), metadata.is_empty()) else {
        return bytes;
    };
    let comma = if header.trim_ascii() == b"{}" {
        ""
    } else {
        ","
    };
    let metadata = serde_json::json!(metadata);
    let mut new = format!("{{\"{METADATA}\":{metadata}{comma}").into_bytes();
    new.extend(header[1..].trim_ascii_end());
    // Tensors begin at a multiple of eight.
    new.resize(new.len().next_multiple_of(LENGTH_BYTES), b' ');
    [&(new.len() as u64).to_le_bytes()[..], &new, tensors].concat()
}

/// What the words of errors about a file of weights say.
const MISSING: &str = "`init` takes a .safetensors file, such as a run's model.safetensors";
const DAMAGED: &str = "it is damaged, or of another format; restore it";
const UNFIT: &str = "the file must hold the state_dict of this very net, finite and in float32: check `net`, \
                     `channels`, `kernel_sizes`, `dense_hiddens`, `blocks` and the shape of the images; \
                     `init_partial` lets the last layer be another";

/// Reads one tensor per entry of `table`, in PyTorch's order.
///
/// Errors name the tensors that are missing, too many, or of another shape or type; files that are
/// far too large for the net are not even read.
pub fn load_weights(path: &Path, table: &ParameterTable) -> Result<Vec<Vec<f32>>> {
    let bytes = read_regular(path, most_bytes(table), MISSING, UNFIT)?;
    let Found { tensors, extra } = Found::read(path, &bytes, table)?;
    let mut fitting = Vec::new();
    let mut problems = Vec::new();
    for tensor in tensors {
        match tensor {
            Ok(tensor) => fitting.push(tensor),
            Err(problem) => problems.push(problem),
        }
    }
    let extra = extra.into_iter();
    problems.extend(extra.map(|name| format!("{name} is not of this net")));
    if problems.is_empty() {
        Ok(fitting)
    } else {
        Err(unfit(path, &problems))
    }
}

/// Bytes that a file of the weights of a net may have.
fn most_bytes(table: &ParameterTable) -> u64 {
    let elements = table.iter().map(|it| it.layout.elements());
    elements.sum::<usize>() as u64 * 4 + HEADER_BYTES
}

fn unfit(path: &Path, problems: &[String]) -> Error {
    let what = format!("does not fit the net: {}", problems.join("; "));
    Error::file(path, what, UNFIT)
}

/// What a file holds for a net.
struct Found {
    /// One per entry of the net's table, or what is wrong with it.
    tensors: Vec<Result<Vec<f32>, String>>,
    /// Names of all others.
    extra: Vec<String>,
}

impl Found {
    /// Looks for the tensors of `table` in `bytes`, which were read at `path`.
    fn read(path: &Path, bytes: &[u8], table: &ParameterTable) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| {
            let what = format!("is not a safetensors file: {error}");
            Error::file(path, what, DAMAGED)
        })?;
        let mut found: HashMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        let tensors = table.iter().map(|parameter| {
            let view = found.remove(&parameter.name);
            let view = view.ok_or_else(|| format!("{} is missing", parameter.name));
            read_tensor(parameter, &view?)
        });
        let tensors = tensors.collect();
        // PyTorch counts the batches of a batch norm, and averages do not need it.
        let counts = |name: &String| name.ends_with(".num_batches_tracked");
        let mut extra: Vec<String> = found.into_keys().filter(|it| !counts(it)).collect();
        extra.sort();
        Ok(Self { tensors, extra })
    }
}

/// Weights of another net that fit one, but for its last layer.
#[derive(Debug, Clone, PartialEq)]
pub struct SomeWeights {
    /// One per entry of the net's table; `None` for what begins at random.
    pub tensors: Vec<Option<Vec<f32>>>,
    path: PathBuf,
    random: Vec<String>,
    extra: Vec<String>,
}

/// Reads what of the file `path` fits `network`: every layer but the last one with parameters, which is taken whole or
/// begins at random.
///
/// Errors name the tensors of other layers that are missing, or of another shape or type.
pub fn load_some_weights(path: &Path, network: &Network) -> Result<SomeWeights> {
    let table = &network.parameters;
    let last = network.layers.iter().rfind(|it| !it.tensors.is_empty());
    let last = last.map_or(0..0, |it| it.tensors.clone());
    // A last layer may be of any size.
    let bytes = read_regular(path, most_bytes(table).max(MOST_BYTES), MISSING, UNFIT)?;
    let Found { mut tensors, extra } = Found::read(path, &bytes, table)?;
    let problems = tensors[..last.start]
        .iter()
        .filter_map(|it| it.as_ref().err());
    let problems: Vec<String> = problems.cloned().collect();
    if !problems.is_empty() {
        return Err(unfit(path, &problems));
    }
    let mut random = Vec::new();
    if tensors[last.clone()].iter().any(Result::is_err) {
        random.extend(last.clone().map(|it| table.get(it).name.clone()));
        tensors[last].fill_with(|| Err(String::new()));
    }
    Ok(SomeWeights {
        tensors: tensors.into_iter().map(Result::ok).collect(),
        path: path.to_path_buf(),
        random,
        extra,
    })
}

impl fmt::Display for SomeWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tensors,
            path,
            random,
            extra,
        } = self;
        let taken = tensors.iter().flatten().count();
        let (all, path) = (tensors.len(), path.display());
        write!(f, "{taken} of {all} tensors are those of {path}")?;
        if !random.is_empty() {
            write!(f, "; {} begin at random", random.join(" and "))?;
        }
        if !extra.is_empty() {
            write!(f, "; not taken: {}", extra.join(", "))?;
        }
        Ok(())
    }
}

/// Reads the tensor of `parameter`; says what is wrong where it has another type or shape, or holds
/// values that are not finite.
pub(super) fn read_tensor(
    parameter: &Parameter,
    view: &TensorView<'_>,
) -> Result<Vec<f32>, String> {
    let name = &parameter.name;
    if view.dtype() != Dtype::F32 {
        return Err(format!("{name} holds {:?}, not F32", view.dtype()));
    }
    if view.shape() != parameter.torch_shape {
        return Err(format!(
            "{name} is {:?}, not {:?}",
            view.shape(),
            parameter.torch_shape
        ));
    }
    let floats = view.data().chunks_exact(4);
    let tensor: Vec<f32> = floats
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    if tensor.iter().all(|float| float.is_finite()) {
        Ok(tensor)
    } else {
        Err(format!("{name} holds values that are not finite"))
    }
}
