//! Reverse-mode differentiation: appends the backward pass to a graph.

use std::collections::HashMap;

use super::Phase;
use super::ends::{Pooling, fused_activations, fused_poolings};
use super::graph::{Graph, Node, Shape, Value};
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::kernel::{Call, Scalar};
use crate::shape::ImageShape;

/// The backward pass while it is being recorded.
#[derive(Debug)]
pub struct Tape<'a> {
    /// What is recorded into.
    pub graph: &'a mut Graph,
    gradients: HashMap<Value, Gradient>,
    /// Outputs of operations that end in a fused activation, where one operation alone reads them.
    activations: HashMap<Value, Activation>,
    /// Outputs of operations that end in a fused pooling, where one operation alone reads them.
    poolings: HashMap<Value, Pooling>,
    add: Add,
}

/// The kernel that adds two batches of a shape; operations stand on a floor above, so that whoever
/// differentiates names it.
pub type Add = fn(ImageShape) -> Call;

/// What is known of a value's gradient.
#[derive(Debug, Clone, Copy)]
enum Gradient {
    /// It is the value's own.
    Whole(Value),
    /// It is the sum of both, which nobody has asked for yet.
    Sum([Value; 2]),
    /// It is that of the sums before the activation, and the pooling, fused into the operation that made the value.
    BeforeActivation(Value),
}

/// Appends the gradients of all parameters that the forward pass used, in reverse order.
///
/// The last operation (the loss) starts it: its `backward` needs no gradient of its own outputs. The
/// gradients of a value that is read several times are added by `add`, last reader first: an operation
/// comes before those that read its outputs, so that the sum is complete before it is asked for.
pub fn differentiate(graph: &mut Graph, add: Add) -> Result<()> {
    let forward = graph.nodes.clone();
    let mut tape = Tape {
        graph,
        gradients: HashMap::new(),
        activations: fused_activations(&forward),
        poolings: fused_poolings(&forward),
        add,
    };
    for node in forward.iter().rev() {
        if node.inputs.iter().any(|&it| tape.graph.needs_gradient(it)) {
            node.op.backward(&mut tape, node)?;
        }
    }
    Ok(())
}

