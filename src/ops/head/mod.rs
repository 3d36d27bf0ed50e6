//! The head of a net in training: its last dense layers and the loss, forward and back, as one kernel.
//!
//! A batch of 128 keeps a GPU busy for a microsecond in each of them, and each launch takes three. Evaluations, the
//! processor, which starts no launches, and batches by shards run the layers one after the other.

pub mod mse_head;
mod shape;

pub use shape::{LAYERS, Shape as HeadShape, Tape as HeadTape};

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
    layers: Vec<(Layer, Factors)>,
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
}

/// What the gradients of a layer's parameters are made of.
#[derive(Debug)]
struct Factors {
    input: Value,
    /// By the layer's sums.
    gradient: Value,
}

/// Replaces the last dense layers of `graph` by one operation, where they end in a loss that has a kernel for it.
pub fn fuse(graph: &mut Graph) {
    if !graph.training || graph.target.has_shards() {
        return;
    }
    let Some((mut shape, layers)) = found(graph) else {
        return;
    };
    let input = layers[0].input;
    let is_read_once = readers(graph, input) == 1;
    let from = graph.nodes().len() - 1 - layers.len();
    let mut loss = graph.take_from(from).pop().expect("the loss comes last");
    let before = if is_read_once {
        partial_sums(graph, &mut shape, input)
    } else {
        None
    };
    record(graph, shape, layers, before, &mut loss);
    graph.put_back(loss);
}

/// Makes the layer before the head, which alone reads the `input` that it makes, leave partial sums, where that keeps a GPU
/// busier; returns the layer as it was, and them.
fn partial_sums(graph: &mut Graph, shape: &mut HeadShape, input: Value) -> Option<(Node, Value)> {
    let node = graph.nodes().last()?;
    let activation = linear::dense(node)?.activation;
    let is_finished_here = activation == Activation::Linear || shape.is_activated;
    if node.outputs != [input] || !is_finished_here || !graph.is_trained(node.inputs[1]) {
        return None;
    }
    let call = linear_forward::in_splits(&node.op.call(&graph.target), graph.capacity)?;
    let node = graph.take_from(graph.nodes().len() - 1).pop()?;
    shape.splits = call.splits();
    let len = shape.splits * graph.len(input);
    let partials = graph.transient(Shape::Flat(len), Scalar::F32);
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
        splits: 0,
    }
}

/// Records the head of those `layers`, and makes `loss` read what it predicts.
fn record(
    graph: &mut Graph,
    mut shape: HeadShape,
    layers: Vec<Layer>,
    before: Option<(Node, Value)>,
    loss: &mut Node,
) {
    let [_, order, targets, ..] = loss.inputs[..] else {
        unreachable!("a loss reads predictions, order and targets");
    };
    let capacity = graph.capacity;
    let tape = shape.tape(capacity);
    let first = graph.parameter_offset(layers[0].parameters[0]);
    // The bias of partial sums lies before the head's own weights.
    let bias = before.as_ref().map(|(node, _)| node.inputs[2]);
    let start = bias.map_or(first, |it| graph.parameter_offset(it));
    for weight in &mut shape.weights {
        *weight += first - start;
    }
    let [_, last] = layers[layers.len() - 1].parameters;
    let end = graph.parameter_offset(last) + graph.len(last);
    let weights = graph.resident(Role::Parameters, start, end - start, Scalar::F32);
    let whole = graph.transient(Shape::Flat(tape.len), Scalar::F32);
    let mut part = |at: usize, layer: usize| {
        let features = ImageShape::vector(shape.features[layer]);
        graph.part(whole, at, Shape::Samples(features))
    };
    let input = before.as_ref().map_or(layers[0].input, |it| it.1);
    let mut value = match before {
        Some(_) => part(tape.outputs[0], 0),
        None => input,
    };
    let gradient = part(tape.gradients[0], 0);
    let layers = layers.into_iter().enumerate().map(|(at, layer)| {
        let factors = Factors {
            input: value,
            gradient: part(tape.gradients[at + 1], at + 1),
        };
        value = part(tape.outputs[at + 1], at + 1);
        (layer, factors)
    });
    let layers: Vec<(Layer, Factors)> = layers.collect();
    loss.inputs[0] = value;
    let names: Vec<&str> = layers.iter().map(|(it, _)| &*it.name).collect();
    let name = names.join(", ");
    let op = Head {
        shape,
        layers,
        before: before.map(|(node, _)| node),
        gradient,
        capacity,
    };
    graph.record(&name, op, vec![input, weights, order, targets], vec![whole]);
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
        })
    }
}

impl Op for Head {
    fn call(&self, _target: &Target) -> Call {
        self.shape.call(self.capacity)
    }

    fn backward(&self, tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        let target = tape.graph.target.clone();
        for (layer, factors) in self.layers.iter().rev() {
            let [ins, outs] = layer.features;
            let call = linear_backward_weight::call(self.capacity, 1, ins, outs, &target);
            let splits = call.splits();
            let of_layer = Node {
                layer: layer.name.clone(),
                ..node.clone()
            };
            let inputs = vec![factors.input, factors.gradient];
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
