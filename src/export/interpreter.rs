//! Runs the few ONNX operators of our files on the processor, in f64: reads the bytes as another
//! program would, and knows nothing of the net they were made from.

mod operators;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use prost::Message as _;

use self::operators::{
    add, average, average_pool, batch_norm, by_channel, concat, conv, flatten, gemm, map, max_pool,
    pad, reduce_max, slice, softmax,
};
use super::proto::{FLOAT, INT64, ModelProto, NodeProto, TensorProto};

/// An array of any number of axes, the last of which varies fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length along each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f64>,
}

/// Elements that all values of a run may have together: a gigabyte.
const MOST_ELEMENTS: usize = 1 << 27;
/// The largest number that an attribute may be.
const MOST: i64 = 1 << 20;

/// The elements of a tensor of that shape.
///
/// Errors where a side is 0, or they are more than any run may have.
fn elements(shape: &[usize]) -> Result<usize, String> {
    let product = shape
        .iter()
        .try_fold(1_usize, |product, &side| product.checked_mul(side));
    product
        .filter(|it| (1..=MOST_ELEMENTS).contains(it) && !shape.is_empty())
        .ok_or_else(|| {
            format!("{shape:?} is not the shape of a tensor, or the tensor is too large")
        })
}

/// A decoded file.
#[derive(Debug, Clone)]
pub struct Model {
    proto: ModelProto,
    initializers: HashMap<String, Tensor>,
}

impl Model {
    /// Decodes a file; says what is wrong with one that it cannot run.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let proto = ModelProto::decode(bytes).map_err(|error| error.to_string())?;
        let graph = proto.graph.as_ref().ok_or("it has no graph")?;
        let initializers = graph.initializer.iter().map(|tensor| {
            let read = initializer(tensor);
            read.map(|it| (tensor.name.clone(), it))
        });
        Ok(Self {
            initializers: initializers.collect::<Result<_, _>>()?,
            proto,
        })
    }

    /// The graph's only output for its only input; says which node cannot be run.
    pub fn run(&self, input: Tensor) -> Result<Tensor, String> {
        let graph = self.proto.graph.as_ref().ok_or("it has no graph")?;
        let ([source], [result]) = (&graph.input[..], &graph.output[..]) else {
            return Err("it has not one input and one output".to_owned());
        };
        let mut held = elements(&input.shape)?;
        let mut values = HashMap::from([(source.name.clone(), input)]);
        for node in &graph.node {
            let inputs = node.input.iter().map(|name| {
                let value = values.get(name).or_else(|| self.initializers.get(name));
                value.ok_or_else(|| format!("{}: there is no {name}", node.name))
            });
            let inputs: Vec<&Tensor> = inputs.collect::<Result<_, _>>()?;
            let output = apply(node, &inputs).map_err(|what| format!("{}: {what}", node.name))?;
            held += elements(&output.shape)?;
            if held > MOST_ELEMENTS {
                return Err(format!(
                    "its values have more than {MOST_ELEMENTS} elements"
                ));
            }
            let [name] = &node.output[..] else {
                return Err(format!("{} has not one output", node.name));
            };
            values.insert(name.clone(), output);
        }
        let output = values.remove(&result.name);
        output.ok_or_else(|| format!("there is no {}", result.name))
    }

    /// The name of its output, and the sizes of a sample of its input: `None` where it has several.
    pub(super) fn signature(&self) -> Option<(&str, Vec<usize>)> {
        let graph = self.proto.graph.as_ref()?;
        let ([source], [result]) = (&graph.input[..], &graph.output[..]) else {
            return None;
        };
        let shape = source
            .r#type
            .as_ref()?
            .tensor_type
            .as_ref()?
            .shape
            .as_ref()?;
        let sizes = shape
            .dim
            .iter()
            .skip(1)
            .map(|it| it.dim_value.unwrap_or(0) as usize);
        Some((result.name.as_str(), sizes.collect()))
    }

    /// What it says beside its graph, by name.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        let entries = self.proto.metadata_props.iter();
        entries
            .map(|it| (it.key.clone(), it.value.clone()))
            .collect()
    }

    /// Types of its nodes, in order.
    pub fn operators(&self) -> Vec<&str> {
        let graph = self.proto.graph.iter();
        let nodes = graph.flat_map(|graph| &graph.node);
        nodes.map(|node| node.op_type.as_str()).collect()
    }
}

