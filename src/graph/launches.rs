//! Launches: which neighbours of a program an adapter runs side by side.

use std::ops::Range;

use super::Phase;
use super::graph::{Graph, Node, Storage, Value};
use super::plan::bound;
use crate::kernel::{Access, Call};

/// Which of `nodes` are one launch: neighbours that do not depend on each other, whose kernels can do with workgroups of
/// one size, as many as an adapter can bind the buffers of.
pub(super) fn launches(graph: &Graph, nodes: &[&Node]) -> Vec<Range<usize>> {
    let mut launches: Vec<Range<usize>> = Vec::new();
    let mut open = Launch::default();
    for (position, node) in nodes.iter().enumerate() {
        let merges = graph.merges && !graph.target.has_shards();
        if merges && open.takes(graph, node) {
            launches.last_mut().expect("something is open").end += 1;
        } else {
            open = Launch::default();
            launches.push(position..position + 1);
        }
        open.add(graph, node);
    }
    launches
}

/// What the nodes of a launch bind.
#[derive(Default)]
struct Launch {
    phase: Option<Phase>,
    calls: Vec<Call>,
    used: Vec<Use>,
}

/// A value as a kernel binds it.
#[derive(Clone, Copy, PartialEq)]
struct Use {
    value: Value,
    access: Access,
    storage: Storage,
    len: usize,
}

impl Use {
    fn all(graph: &Graph, node: &Node, call: &Call) -> Vec<Self> {
        let bindings = bound(node).zip(call.kernel.bindings);
        let uses = bindings.map(|(value, binding)| Self {
            value,
            access: binding.access,
            storage: graph.values[value.0].storage,
            len: graph.len(value),
        });
        uses.collect()
    }

    /// The value that shares a slot with no other.
    fn whole(&self) -> Value {
        match self.storage {
            Storage::Part(whole, _) => whole,
            Storage::Transient | Storage::Resident(..) => self.value,
        }
    }

    /// Whether what binds one of them cannot run beside what binds the other: one writes what the other uses, or
    /// reads of a buffer of which the other writes any part, which wgpu forbids.
    fn conflicts(&self, other: &Self) -> bool {
        if [self.access, other.access] == [Access::Read; 2] {
            return false;
        }
        match (self.storage, other.storage) {
            (Storage::Resident(own, at), Storage::Resident(others, from)) => {
                let overlap = at < from + other.len && from < at + self.len;
                own == others && (self.access != other.access || overlap)
            }
            _ => self.whole() == other.whole(),
        }
    }
}

impl Launch {
    /// Whether `node` can be one of it.
    fn takes(&self, graph: &Graph, node: &Node) -> bool {
        let (call, limits) = (node.op.call(&graph.target), &graph.target.limits);
        let uses = Use::all(graph, node, &call);
        let conflicts = |it: &Use| self.used.iter().any(|used| used.conflicts(it));
        // Something may happen to the gradients before the update.
        let updates = |phase: Phase| phase == Phase::Update;
        let same_half = self.phase.map(updates) == Some(updates(node.phase));
        same_half
            && self.used.len() + uses.len() <= limits.storage_buffers as usize
            && !uses.iter().any(conflicts)
            && workgroup_size(self.calls.iter().chain([&call]))
                .is_some_and(|size| size <= limits.workgroup_threads)
    }

    fn add(&mut self, graph: &Graph, node: &Node) {
        let call = node.op.call(&graph.target);
        self.phase = Some(node.phase);
        self.used.extend(Use::all(graph, node, &call));
        self.calls.push(call);
    }
}

/// The size of workgroups that all of `calls` can do with: the largest that one of them has.
pub fn workgroup_size<'a>(calls: impl Iterator<Item = &'a Call> + Clone) -> Option<u32> {
    let size = calls.clone().map(|it| it.grid.workgroup_size).max()?;
    let mut calls = calls;
    calls
        .all(|it| it.in_workgroups_of(size).is_some())
        .then_some(size)
}
