//! Launches: which dispatches of a program an adapter runs side by side, and their order.

use std::cmp::Reverse;
use std::ops::Range;

use super::Phase;
use super::graph::{Graph, Node, Storage, Value};
use super::plan::bound;
use crate::kernel::{Access, Call};

/// The nodes in the order in which they run, and the ranges of them that are one launch.
///
/// Without launches of several, the order is that of `nodes`. With them, a launch holds what waits for nothing that is
/// still to come, whose kernels can do with workgroups of one size, as many as an adapter can bind the buffers of; what
/// most others wait for, one after the other, goes first. So the gradients of parameters, for which only their sums and
/// the update wait, run beside those that the layers before need.
pub(super) fn in_launches<'g>(
    graph: &Graph,
    nodes: Vec<&'g Node>,
) -> (Vec<&'g Node>, Vec<Range<usize>>) {
    if !graph.merges || graph.target.has_shards() {
        let alone = (0..nodes.len()).map(|at| at..at + 1).collect();
        return (nodes, alone);
    }
    // Something may happen to the gradients before the update.
    let update = nodes.partition_point(|it| it.phase < Phase::Update);
    let mut launches = Vec::new();
    let mut order = Vec::new();
    for half in [0..update, update..nodes.len()] {
        let items: Vec<Item> = nodes[half.clone()]
            .iter()
            .map(|it| Item::of(graph, it))
            .collect();
        for launch in schedule(graph, &items) {
            launches.push(order.len()..order.len() + launch.len());
            order.extend(launch.iter().map(|at| nodes[half.start + at]));
        }
    }
    (order, launches)
}

/// The launches of `items`, which stand in an order in which they could run one after the other.
fn schedule(graph: &Graph, items: &[Item]) -> Vec<Vec<usize>> {
    // Which earlier ones each waits for.
    let awaited: Vec<Vec<usize>> = (0..items.len())
        .map(|at| {
            (0..at)
                .filter(|it| items[*it].conflicts(&items[at]))
                .collect()
        })
        .collect();
    let mut waiting = vec![0; items.len()];
    for at in (0..items.len()).rev() {
        for &earlier in &awaited[at] {
            waiting[earlier] = waiting[earlier].max(waiting[at] + 1);
        }
    }
    let mut is_done = vec![false; items.len()];
    let mut launches = Vec::new();
    while is_done.contains(&false) {
        let is_ready = |at: &usize| !is_done[*at] && awaited[*at].iter().all(|it| is_done[*it]);
        let mut ready: Vec<usize> = (0..items.len()).filter(is_ready).collect();
        ready.sort_by_key(|at| Reverse(waiting[*at]));
        let mut launch = Launch::default();
        let mut taken = Vec::new();
        for at in ready {
            if launch.takes(graph, &items[at]) {
                launch.add(&items[at]);
                taken.push(at);
            }
        }
        for at in &taken {
            is_done[*at] = true;
        }
        launches.push(taken);
    }
    launches
}

/// A node, as a launch takes it.
struct Item {
    call: Call,
    uses: Vec<Use>,
}

impl Item {
    fn of(graph: &Graph, node: &Node) -> Self {
        let call = node.op.call(&graph.target);
        let uses = Use::all(graph, node, &call);
        Self { call, uses }
    }

    /// Whether it and `other` have to run one after the other.
    fn conflicts(&self, other: &Self) -> bool {
        let mut uses = self.uses.iter();
        uses.any(|own| other.uses.iter().any(|it| own.conflicts(it)))
    }
}

/// What runs in a launch.
#[derive(Default)]
struct Launch {
    calls: Vec<Call>,
    bound: usize,
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
    /// Whether `item`, which waits for none of it, can be one of it; the first one always can.
    fn takes(&self, graph: &Graph, item: &Item) -> bool {
        let limits = &graph.target.limits;
        self.calls.is_empty()
            || self.bound + item.uses.len() <= limits.storage_buffers as usize
                && workgroup_size(self.calls.iter().chain([&item.call]))
                    .is_some_and(|size| size <= limits.workgroup_threads)
    }

    fn add(&mut self, item: &Item) {
        self.bound += item.uses.len();
        self.calls.push(item.call.clone());
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
