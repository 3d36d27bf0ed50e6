//! Optimizers: rules by which gradients change parameters. A new one is a file beside
//! [`adam_step`] with its kernel and an [`Optimizer`].

pub mod adam_step;
pub mod adam_step_of_partials;
pub mod clip_gradients;
pub mod sgd_step;
pub mod squared_norm;

use std::fmt::Debug;
use std::ops::Range;

use crate::error::Result;
use crate::graph::{Graph, Node, Phase, Role, Shape, Storage, Value};
use crate::kernel::limits::aligned;
use crate::kernel::{Call, Real, Scalar, Step};
use crate::ops::reduce::sum_partials;

pub use adam_step::Adam;
pub use sgd_step::Sgd;

/// A rule by which gradients change parameters.
pub trait Optimizer: Debug + Send + Sync {
    /// Its name as on the command line.
    fn name(&self) -> &'static str;

    /// What it keeps of every parameter from step to step, by the names that checkpoints give them.
    /// Each is laid out as the parameters are, and zero before the first step.
    fn slots(&self) -> &'static [&'static str];

    /// The kernel call of one step over flat buffers of `len` floats. It binds parameters, gradients,
    /// the slots in their order, and one count of gradients that are not finite per row of metrics.
    fn update(&self, len: usize) -> Call;

    /// The same of parameters whose gradients are still `splits` partial sums, if there is a kernel for it: it binds those,
    /// then all else, gradients among it, and leaves the sums in these.
    fn update_of_partials(&self, _splits: usize, _len: usize) -> Option<Call> {
        None
    }

    /// What its kernel reads of step `t`, counted from 1, at that learning rate: [`Step::factors`].
    fn factors(&self, lr: f64, t: u64) -> [f32; 4];

    /// Errors where its constants make no sense, at that learning rate or at all.
    fn validate(&self, lr: f64) -> Result<()>;

    /// `step`, known to be the optimizer's step `t`.
    fn step(&self, step: Step, lr: f64, t: u64) -> Step {
        let factors = self.factors(lr, t);
        Step { factors, ..step }
    }
}

/// Records the clipping of the gradients to `max_norm`, where there is one, and the update of the flat
/// buffer of `len` parameters; gradients that are not finite are counted in one of `rows` rows. Where nothing reads the
/// gradients before (`is_whole`), those of the first layer, which come last, may be added up in the update itself.
pub fn record(
    graph: &mut Graph,
    optimizer: &dyn Optimizer,
    max_norm: Option<f64>,
    is_whole: bool,
    [len, rows]: [usize; 2],
) {
    let name = optimizer.name();
    let update = |graph: &mut Graph, call: Call, partials: Option<Value>, range: Range<usize>| {
        let mut flat = |role| graph.resident(role, range.start, range.len(), Scalar::F32);
        let mut bindings: Vec<Value> = partials.into_iter().collect();
        bindings.extend([Role::Parameters, Role::Gradients].map(&mut flat));
        let slots = (0..optimizer.slots().len()).map(|slot| Role::Slot(slot as u8));
        bindings.extend(slots.map(&mut flat));
        bindings.push(graph.resident(Role::Faults, 0, rows, Scalar::U32));
        graph.record_call(name, Phase::Update, call, bindings, Vec::new());
    };
    let mut start = 0;
    let sum = if is_whole && max_norm.is_none() {
        first_sum(graph, optimizer)
    } else {
        None
    };
    if let Some(max_norm) = max_norm {
        record_clipping(graph, max_norm, len);
    }
    if let Some((partials, splits, end)) = sum {
        let call = optimizer.update_of_partials(splits, end);
        update(graph, call.expect("was asked for"), Some(partials), 0..end);
        start = aligned(end).min(len);
    }
    if start < len {
        update(graph, optimizer.update(len - start), None, start..len);
    }
}

fn record_clipping(graph: &mut Graph, max_norm: f64, len: usize) {
    let gradients = graph.resident(Role::Gradients, 0, len, Scalar::F32);
    let partials = graph.transient(Shape::Flat(squared_norm::PARTIALS), Scalar::F32);
    let norm = squared_norm::call(len);
    graph.record_call("norm", Phase::Update, norm, vec![gradients], vec![partials]);
    let clip = clip_gradients::call(len, max_norm);
    let bound = vec![partials, gradients];
    graph.record_call("clip", Phase::Update, clip, bound, Vec::new());
}

/// Takes the sum of the first layer's gradients out of `graph`, if `optimizer` can do it: its partial results, how many, and
/// where the gradients end.
fn first_sum(graph: &mut Graph, optimizer: &dyn Optimizer) -> Option<(Value, usize, usize)> {
    let first = Storage::Resident(Role::Gradients, 0);
    let is_sum = |it: &Node| {
        let call = it.op.call(&graph.target);
        let is_of_first = it.outputs.iter().any(|it| graph.storage(*it) == first);
        *call.kernel == sum_partials::KERNEL && it.phase == Phase::ReduceGradients && is_of_first
    };
    let at = graph.nodes().iter().position(is_sum)?;
    let mut nodes = graph.take_from(at);
    let sum = nodes.remove(0);
    let call = sum.op.call(&graph.target);
    let splits = call.params::<sum_partials::Params>().splits as usize;
    let len = graph.len(sum.outputs[0]);
    let can = optimizer.update_of_partials(splits, len).is_some();
    let taken = can.then_some((sum.inputs[0], splits, len));
    let kept = (!can).then_some(sum);
    for node in kept.into_iter().chain(nodes) {
        graph.put_back(node);
    }
    taken
}

/// Zero for what is too small to be a normal f32: processors compute with denormal numbers a hundred
/// times slower, and what is kept of a parameter without a gradient decays to them.
#[inline(always)]
fn normal<T: Real>(x: T) -> T {
    if x.abs() < T::of(f64::from(f32::MIN_POSITIVE)) {
        T::zero()
    } else {
        x
    }
}
