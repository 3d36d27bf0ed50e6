//! A net as an ONNX graph.

use std::collections::BTreeSet;

use prost::Message as _;

use super::adaptive::Pooling;
use super::proto::{
    AttributeProto, DimensionProto, FLOAT, GraphProto, INT, INT64, INTS, ModelProto, NodeProto,
    OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::nn::{Layer, LayerKind, Network};
use crate::shape::ImageShape;

/// Version of ONNX's operators that files ask for: of 2020, so that most runtimes have it, and the
/// last but few where `ReduceMax` has its axes as an attribute.
pub const OPSET: i64 = 13;
/// Version of the file format that came with it.
const IR_VERSION: i64 = 7;
/// No protobuf message may be larger.
const MAX_BYTES: usize = (1 << 31) - 1;

const INPUT: &str = "images";
const OUTPUT: &str = "prediction";
const DESCRIPTION: &str = "images: float [N, channels, rows, columns], bytes divided by 255. \
                           prediction: float [N, 1].";

/// The ONNX file of `network` on images of shape `image`, with the weights `tensors`, one per entry of
/// its table in PyTorch's order.
///
/// Its input `images` is float `[N, channels, rows, columns]`, bytes divided by 255, as the PyTorch
/// net's; its output `prediction` is float `[N, 1]`. N is free. Weights have their names in the
/// `state_dict`.
///
/// Errors where the tensors do not fit the net, or the file would exceed 2 GiB.
pub fn to_onnx(network: &Network, image: ImageShape, tensors: &[Vec<f32>]) -> Result<Vec<u8>> {
    network.parameters.check(tensors)?;
    let mut builder = Builder {
        network,
        nodes: Vec::new(),
        integers: BTreeSet::new(),
        value: INPUT.to_owned(),
    };
    let mut input = image;
    for (position, layer) in network.layers.iter().enumerate() {
        builder.layer(position, layer, input);
        input = layer.output;
    }
    let Some(last) = builder.nodes.last_mut() else {
        let what = "a net without layers cannot be exported";
        return Err(Error::usage(what, "use a net that has one"));
    };
    last.output = vec![OUTPUT.to_owned()];
    let integers = builder.integers.iter().map(|&integer| TensorProto {
        dims: vec![1],
        data_type: INT64,
        name: integer_name(integer),
        raw_data: integer.to_le_bytes().to_vec(),
    });
    let weights = network.parameters.iter().zip(tensors);
    let weights = weights.map(|(parameter, tensor)| TensorProto {
        dims: parameter.torch_shape.iter().copied().map(integer).collect(),
        data_type: FLOAT,
        name: parameter.name.clone(),
        raw_data: tensor.iter().flat_map(|it| it.to_le_bytes()).collect(),
    });
    let sizes = [image.channels, image.height, image.width];
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "gpu-train".to_owned(),
        doc_string: DESCRIPTION.to_owned(),
        graph: Some(GraphProto {
            initializer: weights.chain(integers).collect(),
            node: builder.nodes,
            name: "net".to_owned(),
            input: vec![batch_of(INPUT, &sizes)],
            output: vec![batch_of(OUTPUT, &[1])],
        }),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
    };
    let bytes = model.encoded_len();
    if bytes > MAX_BYTES {
        let what = format!("an ONNX file of {bytes} bytes exceeds the 2 GiB that one may have");
        return Err(Error::usage(what, "use --format safetensors"));
    }
    Ok(model.encode_to_vec())
}

/// A value of floats: N, then `sizes`.
fn batch_of(name: &str, sizes: &[usize]) -> ValueInfoProto {
    let free = DimensionProto {
        dim_value: None,
        dim_param: Some("N".to_owned()),
    };
    let fixed = sizes.iter().map(|&size| DimensionProto {
        dim_value: Some(integer(size)),
        dim_param: None,
    });
    let dim = std::iter::once(free).chain(fixed).collect();
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: FLOAT,
                shape: Some(TensorShapeProto { dim }),
            }),
        }),
    }
}

/// A size as ONNX has it. Sizes of nets that fit a GPU are far from the end of either type.
fn integer(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn integer_name(integer: i64) -> String {
    format!("integer {integer}")
}

fn int(name: &str, value: usize) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: integer(value),
        ints: Vec::new(),
        r#type: INT,
    }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: 0,
        ints: values.iter().copied().map(integer).collect(),
        r#type: INTS,
    }
}

struct Builder<'n> {
    network: &'n Network,
    nodes: Vec<NodeProto>,
    /// Numbers that nodes take as inputs.
    integers: BTreeSet<i64>,
    /// The last layer's output.
    value: String,
}

