//! Optimizers: rules by which gradients change parameters. A new one is a file beside
//! [`adam_step`] with its kernel and an [`Optimizer`].

pub mod adam_step;
pub mod clip_gradients;
pub mod sgd_step;
pub mod squared_norm;

use std::fmt::Debug;

use crate::error::Result;
use crate::graph::{Graph, Phase, Role, Shape};
use crate::kernel::{Call, Real, Scalar, Step};

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
/// buffer of `len` parameters; gradients that are not finite are counted in one of `rows` rows.
pub fn record(
    graph: &mut Graph,
    optimizer: &dyn Optimizer,
    max_norm: Option<f64>,
    len: usize,
    rows: usize,
) {
    let flat = |graph: &mut Graph, role| graph.resident(role, 0, len, Scalar::F32);
    if let Some(max_norm) = max_norm {
        let gradients = flat(graph, Role::Gradients);
        let partials = graph.transient(Shape::Flat(squared_norm::PARTIALS), Scalar::F32);
        let norm = squared_norm::call(len);
        graph.record_call("norm", Phase::Update, norm, vec![gradients], vec![partials]);
        let clip = clip_gradients::call(len, max_norm);
        let bound = vec![partials, gradients];
        graph.record_call("clip", Phase::Update, clip, bound, Vec::new());
    }
    let mut bindings = vec![flat(graph, Role::Parameters), flat(graph, Role::Gradients)];
    let slots = (0..optimizer.slots().len()).map(|slot| Role::Slot(slot as u8));
    bindings.extend(slots.map(|slot| flat(graph, slot)));
    bindings.push(graph.resident(Role::Faults, 0, rows, Scalar::U32));
    let update = optimizer.update(len);
    graph.record_call(
        optimizer.name(),
        Phase::Update,
        update,
        bindings,
        Vec::new(),
    );
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
