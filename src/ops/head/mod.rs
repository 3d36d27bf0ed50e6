//! The head of a net in training: its last dense layers and the loss, forward and back, as one kernel.
//!
//! A batch of 128 keeps a GPU busy for a microsecond in each of them, and each launch takes three. Evaluations, the
//! processor, which starts no launches, and batches by shards run the layers one after the other.

pub mod mse_head;
mod shape;

pub use shape::{LAYERS, Partials, Shape as HeadShape, Tape as HeadTape};

use crate::activation::Activation;
use crate::error::Result;
use crate::graph::{Graph, Node, Op, Role, Shape, Tape, Value};
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::ops::linear::{self, linear_backward_weight, linear_forward};
use crate::ops::loss;
use crate::shape::ImageShape;

/// Floats of all weights of a head together, at most: every workgroup reads them twice.
const MOST_WEIGHTS: usize = 1 << 17;

/// The operation.
#[derive(Debug)]
struct Head {
    shape: HeadShape,
    layers: Vec<Layer>,
    /// The layer before, where it leaves partial sums.
    before: Option<Node>,
    /// Gradient by the input.
    gradient: Value,
    capacity: usize,
}

/// A dense layer that leaves partial sums: the head finishes them, and records the layer's gradients.
#[derive(Debug)]
struct PartialSums(Call);

impl Op for PartialSums {
    fn call(&self, _target: &Target) -> Call {
        self.0.clone()
    }

    fn backward(&self, _tape: &mut Tape<'_>, _node: &Node) -> Result<()> {
        Ok(())
    }
}

/// A dense layer of it.
#[derive(Debug, Clone)]
struct Layer {
    name: String,
    parameters: [Value; 2],
    features: [usize; 2],
    activation: Activation,
    input: Value,
    output: Value,
    /// By its sums.
    gradient: Option<Value>,
}

/// Replaces the last dense layers of `graph` by one operation, where they end in a loss that has a kernel for it.
pub fn fuse(graph: &mut Graph) {
    if !graph.training || graph.target.has_shards() {
        return;
    }
    let Some((mut shape, layers)) = found(graph) else {
        return;
    };
    // Asked as long as all readers are there.
    let (last, loss) = (layers.len(), graph.nodes().len() - 1);
    let is_finished_here = shape.is_activated || readers(graph, layers[0].input) == 1;
    let mut loss = graph
        .take_from(loss - last)
        .pop()
        .expect("the loss comes last");
    let split = is_finished_here
        .then(|| partial_sums(graph, &mut shape, layers[0].input))
        .flatten();
    record(graph, shape, layers, split, &mut loss);
    graph.put_back(loss);
}

/// Makes the layer before the head, which makes its `input`, leave partial sums, where that keeps a GPU busier; returns the
/// layer as it was, and them.
fn partial_sums(graph: &mut Graph, shape: &mut HeadShape, input: Value) -> Option<(Node, Value)> {
    let node = graph.nodes().last()?;
    let activation = linear::dense(node)?.activation;
    if node.outputs != [input] || !graph.is_trained(node.inputs[1]) {
        return None;
    }
    if activation != Activation::Linear && !shape.is_activated {
        return None;
    }
    let call = linear_forward::in_splits(&node.op.call(&graph.target), graph.capacity)?;
    let node = graph.take_from(graph.nodes().len() - 1).pop()?;
    let (splits, stride) = (call.splits(), graph.len(node.outputs[0]));
    shape.partials = Some(Partials {
        splits,
        stride,
        bias: 0,
    });
    let partials = graph.transient(Shape::Flat(splits * stride), Scalar::F32);
    let inputs = node.inputs.clone();
    graph.record(&node.layer, PartialSums(call), inputs, vec![partials]);
    Some((node, partials))
}

/// The last dense layers of `graph`, first to last: as many as there is a kernel for.
fn found(graph: &Graph) -> Option<(HeadShape, Vec<Layer>)> {
    let (loss, nodes) = graph.nodes().split_last()?;
    if !loss::is_mse(loss) {
        return None;
    }
    let mut layers: Vec<Layer> = Vec::new();
    let mut output = loss.inputs[0];
    for node in nodes.iter().rev() {
        // A frozen layer's parameters lie elsewhere.
        let fits = |it: &Layer| {
            let is_trained = it.parameters.iter().all(|it| graph.is_trained(*it));
            is_trained && it.output == output && readers(graph, output) == 1
        };
        let Some(layer) = Layer::of(node).filter(fits) else {
            break;
        };
        let of_next = layers.last().map_or(Activation::Linear, |_| {
            hidden(&layers).unwrap_or(layer.activation)
        });
        if layer.activation != of_next || layers.len() == LAYERS {
            break;
        }
        output = layer.input;
        layers.push(layer);
    }
    layers.reverse();
    while !layers.is_empty() {
        let shape = shape_of(graph, &layers);
        let weights: usize = layers
            .iter()
            .map(|it| it.features[0] * it.features[1])
            .sum();
        let bytes = shape.tape(graph.capacity).len as u64 * 4;
        let fits = bytes <= graph.target.limits.binding_bytes;
        if fits && shape.is_served() && weights <= MOST_WEIGHTS {
            return Some((shape, layers));
        }
        layers.remove(0);
    }
    None
}