fn initializer(tensor: &TensorProto) -> Result<Tensor, String> {
    let side =
        |it: &i64| usize::try_from(*it).map_err(|_| format!("{}: a side of {it}", tensor.name));
    let shape: Vec<usize> = tensor.dims.iter().map(side).collect::<Result<_, _>>()?;
    let values: Vec<f64> = match tensor.data_type {
        FLOAT => {
            let (words, _) = tensor.raw_data.as_chunks::<4>();
            let float = |&word: &[u8; 4]| f64::from(f32::from_le_bytes(word));
            words.iter().map(float).collect()
        }
        INT64 => {
            let (words, _) = tensor.raw_data.as_chunks::<8>();
            let integer = |&word: &[u8; 8]| i64::from_le_bytes(word) as f64;
            words.iter().map(integer).collect()
        }
        other => return Err(format!("{}: data type {other}", tensor.name)),
    };
    if elements(&shape)? != values.len() {
        let count = values.len();
        return Err(format!("{}: {count} values for {shape:?}", tensor.name));
    }
    Ok(Tensor { shape, values })
}

fn ints(node: &NodeProto, name: &str) -> Result<Vec<usize>, String> {
    let found = node.attribute.iter().find(|it| it.name == name);
    let found = found.ok_or_else(|| format!("no {name}"))?;
    let list = match &found.ints[..] {
        [] => Cow::Owned(vec![found.i]),
        list => Cow::Borrowed(list),
    };
    let sane = |it: &i64| match it {
        0..=MOST => Ok(*it as usize),
        _ => Err(format!("{name} is {it}")),
    };
    list.iter().map(sane).collect()
}

fn int(node: &NodeProto, name: &str) -> Result<usize, String> {
    Ok(ints(node, name)?[0])
}

fn pair(node: &NodeProto, name: &str) -> Result<[usize; 2], String> {
    let list = ints(node, name)?;
    list.try_into().map_err(|_| format!("{name} is not a pair"))
}

fn apply(node: &NodeProto, inputs: &[&Tensor]) -> Result<Tensor, String> {
    match (node.op_type.as_str(), inputs) {
        ("Flatten", [x]) if int(node, "axis")? == 1 => Ok(flatten(x)),
        ("Relu", [x]) => Ok(map(x, |it| it.max(0.0))),
        ("Sigmoid", [x]) => Ok(map(x, |it| 1.0 / (1.0 + (-it).exp()))),
        ("Tanh", [x]) => Ok(map(x, f64::tanh)),
        ("Gemm", [x, weight, bias @ ..]) if int(node, "transB")? == 1 && bias.len() < 2 => {
            let zeros = Tensor {
                shape: weight.shape[..1].to_vec(),
                values: vec![0.0; weight.shape[0]],
            };
            gemm(x, weight, bias.first().unwrap_or(&&zeros))
        }
        ("Conv", [x, weight, bias @ ..]) if bias.len() < 2 => {
            let padded = match ints(node, "pads") {
                Ok(pads) => Cow::Owned(pad(x, &pads)?),
                Err(_) => Cow::Borrowed(*x),
            };
            let bias = bias.first().copied();
            conv(&padded, weight, bias, pair(node, "strides")?)
        }
        ("Add", [x, other]) if x.shape == other.shape => Ok(add(x, other)),
        ("Add", [x, other]) if other.shape == [1] => Ok(map(x, |it| it + other.values[0])),
        ("Mul", [x, other]) if other.shape == [1] => Ok(map(x, |it| it * other.values[0])),
        ("Sub", [x, of]) => by_channel(x, of, |x, mean| x - mean),
        ("Mul", [x, of]) => by_channel(x, of, |x, scale| x * scale),
        ("BatchNormalization", [x, tensors @ ..]) if tensors.len() == 4 => {
            let epsilon = node.attribute.iter().find(|it| it.name == "epsilon");
            let epsilon = epsilon.ok_or("no epsilon")?.f;
            batch_norm(x, tensors, f64::from(epsilon))
        }
        ("Softmax", [x]) if int(node, "axis")? == 1 && x.shape.len() == 2 => Ok(softmax(x)),
        ("GlobalAveragePool", [x]) => average(x),
        ("AveragePool", [x]) => {
            average_pool(x, pair(node, "kernel_shape")?, pair(node, "strides")?)
        }
        ("MaxPool", [x]) => max_pool(x, pair(node, "kernel_shape")?, pair(node, "strides")?),
        ("Slice", [x, starts, ends, axes]) => {
            let one = |it: &Tensor| match it.values[..] {
                [value] => Ok(value as usize),
                _ => Err("slices along several axes".to_owned()),
            };
            slice(x, one(starts)?, one(ends)?, one(axes)?)
        }
        ("ReduceMax", [x]) if int(node, "keepdims")? == 1 => reduce_max(x, int(node, "axes")?),
        ("Concat", parts) => concat(parts, int(node, "axis")?),
        (other, _) => Err(format!("{other} of {} inputs is not known", inputs.len())),
    }
}
