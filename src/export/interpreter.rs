//! Runs the few ONNX operators of our files on the processor, in f64: reads the bytes as another
//! program would, and knows nothing of the net they were made from.

use std::borrow::Cow;
use std::collections::HashMap;

use prost::Message as _;

use super::proto::{FLOAT, INT64, ModelProto, NodeProto, TensorProto};

/// An array of any number of axes, the last of which varies fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length along each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f64>,
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
        let mut values = HashMap::from([(source.name.clone(), input)]);
        for node in &graph.node {
            let inputs = node.input.iter().map(|name| {
                let value = values.get(name).or_else(|| self.initializers.get(name));
                value.ok_or_else(|| format!("{}: there is no {name}", node.name))
            });
            let inputs: Vec<&Tensor> = inputs.collect::<Result<_, _>>()?;
            let output = apply(node, &inputs).map_err(|what| format!("{}: {what}", node.name))?;
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

    /// What its metadata say under `key`.
    pub(super) fn metadata(&self, key: &str) -> Option<&str> {
        let mut entries = self.proto.metadata_props.iter();
        let found = entries.find(|it| it.key == key);
        found.map(|it| it.value.as_str())
    }

    /// Types of its nodes, in order.
    pub fn operators(&self) -> Vec<&str> {
        let graph = self.proto.graph.iter();
        let nodes = graph.flat_map(|graph| &graph.node);
        nodes.map(|node| node.op_type.as_str()).collect()
    }
}

