//! Adam over all parameters at once.

pub mod adam_step;
pub mod clip_gradients;
pub mod squared_norm;

use crate::graph::{Graph, Phase, Role, Shape};
use crate::kernel::Scalar;
use crate::ops::optimizer::adam_step::AdamConfig;
use crate::ops::optimizer::squared_norm::PARTIALS;

/// Records the clipping of the gradients, if it is asked for, and the update of the flat buffer of `len` parameters; non-finite gradients are counted in
/// one of `rows` rows.
pub fn record(graph: &mut Graph, config: &AdamConfig, len: usize, rows: usize) {
    let flat = |graph: &mut Graph, role| graph.resident(role, 0, len, Scalar::F32);
    if let Some(max_norm) = config.clip_grad_norm {
        let gradients = flat(graph, Role::Gradients);
        let partials = graph.transient(Shape::Flat(PARTIALS), Scalar::F32);
        let norm = squared_norm::call(len);
        graph.record_call("norm", Phase::Update, norm, vec![gradients], vec![partials]);
        let clip = clip_gradients::call(len, max_norm);
        let bound = vec![partials, gradients];
        graph.record_call("clip", Phase::Update, clip, bound, Vec::new());
    }
    let bindings = vec![
        flat(graph, Role::Parameters),
        flat(graph, Role::Gradients),
        flat(graph, Role::FirstMoment),
        flat(graph, Role::SecondMoment),
        graph.resident(Role::Faults, 0, rows, Scalar::U32),
    ];
    let call = adam_step::call(len, config);
    graph.record_call("adam", Phase::Update, call, bindings, Vec::new());
}
