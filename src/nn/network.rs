//! A net: its layers with their shapes, and its parameters.

use std::ops::Range;
use std::sync::Arc;

use super::config::{NetworkConfiguration, NetworkType};
use super::layer::{Layer, OnnxPlace, Reads};
use super::onnx::OnnxGraph;
use super::{resnet, sequential};
use crate::activation::Activation;
use crate::data::Normalization;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, ParameterTable, Role, Value};
use crate::kernel::Scalar;
use crate::ops;
use crate::shape::ImageShape;

/// A layer in its place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As people count: "conv layer 2". Errors and profiles use it.
    pub name: String,
    /// What the names of its tensors begin with in the `state_dict`: "3", "layer1.0.conv1".
    pub path: String,
    /// The layer.
    pub layer: Arc<dyn Layer>,
    /// Shape of its input as it lies in memory: before it was flattened.
    memory: ImageShape,
    /// Shape of its input, per sample.
    pub input: ImageShape,
    /// Shape of its output, per sample.
    pub output: ImageShape,
    /// Its tensors, by their indices in the net's table.
    pub tensors: Range<usize>,
    /// Whether it is not trained: it computes as in an evaluation.
    pub frozen: bool,
}

impl Entry {
    /// As PyTorch prints it.
    pub fn torch(&self) -> String {
        self.layer.torch(self.input)
    }
}

/// A net for images of one shape: layers one after the other, as in a `torch.nn.Sequential`.
#[derive(Debug, Clone)]
pub struct Network {
    /// Shape of the images as the net reads them: an mlp sees a vector.
    pub input: ImageShape,
    /// The layers, in order.
    pub layers: Vec<Entry>,
    /// The parameters.
    pub parameters: ParameterTable,
    /// What images go through before the first layer.
    normalization: Option<Normalization>,
}

impl Network {
    /// The net that `configuration` describes, for images of shape `image`.
    ///
    /// Errors name the layer that does not fit and its shapes.
    pub fn new(
        network: NetworkType,
        configuration: &NetworkConfiguration,
        activation: Activation,
        image: ImageShape,
    ) -> Result<Self> {
        configuration.validate(network)?;
        match network {
            NetworkType::Resnet => resnet::build(configuration, activation, image),
            _ => sequential::build(network, configuration, activation, image),
        }
    }

    /// A net without layers yet, for samples of shape `input`.
    pub fn empty(input: ImageShape) -> Self {
        Self {
            input,
            layers: Vec::new(),
            parameters: ParameterTable::default(),
            normalization: None,
        }
    }

    /// Appends `layer`, which errors and profiles call `name`; its place in the list is its name in the
    /// `state_dict`.
    ///
    /// Errors where it does not fit the output of the last layer, or the net grows too large.
    pub fn push(&mut self, name: &str, layer: impl Layer + 'static) -> Result<()> {
        self.push_at(&self.layers.len().to_string(), name, layer)
    }

    /// The same with the name `path` in the `state_dict`.
    ///
    /// Errors as [`Network::push`].
    pub fn push_at(&mut self, path: &str, name: &str, layer: impl Layer + 'static) -> Result<()> {
        // Elementwise layers, which have no tensors, leave in place what was flattened before them.
        let (memory, input) = match self.layers.last() {
            None => (self.input, self.input),
            Some(last)
                if last.layer.is_view()
                    || (last.output == last.input && last.tensors.is_empty()) =>
            {
                (last.memory, last.output)
            }
            Some(last) => (last.output, last.output),
        };
        let is_flat = self.layers.iter().any(|it| it.layer.is_view());
        let (wrong, hint) = match layer.reads() {
            Reads::Images if is_flat => {
                ("images, and was given vectors", "put it before the Flatten")
            }
            Reads::Vectors if !is_flat => {
                ("vectors, and was given images", "put a Flatten before it")
            }
            _ => ("", ""),
        };
        if !wrong.is_empty() {
            return Err(Error::shape(name, format!("it reads {wrong}"), hint));
        }
        let output = layer.output(name, input)?;
        let first = self.parameters.iter().count();
        for tensor in layer.tensors(memory) {
            self.parameters.push(path, tensor)?;
        }
        self.layers.push(Entry {
            name: name.to_owned(),
            path: path.to_owned(),
            tensors: first..self.parameters.iter().count(),
            layer: Arc::new(layer),
            frozen: false,
            memory,
            input,
            output,
        });
        Ok(())
    }

