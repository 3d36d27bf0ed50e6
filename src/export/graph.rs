//! A net as an ONNX graph.

use std::collections::BTreeMap;

use prost::Message as _;

use super::described::Meaning;
use super::proto::{
    AttributeProto, DimensionProto, FLOAT, FLOAT_ATTRIBUTE, GraphProto, INT, INT64, INTS,
    ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::{Error, Result};
use crate::nn::onnx::{Attribute, OnnxGraph, OnnxNode, integer, integer_name};
use crate::nn::{Network, TargetScale};
use crate::shape::ImageShape;

/// Version of ONNX's operators that files ask for: of 2020, so that most runtimes have it, and the
/// last but few where `ReduceMax` has its axes as an attribute.
pub const OPSET: i64 = 13;
/// Version of the file format that came with it.
const IR_VERSION: i64 = 7;
/// No protobuf message may be larger.
const MAX_BYTES: usize = (1 << 31) - 1;

const INPUT: &str = "images";
/// What the last layer gives, where a softmax follows.
const LOGITS: &str = "logits";
/// What the last layer gives, where it learned targets on another scale; and that scale.
const LEARNED: &str = "learned";
const DEVIATION: &str = "target.deviation";
const MEAN: &str = "target.mean";
const DESCRIPTION: &str = "images: float [N, channels, rows, columns], bytes divided by 255";

/// The ONNX file of `network` on images of shape `image`, with the weights `tensors`, one per entry of
/// its table in PyTorch's order; `scale` says what its outputs stand for.
///
/// Its input `images` is float `[N, channels, rows, columns]`, bytes divided by 255, as the PyTorch
/// net's; its output is float `[N, outputs]`, and `meaning` says what it is. N is free. Weights have their
/// names in the `state_dict`.
///
/// Errors where the tensors do not fit the net, or the file would exceed 2 GiB.
pub fn to_onnx(
    network: &Network,
    image: ImageShape,
    tensors: &[Vec<f32>],
    meaning: &Meaning,
    scale: TargetScale,
) -> Result<Vec<u8>> {
    network.parameters.check(tensors)?;
    let OnnxGraph {
        nodes,
        integers,
        channels,
    } = network.onnx(INPUT);
    let mut nodes: Vec<NodeProto> = nodes.into_iter().map(proto).collect();
    let Some(mut last) = nodes.pop() else {
        let what = "a net without layers cannot be exported";
        return Err(Error::usage(what, "use a net that has one"));
    };
    let output = meaning.output();
    last.output = vec![output.to_owned()];
    let mut scalars = Vec::new();
    if let Meaning::Probabilities(_) = meaning {
        last.output = vec![LOGITS.to_owned()];
        nodes.extend([last, softmax(output)]);
    } else if scale == TargetScale::NONE {
        nodes.push(last);
    } else {
        last.output = vec![LEARNED.to_owned()];
        nodes.push(last);
        nodes.extend(targets(output));
        scalars = vec![(DEVIATION, scale.deviation), (MEAN, scale.mean)];
    }
    let scalars = scalars.into_iter().map(|(name, value)| TensorProto {
        dims: vec![1],
        data_type: FLOAT,
        name: name.to_owned(),
        raw_data: value.to_le_bytes().to_vec(),
    });
    let integers = integers.into_iter().map(|integer| TensorProto {
        dims: vec![1],
        data_type: INT64,
        name: integer_name(integer),
        raw_data: integer.to_le_bytes().to_vec(),
    });
    let channels = channels.into_iter().map(|(name, values)| TensorProto {
        dims: [1, values.len(), 1, 1].map(integer).to_vec(),
        data_type: FLOAT,
        name,
        raw_data: values.iter().flat_map(|it| it.to_le_bytes()).collect(),
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
        doc_string: format!("{DESCRIPTION}. {output}: float [N, {}].", network.outputs()),
        graph: Some(GraphProto {
            initializer: weights
                .chain(scalars)
                .chain(integers)
                .chain(channels)
                .collect(),
            node: nodes,
            name: "net".to_owned(),
            input: vec![batch_of(INPUT, &sizes)],
            output: vec![batch_of(output, &[network.outputs()])],
        }),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: Vec::new(),
    };
    let bytes = model.encoded_len();
    if bytes > MAX_BYTES {
        let what = format!("an ONNX file of {bytes} bytes exceeds the 2 GiB that one may have");
        return Err(Error::usage(what, "use `format` safetensors"));
    }
    Ok(model.encode_to_vec())
}

/// The node that makes probabilities of [`LOGITS`].
fn softmax(output: &str) -> NodeProto {
    let node = OnnxNode {
        name: "softmax".to_owned(),
        op_type: "Softmax",
        inputs: vec![LOGITS.to_owned()],
        attributes: vec![("axis", Attribute::Int(1))],
    };
    NodeProto {
        output: vec![output.to_owned()],
        ..proto(node)
    }
}

/// The nodes that make targets of [`LEARNED`].
fn targets(output: &str) -> [NodeProto; 2] {
    let node = |name: &str, op_type, inputs: [&str; 2]| {
        proto(OnnxNode {
            name: name.to_owned(),
            op_type,
            inputs: inputs.map(str::to_owned).to_vec(),
            attributes: Vec::new(),
        })
    };
    [
        node("target.Mul", "Mul", [LEARNED, DEVIATION]),
        NodeProto {
            output: vec![output.to_owned()],
            ..node("target.Add", "Add", ["target.Mul", MEAN])
        },
    ]
}

/// The ONNX file `bytes` which says `metadata` beside its graph.
pub fn with_metadata(mut bytes: Vec<u8>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let entries = metadata.iter().map(|(key, value)| StringStringEntryProto {
        key: key.clone(),
        value: value.clone(),
    });
    // Fields of a message may be anywhere: more of them behind the others are the same message.
    bytes.extend(
        ModelProto {
            metadata_props: entries.collect(),
            ..ModelProto::default()
        }
        .encode_to_vec(),
    );
    bytes
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

/// A node as the file has it.
fn proto(node: OnnxNode) -> NodeProto {
    let attribute = |(name, value): (&str, Attribute)| {
        let (kind, i, f, ints) = match value {
            Attribute::Int(i) => (INT, i, 0.0, Vec::new()),
            Attribute::Ints(ints) => (INTS, 0, 0.0, ints),
            Attribute::Float(f) => (FLOAT_ATTRIBUTE, 0, f, Vec::new()),
        };
        AttributeProto {
            name: name.to_owned(),
            f,
            i,
            ints,
            r#type: kind,
        }
    };
    NodeProto {
        input: node.inputs,
        output: vec![node.name.clone()],
        name: node.name,
        op_type: node.op_type.to_owned(),
        attribute: node.attributes.into_iter().map(attribute).collect(),
    }
}
