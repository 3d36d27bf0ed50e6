//! Adam over all parameters at once.

use crate::graph::{Graph, Phase, Role};
use crate::kernels::Scalar;
use crate::kernels::adam_step::{self, AdamConfig};

/// Records the update of the flat buffer of `len` parameters; non-finite gradients are counted in
/// one of `rows` rows.
pub fn record(graph: &mut Graph, config: &AdamConfig, len: usize, rows: usize) {
    let flat = |graph: &mut Graph, role| graph.resident(role, 0, len, Scalar::F32);
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