    /// The same with images that are normalised first.
    ///
    /// Errors where they have other channels.
    pub fn normalized(mut self, normalization: Option<Normalization>) -> Result<Self> {
        if let Some(normalization) = &normalization {
            let channels = normalization.channels();
            let fits = match self.input.pixels() {
                1 => self.input.channels.is_multiple_of(channels.max(1)),
                _ => channels == self.input.channels,
            };
            normalization.check(if fits { channels } else { self.input.channels })?;
        }
        self.normalization = normalization;
        Ok(self)
    }

    /// The same of which the first `count` layers with parameters are not trained: their parameters stay as they are,
    /// and so do the running statistics of batch norms, which normalise by them.
    ///
    /// Errors where that leaves nothing to train.
    pub fn frozen(mut self, count: usize) -> Result<Self> {
        let has_parameters = |it: &Entry| !it.tensors.is_empty();
        let layers = self.layers.iter().filter(|it| has_parameters(it)).count();
        if count > 0 && count >= layers {
            return Err(Error::usage(
                format!(
                    "`freeze` {count} leaves nothing to train: {layers} layers have parameters"
                ),
                format!("give `freeze` fewer than {layers}"),
            ));
        }
        let entries = self.layers.iter_mut().filter(|it| has_parameters(it));
        entries.take(count).for_each(|it| it.frozen = true);
        self.parameters = ParameterTable::default();
        for entry in &self.layers {
            for mut tensor in entry.layer.tensors(entry.memory) {
                if entry.frozen {
                    tensor.kind = Kind::Statistic;
                }
                self.parameters.push(&entry.path, tensor)?;
            }
        }
        Ok(self)
    }

    /// Numbers that it predicts for a sample.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |it| it.output.elements())
    }

    /// Errors where the net does not end with `outputs` numbers per sample, or does not read images of
    /// shape `image`.
    pub fn check(&self, image: ImageShape, outputs: usize) -> Result<()> {
        let hint = format!(
            "build the net for the shape of the images, and end it with a Linear({outputs})"
        );
        if self.input != image && self.input != ImageShape::vector(image.elements()) {
            let what = format!(
                "the net reads samples of {}, and the images are of {image}",
                self.input
            );
            return Err(Error::usage(what, hint));
        }
        match self.layers.last() {
            Some(last) if last.output == ImageShape::vector(outputs) => Ok(()),
            Some(last) => {
                let what = format!(
                    "it is the last one, and gives {} instead of {}",
                    last.output,
                    ImageShape::vector(outputs)
                );
                Err(Error::shape(last.name.clone(), what, hint))
            }
            None => Err(Error::usage("the net has no layers", hint)),
        }
    }

    /// Records the net on `input`; returns its prediction.
    pub(super) fn record(&self, graph: &mut Graph, input: Value) -> Result<Value> {
        let mut value = match &self.normalization {
            None => input,
            Some(normalization) => ops::batch::normalize::record(graph, input, normalization),
        };
        let training = graph.training;
        for entry in &self.layers {
            let tensors = entry.tensors.clone();
            let tensors: Vec<Value> = tensors.map(|it| self.tensor(graph, it)).collect();
            graph.training = training && !entry.frozen;
            value = entry.layer.record(graph, &entry.name, value, &tensors)?;
        }
        graph.training = training;
        Ok(value)
    }

    fn tensor(&self, graph: &mut Graph, index: usize) -> Value {
        let parameter = self.parameters.get(index);
        let len = parameter.layout.padded_len();
        let role = match parameter.kind {
            Kind::Trained => Role::Parameters,
            Kind::Statistic => Role::Statistics,
        };
        graph.resident(role, parameter.offset, len, Scalar::F32)
    }

    /// The net in ONNX's operators, reading the value `input`.
    pub fn onnx(&self, input: &str) -> OnnxGraph {
        let mut graph = OnnxGraph::default();
        let mut value = match &self.normalization {
            None => input.to_owned(),
            Some(it) => graph.normalize(input, &it.means(), &it.scales()),
        };
        for entry in &self.layers {
            let tensors = entry.tensors.clone();
            let names = tensors.map(|it| self.parameters.get(it).name.clone());
            let place = OnnxPlace {
                path: &entry.path,
                input: &value,
                shape: entry.input,
                tensors: &names.collect::<Vec<_>>(),
            };
            value = entry.layer.onnx(&mut graph, place);
        }
        graph
    }
}