/// The activation of the hidden ones among the last `layers`, last to first, if there are any.
fn hidden(layers: &[Layer]) -> Option<Activation> {
    layers.get(1).map(|it| it.activation)
}

fn readers(graph: &Graph, value: Value) -> usize {
    let read = graph.nodes().iter().flat_map(|it| &it.inputs);
    read.filter(|it| **it == value).count()
}

fn shape_of(graph: &Graph, layers: &[Layer]) -> HeadShape {
    let input = layers[0].input;
    let start = graph.parameter_offset(layers[0].parameters[0]);
    // The slope of what made the input is this kernel's to take where no other reads it.
    let maker = graph
        .nodes()
        .iter()
        .find(|it| it.outputs.first() == Some(&input));
    let maker = maker.filter(|_| readers(graph, input) == 1);
    let before = maker.map_or(Activation::Linear, |it| it.op.activation());
    let activation = if layers.len() > 1 {
        layers[0].activation
    } else {
        before
    };
    let ends = layers.iter().map(|it| it.features[1]);
    HeadShape {
        features: std::iter::once(layers[0].features[0]).chain(ends).collect(),
        weights: layers
            .iter()
            .map(|it| graph.parameter_offset(it.parameters[0]) - start)
            .collect(),
        activation,
        is_activated: before == activation && before != Activation::Linear,
        partials: None,
    }
}

/// Records the head of those `layers`, and makes `loss` read what it predicts.
fn record(
    graph: &mut Graph,
    mut shape: HeadShape,
    mut layers: Vec<Layer>,
    split: Option<(Node, Value)>,
    loss: &mut Node,
) {
    let [_, order, targets, ..] = loss.inputs[..] else {
        unreachable!("a loss reads predictions, order and targets");
    };
    let capacity = graph.capacity;
    let tape = shape.tape(capacity);
    let first = graph.parameter_offset(layers[0].parameters[0]);
    // The bias of partial sums lies before the head's own weights.
    let bias = split.as_ref().map(|(node, _)| node.inputs[2]);
    let start = bias.map_or(first, |it| graph.parameter_offset(it));
    for weight in &mut shape.weights {
        *weight += first - start;
    }
    let [_, last] = layers[layers.len() - 1].parameters;
    let end = graph.parameter_offset(last) + graph.len(last);
    let weights = graph.resident(Role::Parameters, start, end - start, Scalar::F32);
    let whole = graph.transient(Shape::Flat(tape.len), Scalar::F32);
    let part = |graph: &mut Graph, at: usize, features: usize| {
        graph.part(whole, at, Shape::Samples(ImageShape::vector(features)))
    };
    let gradient = part(graph, tape.gradients[0], shape.features[0]);
    let whole_input = layers[0].input;
    let (input, mut before) = match split {
        Some((_, partials)) => (partials, part(graph, tape.outputs[0], shape.features[0])),
        None => (whole_input, whole_input),
    };
    for (at, layer) in layers.iter_mut().enumerate() {
        let features = shape.features[at + 1];
        layer.input = before;
        layer.output = part(graph, tape.outputs[at + 1], features);
        layer.gradient = Some(part(graph, tape.gradients[at + 1], features));
        before = layer.output;
    }
    let names: Vec<&str> = layers.iter().map(|it| &*it.name).collect();
    let name = names.join(", ");
    let op = Head {
        shape,
        layers,
        before: split.map(|(node, _)| node),
        gradient,
        capacity,
    };
    graph.record(&name, op, vec![input, weights, order, targets], vec![whole]);
    loss.inputs[0] = before;
}

impl Layer {
    /// The dense layer that `node` is, if it is one behind others.
    fn of(node: &Node) -> Option<Self> {
        let dense = linear::dense(node).filter(|it| !it.is_first)?;
        let [input, weight, bias] = node.inputs[..] else {
            return None;
        };
        Some(Self {
            name: node.layer.clone(),
            parameters: [weight, bias],
            features: dense.features,
            activation: dense.activation,
            input,
            output: node.outputs[0],
            gradient: None,
        })
    }
}

impl Op for Head {
    fn call(&self, _target: &Target) -> Call {
        self.shape.call(self.capacity)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let target = tape.graph.target.clone();
        for layer in self.layers.iter().rev() {
            let [ins, outs] = layer.features;
            let call = linear_backward_weight::call(self.capacity, 1, ins, outs, &target);
            let splits = call.splits();
            let of_layer = Node {
                layer: layer.name.clone(),
                ..node.clone()
            };
            let gradient = layer.gradient.expect("recorded with one");
            let inputs = vec![layer.input, gradient];
            tape.parameter_gradients(&of_layer, layer.parameters, call, inputs, splits);
        }
        if let Some(before) = &self.before {
            return linear::record_gradients(tape, before, self.gradient);
        }
        if !tape.graph.needs_gradient(node.inputs[0]) {
            return Ok(());
        }
        if self.shape.is_activated {
            tape.set_gradient_before_activation(node, node.inputs[0], self.gradient)
        } else {
            tape.set_gradient(node, node.inputs[0], self.gradient)
        }
    }
}
