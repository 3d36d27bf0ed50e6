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
/// the longest row of others waits for goes first. So the gradients of parameters, for which only their sums and
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
            let earlier = 0..at;
            earlier
                .filter(|it| items[at].waits_for(&items[*it]))
                .collect()
        })
        .collect();
    // How many run after each, at least, one after the other.
    let mut behind = vec![0; items.len()];
    for at in (0..items.len()).rev() {
        for &earlier in &awaited[at] {
            behind[earlier] = behind[earlier].max(behind[at] + 1);
        }
    }
    let mut is_done = vec![false; items.len()];
    let mut launches = Vec::new();
    while is_done.contains(&false) {
        let is_ready = |at: &usize| !is_done[*at] && awaited[*at].iter().all(|it| is_done[*it]);
        let mut ready: Vec<usize> = (0..items.len()).filter(is_ready).collect();
        ready.sort_by_key(|at| Reverse(behind[*at]));
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

    /// Whether it has to run after `earlier`.
    fn waits_for(&self, earlier: &Self) -> bool {
        let mut uses = self.uses.iter();
        uses.any(|own| earlier.uses.iter().any(|it| own.conflicts(it)))
    }

    /// Whether it can be bound beside `other`, for which it does not wait.
    fn goes_with(&self, other: &Self) -> bool {
        let mut uses = self.uses.iter();
        uses.all(|own| other.uses.iter().all(|it| own.goes_with(it)))
    }
}

/// What runs in a launch.
#[derive(Default)]
struct Launch<'a> {
    items: Vec<&'a Item>,
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

    /// Whether one writes what the other uses.
    fn conflicts(&self, other: &Self) -> bool {
        if [self.access, other.access] == [Access::Read; 2] {
            return false;
        }
        match (self.storage, other.storage) {
            (Storage::Resident(own, at), Storage::Resident(others, from)) => {
                own == others && at < from + other.len && from < at + self.len
            }
            _ => self.whole() == other.whole(),
        }
    }

    /// Whether both can be bound at once, where they do not conflict: wgpu forbids to read of a buffer of which
    /// any part is written.
    fn goes_with(&self, other: &Self) -> bool {
        let role = |it: &Self| match it.storage {
            Storage::Resident(role, _) => Some(role),
            Storage::Transient | Storage::Part(..) => None,
        };
        let is_one = role(self).is_some() && role(self) == role(other);
        !is_one || self.access == other.access
    }
}

impl<'a> Launch<'a> {
    /// Whether `item`, which waits for none of it, can be one of it; the first one always can.
    fn takes(&self, graph: &Graph, item: &Item) -> bool {
        let limits = &graph.target.limits;
        let calls = self.items.iter().map(|it| &it.call).chain([&item.call]);
        self.items.is_empty()
            || self.bound + item.uses.len() <= limits.storage_buffers as usize
                && self.items.iter().all(|it| item.goes_with(it))
                && workgroup_size(calls).is_some_and(|size| size <= limits.workgroup_threads)
    }

    fn add(&mut self, item: &'a Item) {
        self.bound += item.uses.len();
        self.items.push(item);
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