fn initializer(tensor: &TensorProto) -> Result<Tensor, String> {
    let shape: Vec<usize> = tensor.dims.iter().map(|&it| it as usize).collect();
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
    if shape.iter().product::<usize>() != values.len() {
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
    Ok(list.iter().map(|&it| it as usize).collect())
}

fn int(node: &NodeProto, name: &str) -> Result<usize, String> {
    Ok(ints(node, name)?[0])
}

fn pair(node: &NodeProto, name: &str) -> Result<[usize; 2], String> {
    let list = ints(node, name)?;
    list.try_into().map_err(|_| format!("{name} is no pair"))
}

fn apply(node: &NodeProto, inputs: &[&Tensor]) -> Result<Tensor, String> {
    match (node.op_type.as_str(), inputs) {
        ("Flatten", [x]) if int(node, "axis")? == 1 => Ok(flatten(x)),
        ("Relu", [x]) => Ok(map(x, |it| it.max(0.0))),
        ("Sigmoid", [x]) => Ok(map(x, |it| 1.0 / (1.0 + (-it).exp()))),
        ("Tanh", [x]) => Ok(map(x, f64::tanh)),
        ("Gemm", [x, weight, bias]) if int(node, "transB")? == 1 => gemm(x, weight, bias),
        ("Conv", [x, weight, bias @ ..]) if bias.len() < 2 => {
            let padded = match ints(node, "pads") {
                Ok(pads) => Cow::Owned(pad(x, &pads)?),
                Err(_) => Cow::Borrowed(*x),
            };
            let bias = bias.first().copied();
            conv(&padded, weight, bias, pair(node, "strides")?)
        }
        ("Add", [x, other]) if x.shape == other.shape => Ok(add(x, other)),
        ("BatchNormalization", [x, tensors @ ..]) if tensors.len() == 4 => {
            let epsilon = node.attribute.iter().find(|it| it.name == "epsilon");
            let epsilon = epsilon.ok_or("no epsilon")?.f;
            batch_norm(x, tensors, f64::from(epsilon))
        }
        ("Softmax", [x]) if int(node, "axis")? == 1 && x.shape.len() == 2 => Ok(softmax(x)),
        ("GlobalAveragePool", [x]) => average(x),
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

fn map(x: &Tensor, f: impl Fn(f64) -> f64) -> Tensor {
    Tensor {
        shape: x.shape.clone(),
        values: x.values.iter().map(|&it| f(it)).collect(),
    }
}

fn softmax(x: &Tensor) -> Tensor {
    let rows = x.values.chunks(x.shape[1].max(1));
    let values = rows.flat_map(|row| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let power = move |it: &f64| (it - largest).exp();
        let total: f64 = row.iter().map(power).sum();
        row.iter().map(move |it| power(it) / total)
    });
    Tensor {
        values: values.collect(),
        shape: x.shape.clone(),
    }
}

fn flatten(x: &Tensor) -> Tensor {
    let (samples, rest) = x.shape.split_at(1);
    Tensor {
        shape: vec![samples[0], rest.iter().product()],
        values: x.values.clone(),
    }
}

fn gemm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor, String> {
    let ([samples, ins], [outs, wanted]) = (&x.shape[..], &weight.shape[..]) else {
        return Err("no matrices".to_owned());
    };
    if ins != wanted || bias.shape != [*outs] {
        return Err(format!("{:?} by {:?}", x.shape, weight.shape));
    }
    let rows = x.values.chunks_exact(*ins);
    let values = rows.flat_map(|row| {
        let weights = weight.values.chunks_exact(*ins).zip(&bias.values);
        weights.map(move |(weights, bias)| {
            let products = row.iter().zip(weights).map(|(x, w)| x * w);
            bias + products.sum::<f64>()
        })
    });
    Ok(Tensor {
        shape: vec![*samples, *outs],
        values: values.collect(),
    })
}

fn four(x: &Tensor) -> Result<[usize; 4], String> {
    let shape = x.shape.as_slice().try_into();
    shape.map_err(|_| format!("{:?} has not four axes", x.shape))
}

/// Places of a window along one axis.
fn places(input: usize, window: usize, stride: usize) -> Result<usize, String> {
    if window == 0 || stride == 0 || window > input {
        return Err(format!(
            "windows of {window} at steps of {stride} in {input}"
        ));
    }
    Ok((input - window) / stride + 1)
}

/// Zeros around every plane: as many rows and columns before and behind it as `pads` say.
fn pad(x: &Tensor, pads: &[usize]) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let &[top, left, bottom, right] = pads else {
        return Err("pads are no four".to_owned());
    };
    let (rows, columns) = (top + height + bottom, left + width + right);
    let mut values = vec![0.0; samples * channels * rows * columns];
    let lines = x.values.chunks_exact(width).enumerate();
    for (line, pixels) in lines {
        let row = line / height * rows + top + line % height;
        values[row * columns + left..][..width].copy_from_slice(pixels);
    }
    Ok(Tensor {
        shape: vec![samples, channels, rows, columns],
        values,
    })
}

fn add(x: &Tensor, other: &Tensor) -> Tensor {
    let pairs = x.values.iter().zip(&other.values);
    Tensor {
        shape: x.shape.clone(),
        values: pairs.map(|(a, b)| a + b).collect(),
    }
}

/// `tensors`: scale, bias, mean and variance of every channel.
fn batch_norm(x: &Tensor, tensors: &[&Tensor], epsilon: f64) -> Result<Tensor, String> {
    let [_, channels, height, width] = four(x)?;
    if tensors.iter().any(|it| it.shape != [channels]) {
        return Err(format!("statistics of other than {channels} channels"));
    }
    let planes = x.values.chunks_exact(height * width).enumerate();
    let values = planes.flat_map(|(plane, pixels)| {
        let of = |tensor: usize| tensors[tensor].values[plane % channels];
        let scale = of(0) / (of(3) + epsilon).sqrt();
        let (mean, bias) = (of(2), of(1));
        pixels.iter().map(move |it| (it - mean) * scale + bias)
    });
    Ok(Tensor {
        shape: x.shape.clone(),
        values: values.collect(),
    })
}

fn average(x: &Tensor) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let planes = x.values.chunks_exact(height * width);
    let mean = |plane: &[f64]| plane.iter().sum::<f64>() / plane.len() as f64;
    Ok(Tensor {
        shape: vec![samples, channels, 1, 1],
        values: planes.map(mean).collect(),
    })
}

