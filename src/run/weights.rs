//! Weights as safetensors, named and shaped as PyTorch's `state_dict`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata as Header, SafeTensors, TensorView};

use crate::error::{Error, Result};
use crate::files::{read_regular, write_whole};
use crate::graph::{Parameter, ParameterTable};

/// The key of what a file says beside its tensors, and the bytes of its header's length before it.
const METADATA: &str = "__metadata__";
const LENGTH_BYTES: usize = 8;
/// Bytes that a file may have beside the net's own tensors: a header with any metadata.
const HEADER_BYTES: u64 = 16 << 20;

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

/// Reads one tensor per entry of `table`, in PyTorch's order.
///
/// Errors name the tensors that are missing, too many, or of another shape or type; files that are
/// far too large for the net are not even read.
pub fn load_weights(path: &Path, table: &ParameterTable) -> Result<Vec<Vec<f32>>> {
    let hint = "the file must hold the state_dict of this very net, finite and in float32: check \
                `net`, `channels`, `kernel_sizes`, `dense_hiddens`, `blocks` and the shape of the images";
    let fail = |what: String| Error::file(path, what, hint);
    let missing = "`init` takes a .safetensors file, such as a run's model.safetensors";
    let elements = table.iter().map(|it| it.layout.elements());
    let limit = elements.sum::<usize>() as u64 * 4 + HEADER_BYTES;
    let bytes = read_regular(path, limit, missing, hint)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| {
        let what = format!("is not a safetensors file: {error}");
        Error::file(
            path,
            what,
            "it is damaged, or of another format; restore it",
        )
    })?;
    let mut found: HashMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let mut problems = Vec::new();
    let mut tensors = Vec::new();
    for parameter in table.iter() {
        match found.remove(&parameter.name) {
            None => problems.push(format!("{} is missing", parameter.name)),
            Some(view) => match read_tensor(parameter, &view) {
                Ok(tensor) => tensors.push(tensor),
                Err(problem) => problems.push(problem),
            },
        }
    }
    // PyTorch counts the batches of a batch norm, and averages do not need it.
    let counts = |name: &String| name.ends_with(".num_batches_tracked");
    let mut extra: Vec<String> = found.into_keys().filter(|it| !counts(it)).collect();
    extra.sort();
    problems.extend(
        extra
            .into_iter()
            .map(|name| format!("{name} is not of this net")),
    );
    if problems.is_empty() {
        Ok(tensors)
    } else {
        Err(fail(format!(
            "does not fit the net: {}",
            problems.join("; ")
        )))
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
