//! A net in the operators of ONNX, as plain data: what [`Layer::onnx`](super::Layer::onnx) appends to.
//! `export` writes it as a file.

mod adaptive;

use std::collections::BTreeSet;

use adaptive::Pooling;

use crate::shape::ImageShape;

/// An attribute of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A real number.
    Float(f32),
}

/// A node. Its output has its own name.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxNode {
    /// Its name.
    pub name: String,
    /// Its operator.
    pub op_type: &'static str,
    /// Names of what it reads.
    pub inputs: Vec<String>,
    /// Attributes by name.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// Nodes in order, while they are being appended.
#[derive(Debug, Default)]
pub struct OnnxGraph {
    /// The nodes.
    pub nodes: Vec<OnnxNode>,
    /// Numbers that nodes take as inputs: constants of one element, named [`integer_name`].
    pub integers: BTreeSet<i64>,
    /// Numbers of every channel that nodes take as inputs, by name.
    pub channels: Vec<(String, Vec<f32>)>,
}

/// The attribute `name` with one value.
pub fn int(name: &'static str, value: usize) -> (&'static str, Attribute) {
    (name, Attribute::Int(integer(value)))
}

/// The attribute `name` with several values.
pub fn ints(name: &'static str, values: &[usize]) -> (&'static str, Attribute) {
    let values = values.iter().copied().map(integer);
    (name, Attribute::Ints(values.collect()))
}

/// The attribute `name` with a real value.
pub fn float(name: &'static str, value: f32) -> (&'static str, Attribute) {
    (name, Attribute::Float(value))
}

/// A size as ONNX has it. Sizes of nets that fit a GPU are far from the end of either type.
pub fn integer(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Name of the constant `integer`.
pub fn integer_name(integer: i64) -> String {
    format!("integer {integer}")
}

impl OnnxGraph {
    /// Appends a node that reads `inputs`; returns the name of its output.
    pub fn node(
        &mut self,
        name: String,
        op_type: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute)],
    ) -> String {
        self.nodes.push(OnnxNode {
            name: name.clone(),
            op_type,
            inputs: inputs.iter().map(|&it| it.to_owned()).collect(),
            attributes: attributes.to_vec(),
        });
        name
    }

    /// Appends (`input` - mean) * scale, of every channel its own; returns the name of the result.
    pub fn normalize(&mut self, input: &str, means: &[f32], scales: &[f32]) -> String {
        let mut value = input.to_owned();
        for (op_type, name, numbers) in [("Sub", "mean", means), ("Mul", "scale", scales)] {
            let name = format!("normalize.{name}");
            value = self.node(
                format!("normalize.{op_type}"),
                op_type,
                &[&value, &name],
                &[],
            );
            self.channels.push((name, numbers.to_vec()));
        }
        value
    }

    /// Appends a max-pooling with windows and steps of so many rows and columns.
    pub fn max_pool(
        &mut self,
        name: String,
        input: &str,
        window: [usize; 2],
        strides: [usize; 2],
    ) -> String {
        let attributes = [ints("kernel_shape", &window), ints("strides", &strides)];
        self.node(name, "MaxPool", &[input], &attributes)
    }

    /// Appends `AdaptiveMaxPool2d` of `input`, of that shape, to `cells` along each axis: one
    /// max-pooling where both axes allow it, else one axis after the other.
    pub fn adaptive_max_pool(
        &mut self,
        path: &str,
        input: &str,
        shape: ImageShape,
        cells: usize,
    ) -> String {
        let axes = [shape.height, shape.width].map(|size| Pooling::of(size, cells));
        let uniform = |axis: &Pooling| match axis {
            Pooling::Nothing => Some((1, 1)),
            Pooling::Uniform { window, stride } => Some((*window, *stride)),
            Pooling::Slices(_) => None,
        };
        let mut value = input.to_owned();
        if axes == [Pooling::Nothing, Pooling::Nothing] {
            return value;
        }
        if let [Some(rows), Some(columns)] = [&axes[0], &axes[1]].map(uniform) {
            let name = format!("{path}.MaxPool");
            return self.max_pool(name, input, [rows.0, columns.0], [rows.1, columns.1]);
        }
        for (pooling, (axis, word)) in axes.iter().zip([(2, "rows"), (3, "columns")]) {
            let name = format!("{path}.{word}");
            value = match pooling {
                Pooling::Slices(windows) => self.slices(&name, &value, axis, windows),
                other => {
                    let (window, stride) = uniform(other).unwrap_or((1, 1));
                    let along = |size| if axis == 2 { [size, 1] } else { [1, size] };
                    let name = format!("{name}.MaxPool");
                    self.max_pool(name, &value, along(window), along(stride))
                }
            };
        }
        value
    }

    /// The maxima of `windows` of `value` along `axis`, joined.
    fn slices(
        &mut self,
        name: &str,
        value: &str,
        axis: usize,
        windows: &[(usize, usize)],
    ) -> String {
        let cells = windows.iter().enumerate().map(|(cell, &(start, end))| {
            let mut inputs = vec![value.to_owned()];
            for number in [start, end, axis].map(integer) {
                self.integers.insert(number);
                inputs.push(integer_name(number));
            }
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            let slice = self.node(format!("{name}.{cell}.Slice"), "Slice", &inputs, &[]);
            let attributes = [ints("axes", &[axis]), int("keepdims", 1)];
            let name = format!("{name}.{cell}.ReduceMax");
            self.node(name, "ReduceMax", &[&slice], &attributes)
        });
        let cells: Vec<String> = cells.collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        self.node(
            format!("{name}.Concat"),
            "Concat",
            &cells,
            &[int("axis", axis)],
        )
    }
}
