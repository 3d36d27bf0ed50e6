//! The graph: an append-only list of operations over values.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use super::autodiff::Tape;
use super::{Extent, Phase, Role};
use crate::activation::Activation;
use crate::error::{Error, Result};
use crate::kernel::limits::bias_at;
use crate::kernel::shards::SHARDS;
use crate::kernel::target::Target;
use crate::kernel::{Call, Scalar};
use crate::random::{self, Purpose};
use crate::shape::ImageShape;

/// A value of a [`Graph`]: what an operation reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(super) usize);

/// Shape of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An image (or vector) per sample of the batch.
    Samples(ImageShape),
    /// So many scalars, whatever the batch.
    Flat(usize),
    /// So many scalars for each shard of the batch.
    Shards(usize),
}

/// Where a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In a scratch buffer, for as long as something reads it.
    Transient,
    /// In a buffer that outlives the step, from this scalar on.
    Resident(Role, usize),
    /// Where that transient value lives, from this scalar on.
    Part(Value, usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ValueSpec {
    pub shape: Shape,
    pub scalar: Scalar,
    pub storage: Storage,
    /// Whether a parameter lies upstream, so that a gradient is wanted.
    pub needs_gradient: bool,
}

/// An operation: what kernel it runs, and what its derivative is.
///
/// Each lives in a room of `ops/`, whose `mod.rs` holds the function that records it (with its shape
/// rule) and this trait, side by side. No other file knows which operations there are.
pub trait Op: Any + Debug + Send + Sync {
    /// The kernel it runs.
    fn call(&self, target: &Target) -> Call;

    /// Records the gradients of the node's inputs, given those of its outputs.
    fn backward(&self, _tape: &mut Tape<'_>, node: &Node) -> Result<()> {
        Err(Error::shape(
            node.layer.clone(),
            format!("{self:?} has no derivative"),
            "this is a bug in gpu-train; please report it",
        ))
    }

    /// The activation that ends it, fused in, whose slope the kernel that makes the gradient of its
    /// first output may take: [`Tape::fused_activation`]. `Linear` where there is none, or where
    /// `backward` takes the slope in a kernel that it needs anyway.
    fn activation(&self) -> Activation {
        Activation::Linear
    }

    /// The max-pooling that ends it, fused in: what that reads, and the activation before it. The operation's second
    /// output is then the pixels that it picked, and [`Tape::fused_pooling`] knows of it.
    fn pooling(&self) -> Option<(ImageShape, Activation)> {
        None
    }

    /// The operation that does this one and then `next`, if the target has a kernel for it.
    fn absorb(&self, _next: &dyn Op, _target: &Target) -> Option<Arc<dyn Op>> {
        None
    }
}

/// An operation that is nothing but a kernel call: gradients, updates.
#[derive(Debug)]
pub(super) struct Plain(pub Call);

impl Op for Plain {
    fn call(&self, _target: &Target) -> Call {
        self.0.clone()
    }
}

/// One recorded operation.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it does.
    pub op: Arc<dyn Op>,
    /// The layer it serves.
    pub layer: String,
    /// Part of the step.
    pub phase: Phase,
    /// Values it reads; bound first, in this order.
    pub inputs: Vec<Value>,
    /// Values it writes; bound after the inputs.
    pub outputs: Vec<Value>,
}

/// A recorded computation on batches.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Most samples that a kernel sees: of the largest batch, or where an adapter computes by shards, of its largest
    /// shard.
    pub capacity: usize,
    /// What kernels are chosen for.
    pub target: Target,
    /// Whether it is of a training step: batch norm takes the batch's own statistics.
    pub training: bool,
    /// Whether an adapter may run what does not depend on each other as one launch, and kernels that the backward pass
    /// records may be fused ones: [`fuse`](super::fuse) says so.
    pub(super) merges: bool,
    /// Keys what a training step draws.
    pub seed: u64,
    dropouts: u32,
    pub(super) values: Vec<ValueSpec>,
    pub(super) nodes: Vec<Node>,
}

