//! Launches: which dispatches of a program an adapter runs side by side, and their order.

use std::cmp::Reverse;
use std::ops::Range;

use super::graph::{Graph, Node, Storage, Value};
use super::plan::bound;
use super::{Phase, Role};
use crate::kernel::{Access, Call};

/// What runs, and when.
pub(super) struct Schedule<'g> {
    /// In the order in which they run.
    pub nodes: Vec<&'g Node>,
    /// Those of them that are one launch.
    pub launches: Vec<Range<usize>>,
    /// See [`Program::prepares`](super::Program::prepares).
    pub prepares: bool,
}

impl<'g> Schedule<'g> {
    /// The nodes of `graph` by phase, else as recorded, and then as launches have them.
    pub(super) fn of(graph: &'g Graph) -> Self {
        let mut nodes: Vec<&Node> = graph.nodes.iter().collect();
        nodes.sort_by_key(|node| node.phase);
        if !graph.merges || graph.target.has_shards() {
            return Self {
                launches: (0..nodes.len()).map(|at| at..at + 1).collect(),
                nodes,
                prepares: false,
            };
        }
        let (nodes, launches) = in_launches(graph, &nodes);
        Self {
            prepares: prepares(graph, &nodes, &launches),
            nodes,
            launches,
        }
    }
}

/// Whether the first launch can run beside the last one of the step before: no other dispatch writes what it reads,
/// only others read what it writes, and those of the last launch do not.
fn prepares(graph: &Graph, nodes: &[&Node], launches: &[Range<usize>]) -> bool {
    let ([first, .., last], [node, others @ ..]) = (launches, nodes) else {
        return false;
    };
    let [own, others] = [&[*node], others]
        .map(|all| -> Vec<Item> { all.iter().map(|it| Item::of(graph, it)).collect() });
    let is_written = |input: &Use| {
        let mut uses = others.iter().flat_map(|it| &it.uses);
        uses.any(|it| it.access == Access::ReadWrite && it.conflicts(input))
    };
    let mut end = Launch::default();
    for item in &others[last.start - 1..last.end - 1] {
        end.add(item);
    }
    let waits = end.items.iter().any(|it| own[0].waits_for(it));
    let is_kept = |it: &Use| it.access == Access::Read || it.storage == Storage::Transient;
    first.len() == 1
        && !waits
        && own[0].uses.iter().all(|it| is_kept(it) && !is_written(it))
        && end.takes(graph, &own[0])
}

/// The `nodes` in the order in which they run, and the ranges of them that are one launch.
///
/// A launch holds what waits for nothing that is still to come, whose kernels can do with workgroups of one size, as many
/// as an adapter can bind the buffers of; what the longest row of others waits for goes first. So the gradients of
/// parameters, for which only their sums and the update wait, run beside those that the layers before need.
fn in_launches<'g>(graph: &Graph, nodes: &[&'g Node]) -> (Vec<&'g Node>, Vec<Range<usize>>) {
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
    /// Bytes of workgroup memory that its first array takes at most, and all others.
    memory: [u32; 2],
}

impl Item {
    fn of(graph: &Graph, node: &Node) -> Self {
        let call = node.op.call(&graph.target);
        let uses = Use::all(graph, node, &call);
        let bytes = call.workgroup_bytes;
        let arrays = call.kernel.wgsl(call.variant);
        let arrays = arrays.matches("var<workgroup>").count();
        let memory = [bytes, if arrays > 1 { bytes } else { 0 }];
        Self { call, uses, memory }
    }

    /// Whether it has to run after `earlier`.
    fn waits_for(&self, earlier: &Self) -> bool {
        let mut uses = self.uses.iter();
        uses.any(|own| earlier.uses.iter().any(|it| own.conflicts(it)))
    }

    /// Buffers to bind: what is only read is bound once, however often the kernel names it.
    fn bound(&self) -> usize {
        let repeats = |at: usize| {
            let own = self.uses[at];
            let is_same = |it: &Use| it.storage == own.storage && it.len == own.len;
            let is_resident = matches!(own.storage, Storage::Resident(..));
            let is_read = |it: &Use| it.access == Access::Read;
            let mut before = self.uses[..at].iter();
            is_resident && is_read(&own) && before.any(|it| is_read(it) && is_same(it))
        };
        let all = 0..self.uses.len();
        all.filter(|at| !repeats(*at)).count()
    }
}