impl Tape<'_> {
    /// The gradient of `value`, which a later operation has set; what several have set is added here.
    ///
    /// Errors where none has, or where only the gradient before the value's activation was made.
    pub fn gradient(&mut self, node: &Node, value: Value) -> Result<Value> {
        match self.found(node, value)? {
            Gradient::Whole(gradient) => Ok(gradient),
            Gradient::Sum(both) => Ok(self.added(node, value, both)),
            Gradient::BeforeActivation(_) => Err(bug(
                &node.layer,
                "its output's gradient was made before an activation that it does not have",
            )),
        }
    }

    /// The gradient of the sums before the activation fused into what made `value`, where the
    /// kernel that a later operation recorded has taken the slope; `None` where that is still to do.
    ///
    /// Errors where no gradient has been set.
    pub fn gradient_before_activation(&self, node: &Node, value: Value) -> Result<Option<Value>> {
        Ok(match self.found(node, value)? {
            Gradient::Whole(_) | Gradient::Sum(_) => None,
            Gradient::BeforeActivation(gradient) => Some(gradient),
        })
    }

    /// The two gradients of `value` that are still to be added, where a fused kernel may do that on its way.
    pub fn gradients_to_add(&self, value: Value) -> Option<[Value; 2]> {
        let fuses = self.graph.merges && !self.graph.target.has_shards();
        match self.gradients.get(&value) {
            Some(Gradient::Sum(both)) if fuses => Some(*both),
            _ => None,
        }
    }

    /// Records the sum of two gradients of `value`.
    fn added(&mut self, node: &Node, value: Value, both: [Value; 2]) -> Value {
        let call = (self.add)(self.graph.sample_shape(value));
        let sum = self.samples(node, call, both.to_vec(), value);
        self.gradients.insert(value, Gradient::Whole(sum));
        sum
    }

    fn found(&self, node: &Node, value: Value) -> Result<Gradient> {
        let found = self.gradients.get(&value).copied();
        found.ok_or_else(|| bug(&node.layer, "its output's gradient was never recorded"))
    }

    /// The activation whose slope at `value` the kernel that makes the gradient of `value` may
    /// take; the gradient is then set by [`Self::set_gradient_before_activation`]. `Linear` where
    /// there is none to take.
    pub fn fused_activation(&self, value: Value) -> Activation {
        let known = self.activations.get(&value).copied();
        known.unwrap_or(Activation::Linear)
    }

    /// The pooling that ends the operation that made `value`, which the kernel that makes the gradient of `value` may
    /// undo; the gradient is then set by [`Self::set_gradient_before_pooling`].
    pub fn fused_pooling(&self, value: Value) -> Option<Pooling> {
        self.poolings.get(&value).copied()
    }

    /// Sets the gradient of the sums before the pooling that made `value`, and the activation before that.
    ///
    /// Errors as [`Self::set_gradient`].
    pub fn set_gradient_before_pooling(
        &mut self,
        node: &Node,
        value: Value,
        gradient: Value,
    ) -> Result<()> {
        self.set(node, value, Gradient::BeforeActivation(gradient))
    }

    /// Sets the gradient of `value`, or adds to it what another reader has set.
    ///
    /// Errors where that is the gradient before an activation: a bug, since only the kernel of a single
    /// reader may take a slope.
    pub fn set_gradient(&mut self, node: &Node, value: Value, gradient: Value) -> Result<()> {
        self.set(node, value, Gradient::Whole(gradient))
    }

    /// Sets the gradient of the sums before the activation that made `value`, which is the value's
    /// own where [`Self::fused_activation`] knows none; then it is added to what other readers have set.
    ///
    /// Errors as [`Self::set_gradient`].
    pub fn set_gradient_before_activation(
        &mut self,
        node: &Node,
        value: Value,
        gradient: Value,
    ) -> Result<()> {
        let gradient = match self.fused_activation(value) {
            Activation::Linear => Gradient::Whole(gradient),
            _ => Gradient::BeforeActivation(gradient),
        };
        self.set(node, value, gradient)
    }

    fn set(&mut self, node: &Node, value: Value, gradient: Gradient) -> Result<()> {
        let gradient = match (self.gradients.get(&value).copied(), gradient) {
            (None, gradient) => gradient,
            (Some(Gradient::Whole(sum)), Gradient::Whole(gradient)) => {
                Gradient::Sum([sum, gradient])
            }
            (Some(Gradient::Sum(both)), Gradient::Whole(gradient)) => {
                Gradient::Sum([self.added(node, value, both), gradient])
            }
            (Some(_), _) => {
                return Err(bug(
                    &node.layer,
                    "the slope at its input was taken before all gradients were added",
                ));
            }
        };
        self.gradients.insert(value, gradient);
        Ok(())
    }

    /// Records a kernel of the backward pass that writes one new batch shaped like `like`.
    pub fn samples(&mut self, node: &Node, call: Call, inputs: Vec<Value>, like: Value) -> Value {
        let shape = self.graph.sample_shape(like);
        self.samples_of(node, call, inputs, shape)
    }

    /// Records a kernel of the backward pass that writes one new batch of `shape`.
    pub fn samples_of(
        &mut self,
        node: &Node,
        call: Call,
        inputs: Vec<Value>,
        shape: ImageShape,
    ) -> Value {
        let output = self.graph.transient(Shape::Samples(shape), Scalar::F32);
        self.graph
            .record_call(&node.layer, Phase::Backward, call, inputs, vec![output]);
        output
    }
}