impl Builder<'_> {
    /// A node that reads `inputs`; returns the name of what it writes, which is its own.
    fn node(
        &mut self,
        name: String,
        op_type: &str,
        inputs: Vec<String>,
        attribute: Vec<AttributeProto>,
    ) -> String {
        self.nodes.push(NodeProto {
            input: inputs,
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op_type.to_owned(),
            attribute,
        });
        name
    }

    /// A node that reads the last layer's output alone, and is the last one from now on.
    fn next(&mut self, name: String, op_type: &str, attributes: Vec<AttributeProto>) {
        let input = self.value.clone();
        self.value = self.node(name, op_type, vec![input], attributes);
    }

    /// The same, with a weight and its bias.
    fn next_with(
        &mut self,
        name: String,
        op_type: &str,
        weight: usize,
        attributes: Vec<AttributeProto>,
    ) {
        let parameter = |index| self.network.parameters.get(index).name.clone();
        let inputs = vec![self.value.clone(), parameter(weight), parameter(weight + 1)];
        self.value = self.node(name, op_type, inputs, attributes);
    }

    /// The layer at `position`, which reads samples of shape `input`.
    fn layer(&mut self, position: usize, layer: &Layer, input: ImageShape) {
        let name = |op: &str| format!("{position}.{op}");
        match layer.kind {
            LayerKind::Flatten => self.next(name("Flatten"), "Flatten", vec![int("axis", 1)]),
            LayerKind::Conv2d { shape, weight } => {
                let attributes = vec![
                    ints("kernel_shape", &[shape.kernel_height, shape.kernel_width]),
                    ints("strides", &[shape.stride; 2]),
                ];
                self.next_with(name("Conv"), "Conv", weight, attributes);
            }
            LayerKind::Linear { weight } => {
                self.next_with(name("Gemm"), "Gemm", weight, vec![int("transB", 1)]);
            }
            LayerKind::Activation(activation) => {
                let op = match activation {
                    Activation::Linear => return,
                    Activation::Relu => "Relu",
                    Activation::Sigmoid => "Sigmoid",
                    Activation::Tanh => "Tanh",
                };
                self.next(name(op), op, Vec::new());
            }
            LayerKind::MaxPool2d(window) => {
                self.max_pool(name("MaxPool"), [window; 2], [window; 2]);
            }
            LayerKind::AdaptiveMaxPool2d(cells) => self.adaptive(position, input, cells),
        }
    }

    fn max_pool(&mut self, name: String, window: [usize; 2], strides: [usize; 2]) {
        let attributes = vec![ints("kernel_shape", &window), ints("strides", &strides)];
        self.next(name, "MaxPool", attributes);
    }

    /// One max-pooling where both axes allow it, else one axis after the other.
    fn adaptive(&mut self, position: usize, input: ImageShape, cells: usize) {
        let axes = [input.height, input.width].map(|size| Pooling::of(size, cells));
        let uniform = |axis: &Pooling| match axis {
            Pooling::Nothing => Some((1, 1)),
            Pooling::Uniform { window, stride } => Some((*window, *stride)),
            Pooling::Slices(_) => None,
        };
        if axes == [Pooling::Nothing, Pooling::Nothing] {
            return;
        }
        if let [Some(rows), Some(columns)] = [&axes[0], &axes[1]].map(uniform) {
            let name = format!("{position}.MaxPool");
            return self.max_pool(name, [rows.0, columns.0], [rows.1, columns.1]);
        }
        for (pooling, (axis, word)) in axes.iter().zip([(2, "rows"), (3, "columns")]) {
            let name = format!("{position}.{word}");
            match pooling {
                Pooling::Slices(windows) => self.slices(&name, axis, windows),
                other => {
                    let (window, stride) = uniform(other).unwrap_or((1, 1));
                    let along = |size| if axis == 2 { [size, 1] } else { [1, size] };
                    self.max_pool(format!("{name}.MaxPool"), along(window), along(stride));
                }
            }
        }
    }

    /// The maxima of `windows` along `axis`, joined.
    fn slices(&mut self, name: &str, axis: usize, windows: &[(usize, usize)]) {
        let value = self.value.clone();
        let cells = windows.iter().enumerate().map(|(cell, &(start, end))| {
            let mut inputs = vec![value.clone()];
            for number in [start, end, axis].map(integer) {
                self.integers.insert(number);
                inputs.push(integer_name(number));
            }
            let slice = self.node(format!("{name}.{cell}.Slice"), "Slice", inputs, Vec::new());
            let attributes = vec![ints("axes", &[axis]), int("keepdims", 1)];
            let name = format!("{name}.{cell}.ReduceMax");
            self.node(name, "ReduceMax", vec![slice], attributes)
        });
        let cells = cells.collect();
        let attributes = vec![int("axis", axis)];
        self.value = self.node(format!("{name}.Concat"), "Concat", cells, attributes);
    }
}