fn conv(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    strides: [usize; 2],
) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let [outs, wanted, rows, columns] = four(weight)?;
    if channels != wanted || bias.is_some_and(|it| it.shape != [outs]) {
        return Err(format!("{:?} by {:?}", x.shape, weight.shape));
    }
    let out_height = places(height, rows, strides[0])?;
    let out_width = places(width, columns, strides[1])?;
    let mut values = Vec::with_capacity(samples * outs * out_height * out_width);
    for sample in x.values.chunks_exact(channels * height * width) {
        let weights = weight.values.chunks_exact(channels * rows * columns);
        for (out, weights) in weights.enumerate() {
            for y in 0..out_height {
                for column in 0..out_width {
                    let mut sum = bias.map_or(0.0, |it| it.values[out]);
                    for (line, weights) in weights.chunks_exact(columns).enumerate() {
                        let (channel, row) = (line / rows, line % rows);
                        let at = (channel * height + y * strides[0] + row) * width;
                        let pixels = &sample[at + column * strides[1]..][..columns];
                        sum += pixels.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>();
                    }
                    values.push(sum);
                }
            }
        }
    }
    Ok(Tensor {
        shape: vec![samples, outs, out_height, out_width],
        values,
    })
}

fn max_pool(x: &Tensor, window: [usize; 2], strides: [usize; 2]) -> Result<Tensor, String> {
    let [samples, channels, height, width] = four(x)?;
    let out_height = places(height, window[0], strides[0])?;
    let out_width = places(width, window[1], strides[1])?;
    let mut values = Vec::with_capacity(samples * channels * out_height * out_width);
    for plane in x.values.chunks_exact(height * width) {
        for y in 0..out_height {
            for column in 0..out_width {
                let lines = (0..window[0]).map(|row| (y * strides[0] + row) * width);
                let pixels = lines.flat_map(|at| &plane[at + column * strides[1]..][..window[1]]);
                values.push(pixels.copied().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
    Ok(Tensor {
        shape: vec![samples, channels, out_height, out_width],
        values,
    })
}

/// Elements before, along and behind an axis.
fn around(x: &Tensor, axis: usize) -> Result<[usize; 3], String> {
    let length = *x.shape.get(axis).ok_or(format!("no axis {axis}"))?;
    let product = |sizes: &[usize]| sizes.iter().product();
    Ok([
        product(&x.shape[..axis]),
        length,
        product(&x.shape[axis + 1..]),
    ])
}

fn slice(x: &Tensor, start: usize, end: usize, axis: usize) -> Result<Tensor, String> {
    let [_, length, behind] = around(x, axis)?;
    if start >= end || end > length {
        return Err(format!("{start}..{end} of {length}"));
    }
    let blocks = x.values.chunks_exact(length * behind);
    let mut shape = x.shape.clone();
    shape[axis] = end - start;
    Ok(Tensor {
        shape,
        values: blocks
            .flat_map(|block| &block[start * behind..end * behind])
            .copied()
            .collect(),
    })
}

fn reduce_max(x: &Tensor, axis: usize) -> Result<Tensor, String> {
    let [_, length, behind] = around(x, axis)?;
    let blocks = x.values.chunks_exact(length * behind);
    let values = blocks.flat_map(|block| {
        (0..behind).map(move |at| {
            let along = block[at..].iter().step_by(behind);
            along.copied().fold(f64::NEG_INFINITY, f64::max)
        })
    });
    let mut shape = x.shape.clone();
    shape[axis] = 1;
    Ok(Tensor {
        shape,
        values: values.collect(),
    })
}

fn concat(parts: &[&Tensor], axis: usize) -> Result<Tensor, String> {
    let first = parts.first().ok_or("nothing to join")?;
    let [before, _, _] = around(first, axis)?;
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    let mut blocks = Vec::new();
    for part in parts {
        let [around_before, length, behind] = around(part, axis)?;
        if around_before != before {
            return Err(format!("{:?} beside {:?}", part.shape, first.shape));
        }
        shape[axis] += length;
        blocks.push(part.values.chunks_exact(length * behind));
    }
    let mut values = Vec::new();
    for _ in 0..before {
        for block in &mut blocks {
            values.extend(block.next().unwrap_or_default());
        }
    }
    Ok(Tensor { shape, values })
}