impl Graph {
    /// An empty graph, for batches of up to `capacity` samples.
    pub fn new(capacity: usize, target: Target) -> Self {
        Self {
            capacity: target.kernel_capacity(capacity),
            target,
            training: false,
            merges: false,
            seed: 0,
            dropouts: 0,
            values: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// A key of the next dropout, which is no other's.
    pub fn next_dropout(&mut self) -> [u32; 2] {
        let [first, second] = random::key(self.seed, Purpose::Dropout);
        self.dropouts += 1;
        let [second, ..] = random::counted([second, self.dropouts, 0, 0]);
        [first, second]
    }

    /// A value in a buffer that outlives the step, from scalar `offset` on.
    pub fn resident(&mut self, role: Role, offset: usize, len: usize, scalar: Scalar) -> Value {
        self.push(ValueSpec {
            shape: Shape::Flat(len),
            scalar,
            storage: Storage::Resident(role, offset),
            needs_gradient: role == Role::Parameters,
        })
    }

    /// A value in scratch memory, to be written by the operation recorded next.
    pub fn transient(&mut self, shape: Shape, scalar: Scalar) -> Value {
        self.push(ValueSpec {
            shape,
            scalar,
            storage: Storage::Transient,
            needs_gradient: false,
        })
    }

    /// The part of `whole` from scalar `offset` on that holds `shape`.
    pub fn part(&mut self, whole: Value, offset: usize, shape: Shape) -> Value {
        let spec = self.values[whole.0];
        self.push(ValueSpec {
            shape,
            storage: Storage::Part(whole, offset),
            ..spec
        })
    }

    /// Where `parameter` starts in the flat buffers.
    ///
    /// # Panics
    /// If it is no parameter: a bug in the net's recording.
    pub fn parameter_offset(&self, parameter: Value) -> usize {
        match self.values[parameter.0].storage {
            Storage::Resident(Role::Parameters, offset) => offset,
            _ => unreachable!("layers are recorded with parameters from the table"),
        }
    }

    /// Whether `value` is a parameter that is trained.
    pub fn is_trained(&self, value: Value) -> bool {
        matches!(
            self.values[value.0].storage,
            Storage::Resident(Role::Parameters, _)
        )
    }

    /// What has been recorded.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Takes back what has been recorded from position `from` on.
    pub fn take_from(&mut self, from: usize) -> Vec<Node> {
        self.nodes.split_off(from)
    }

    /// Records again what [`Graph::take_from`] took.
    pub fn put_back(&mut self, node: Node) {
        self.nodes.push(node);
    }

    /// The `len` floats that lie behind the weight `parameter` where its bias would.
    ///
    /// # Panics
    /// If it is no parameter: a bug in the net's recording.
    pub fn behind(&mut self, parameter: Value, len: usize) -> Value {
        let Storage::Resident(role, offset) = self.values[parameter.0].storage else {
            panic!("a weight is no scratch");
        };
        let offset = offset + bias_at(self.len(parameter));
        self.resident(role, offset, len, Scalar::F32)
    }

    /// `first` and `second` as one value, what lies between them included, where they lie in one buffer as weight and
    /// bias of a layer do.
    pub fn pair(&mut self, [first, second]: [Value; 2]) -> Option<Value> {
        let storage = [first, second].map(|it| self.values[it.0].storage);
        let [
            Storage::Resident(role, offset),
            Storage::Resident(of_second, next),
        ] = storage
        else {
            return None;
        };
        let apart = bias_at(self.len(first));
        let len = apart + self.len(second);
        let is_pair = of_second == role && next == offset + apart;
        is_pair.then(|| self.resident(role, offset, len, Scalar::F32))
    }

    /// Moves `value`, so far in scratch memory, to the start of a buffer that outlives the step.
    pub fn keep(&mut self, value: Value, role: Role) {
        self.values[value.0].storage = Storage::Resident(role, 0);
    }

    fn push(&mut self, spec: ValueSpec) -> Value {
        self.values.push(spec);
        Value(self.values.len() - 1)
    }

    /// Appends an operation of the forward pass.
    pub fn record(&mut self, layer: &str, op: impl Op, inputs: Vec<Value>, outputs: Vec<Value>) {
        let needs = inputs.iter().any(|&value| self.needs_gradient(value));
        for &output in &outputs {
            self.values[output.0].needs_gradient |= needs;
        }
        self.append(layer, Phase::Forward, Arc::new(op), inputs, outputs);
    }

    /// Appends a kernel call that has no derivative of its own.
    pub fn record_call(
        &mut self,
        layer: &str,
        phase: Phase,
        call: Call,
        inputs: Vec<Value>,
        outputs: Vec<Value>,
    ) {
        self.append(layer, phase, Arc::new(Plain(call)), inputs, outputs);
    }

    fn append(
        &mut self,
        layer: &str,
        phase: Phase,
        op: Arc<dyn Op>,
        inputs: Vec<Value>,
        outputs: Vec<Value>,
    ) {
        self.nodes.push(Node {
            op,
            layer: layer.to_owned(),
            phase,
            inputs,
            outputs,
        });
    }

    /// Whether a gradient with respect to `value` is wanted.
    pub fn needs_gradient(&self, value: Value) -> bool {
        self.values[value.0].needs_gradient
    }

    /// Shape of one sample of `value`.
    ///
    /// # Panics
    /// If `value` is no batch of samples: a bug in the net's recording.
    pub fn sample_shape(&self, value: Value) -> ImageShape {
        match self.values[value.0].shape {
            Shape::Samples(shape) => shape,
            Shape::Flat(len) | Shape::Shards(len) => {
                panic!("{len} scalars are not a batch of samples")
            }
        }
    }

    /// Scalars that `value` takes at full capacity, of a single shard where an adapter computes by them.
    pub fn len(&self, value: Value) -> usize {
        match self.values[value.0].shape {
            Shape::Samples(shape) => self.capacity * shape.padded_elements(),
            Shape::Flat(len) => len,
            Shape::Shards(len) => SHARDS * self.target.shard_stride(len),
        }
    }

    /// What of `value` belongs to which part of the batch.
    pub(super) fn extent(&self, value: Value) -> Extent {
        match self.values[value.0].shape {
            Shape::Samples(shape) => Extent::Samples(shape.padded_elements()),
            Shape::Flat(_) => Extent::Whole,
            Shape::Shards(len) => Extent::Shards(self.target.shard_stride(len)),
        }
    }

    /// Where `value` lives.
    pub fn storage(&self, value: Value) -> Storage {
        self.values[value.0].storage
    }

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}