/// What runs in a launch.
#[derive(Default)]
struct Launch<'a> {
    items: Vec<&'a Item>,
    bound: usize,
    memory: [u32; 2],
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
            // Updates add to it, in any order; what sets it belongs to the other half.
            (Storage::Resident(Role::Faults, _), Storage::Resident(Role::Faults, _)) => false,
            (Storage::Resident(own, at), Storage::Resident(others, from)) => {
                own == others && at < from + other.len && from < at + self.len
            }
            _ => self.whole() == other.whole(),
        }
    }
}

impl<'a> Launch<'a> {
    /// Whether `item`, which waits for none of it, can be one of it; the first one always can.
    fn takes(&self, graph: &Graph, item: &Item) -> bool {
        let limits = &graph.target.limits;
        let calls = self.items.iter().map(|it| &it.call).chain([&item.call]);
        let memory: u32 = self.with(item).iter().sum();
        self.items.is_empty()
            || memory <= limits.workgroup_bytes
                && self.bound + item.bound() <= limits.storage_buffers as usize
                && workgroup_size(calls).is_some_and(|size| size <= limits.workgroup_threads)
    }

    /// Workgroup memory with `item`: the first arrays of all share theirs, and so do the others.
    fn with(&self, item: &Item) -> [u32; 2] {
        [0, 1].map(|at| self.memory[at].max(item.memory[at]))
    }

    fn add(&mut self, item: &'a Item) {
        self.bound += item.bound();
        self.memory = self.with(item);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::target::{AdapterKind, Target};
    use crate::nn::{NetworkType, default_training_graph};

    /// With as many bindings as adapters have, so that launches are full: what uses the same values as something that
    /// comes later, one of them to write, is in an earlier launch.
    #[test]
    fn launches_keep_the_order_in_which_values_are_used() {
        let mut target = Target::portable(AdapterKind::Gpu);
        for bindings in [8, 16] {
            target.limits.storage_buffers = bindings;
            for net in [NetworkType::Mlp, NetworkType::Cnn, NetworkType::Resnet] {
                assert_order(&default_training_graph(net, true, target.clone()));
            }
        }
    }

    fn assert_order(graph: &Graph) {
        let mut recorded: Vec<&Node> = graph.nodes.iter().collect();
        recorded.sort_by_key(|node| node.phase);
        let Schedule {
            nodes: order,
            launches,
            ..
        } = Schedule::of(graph);
        assert_eq!(order.len(), recorded.len());
        let launch_of = |node: &Node| {
            let at = order.iter().position(|it| std::ptr::eq(*it, node));
            launches.partition_point(|it| it.end <= at.expect("is there"))
        };
        // Scalars of a buffer or of a transient value.
        let place = |value: Value| match graph.values[value.0].storage {
            Storage::Resident(role, from) => (Some(role), value, from, graph.len(value)),
            Storage::Part(whole, _) => (None, whole, 0, 1),
            Storage::Transient => (None, value, 0, 1),
        };
        let overlap = |a: Value, b: Value| {
            let ((role, a, from, len), (other, b, start, count)) = (place(a), place(b));
            let is_one = role == other && (role.is_some() || a == b) && role != Some(Role::Faults);
            is_one && from < start + count && start < from + len
        };
        for (at, second) in recorded.iter().enumerate() {
            for first in &recorded[..at] {
                let waits = |written: &Node, used: &Node| {
                    let mut written = written.outputs.iter();
                    written.any(|own| bound(used).any(|it| overlap(*own, it)))
                };
                let is_update = |it: &Node| it.phase == Phase::Update;
                let halves = is_update(second) && !is_update(first);
                if waits(first, second) || waits(second, first) || halves {
                    let (before, after) = (launch_of(first), launch_of(second));
                    assert!(
                        before < after,
                        "{} {before}, {} {after}",
                        first.layer,
                        second.layer
                    );
                }
            }
        }
        // What is written is bound by nothing else of its launch.
        for launch in &launches {
            for (at, node) in order[launch.clone()].iter().enumerate() {
                for other in order[launch.clone()].iter().skip(at + 1) {
                    let mut pairs = node
                        .outputs
                        .iter()
                        .flat_map(|own| bound(other).map(move |it| (own, it)));
                    assert!(
                        !pairs.any(|(own, it)| overlap(*own, it)),
                        "{}, {}",
                        node.layer,
                        other.layer
                    );
                }
            }
        }
    }
}