fn bug(layer: &str, what: &str) -> Error {
    Error::shape(
        layer,
        what,
        "this is a bug in gpu-train's net; please report it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Role, fuse};
    use crate::kernel::Scalar;
    use crate::kernel::target::{AdapterKind, Target};
    use crate::ops;
    use crate::shape::ConvShape;

    /// A fused linear layer and tanh, and `readers` linear layers of its output.
    fn read_by(readers: usize) -> (Graph, Value) {
        let mut graph = Graph::new(2, Target::portable(AdapterKind::Gpu));
        let input = graph.transient(Shape::Samples(ImageShape::vector(4)), Scalar::F32);
        let weight = graph.resident(Role::Parameters, 0, 16, Scalar::F32);
        let bias = graph.resident(Role::Parameters, 64, 4, Scalar::F32);
        let sums = ops::linear::record(&mut graph, "first", [input, weight, bias], 4, true);
        let output = ops::activation::record(&mut graph, "first", sums, Activation::Tanh);
        for _ in 0..readers {
            ops::linear::record(&mut graph, "next", [output, weight, bias], 4, true);
        }
        (graph, output)
    }

    #[test]
    fn slopes_are_taken_for_the_only_reader_of_a_fused_activation() {
        let known = |readers, fused| {
            let (mut graph, output) = read_by(readers);
            if fused {
                fuse(&mut graph);
                assert_eq!(graph.nodes.len(), 1 + readers);
            }
            fused_activations(&graph.nodes).get(&output).copied()
        };
        assert_eq!(known(1, true), Some(Activation::Tanh));
        assert_eq!(
            known(1, false),
            None,
            "an activation of its own takes its slope"
        );
        assert_eq!(known(2, true), None, "its gradient is a sum over readers");
        assert_eq!(known(0, true), None);
    }

    #[test]
    fn poolings_are_undone_for_the_only_reader() {
        let known = |readers, fused| {
            let mut graph = Graph::new(2, Target::portable(AdapterKind::Gpu));
            let image = ImageShape::new(3, 8, 9);
            let input = graph.transient(Shape::Samples(image), Scalar::F32);
            let weight = graph.resident(Role::Parameters, 0, 64, Scalar::F32);
            let bias = graph.resident(Role::Parameters, 64, 4, Scalar::F32);
            let shape = ConvShape {
                input: image,
                out_channels: 4,
                kernel_height: 2,
                kernel_width: 2,
                stride: 1,
                padding: 0,
            };
            let inputs = [input, weight, bias];
            let sums = ops::conv2d::record(&mut graph, "conv", inputs, shape, true);
            let sums = sums.expect("fits");
            let output = ops::activation::record(&mut graph, "conv", sums, Activation::Relu);
            let output = ops::pool::record(&mut graph, "conv", output, 2).expect("fits");
            for _ in 0..readers {
                ops::linear::record(&mut graph, "next", [output, weight, bias], 4, true);
            }
            if fused {
                fuse(&mut graph);
            }
            fused_poolings(&graph.nodes).get(&output).copied()
        };
        let pooling = known(1, true).expect("is known");
        assert_eq!(pooling.activation, Activation::Relu);
        assert_eq!(pooling.input, ImageShape::new(4, 7, 8));
        assert!(
            known(1, false).is_none(),
            "a pooling of its own is undone by its own"
        );
        assert!(
            known(2, true).is_none(),
            "its gradient is a sum over readers"
        );
        assert!(known(0, true).is_none());
    }

    #[test]
    fn an_operation_that_reads_a_value_twice_is_two_readers() {
        let (mut graph, output) = read_by(0);
        let twice = ops::elementwise::record(&mut graph, "add", [output, output]);
        twice.expect("has the shape of itself");
        fuse(&mut graph);
        assert_eq!(graph.nodes.len(), 2);
        assert!(fused_activations(&graph.nodes).is_empty());
    }

    /// Gradients of the same value are added in the order in which they are set.
    #[test]
    fn a_second_gradient_is_added_to_the_first() {
        let (mut graph, output) = read_by(2);
        let nodes = graph.nodes.clone();
        let shape = Shape::Samples(graph.sample_shape(output));
        let gradients = [(); 3].map(|()| graph.transient(shape, Scalar::F32));
        let mut tape = Tape {
            graph: &mut graph,
            gradients: HashMap::new(),
            activations: HashMap::new(),
            poolings: HashMap::new(),
            add: ops::elementwise::add_forward::sum,
        };
        for gradient in gradients {
            let set = tape.set_gradient(&nodes[2], output, gradient);
            set.expect("can be added");
        }
        let sum = tape.gradient(&nodes[1], output).expect("is set");
        let [first, second] = &graph.nodes[nodes.len()..] else {
            panic!("two sums");
        };
        assert_eq!(first.inputs, gradients[..2]);
        assert_eq!(second.inputs, [first.outputs[0], gradients[2]]);
        assert_eq!(
            (&second.outputs[..], second.phase),
            (&[sum][..], Phase::Backward)
        );
    }

    /// What an operation is not given, it does not mistake for something else.
    #[test]
    fn a_gradient_before_an_activation_is_not_the_values_own() {
        let (mut graph, output) = read_by(1);
        fuse(&mut graph);
        let nodes = graph.nodes.clone();
        let activations = fused_activations(&nodes);
        let mut tape = Tape {
            graph: &mut graph,
            gradients: HashMap::new(),
            activations,
            poolings: HashMap::new(),
            add: ops::elementwise::add_forward::sum,
        };
        let [first, next] = &nodes[..] else {
            panic!("two layers");
        };
        assert!(tape.gradient_before_activation(first, output).is_err());
        let gradient = Value(7);
        let set = tape.set_gradient_before_activation(next, output, gradient);
        set.expect("is the first");
        let found = tape.gradient_before_activation(first, output);
        assert_eq!(found.expect("is set"), Some(gradient));
        let error = tape.gradient(first, output).expect_err("is not its own");
        assert!(
            error.to_string().contains("before an activation"),
            "{error}"
        );
        tape.set_gradient(next, output, gradient)
            .expect_err("is set already");
        assert_eq!(first.op.activation(), Activation::Tanh);
    }
}
