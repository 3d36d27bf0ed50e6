//! Lowering: a graph becomes a program, its transient values share scratch buffers.

use std::collections::HashMap;

use super::graph::{Graph, Node, Storage, Value};
use super::launches::Schedule;
use super::{BufferSlice, BufferSpec, Dispatch, Extent, Program, Role};
use crate::kernel::shards::{self, SHARDS};

/// When a transient value is in use: positions of its first and its last dispatch, or of the stages that they
/// belong to.
#[derive(Debug, Clone, Copy)]
struct Lifetime {
    value: Value,
    first: usize,
    last: usize,
    sharing: Sharing,
}

/// With which values a value may share a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// All whose lifetimes do not overlap.
    All,
    /// The same, in slots for one shard, which the next one uses after it; every thread of the processor has its
    /// own. One shard's samples are all that anybody reads of it before the shards meet.
    OfShard,
    /// None: on the processor shards run at their own pace, and one could overwrite what another still
    /// reads.
    Alone,
}

impl Lifetime {
    /// Whether it and `other` need slots of their own.
    fn overlaps(self, other: Self) -> bool {
        let apart = self.sharing != other.sharing || self.sharing == Sharing::Alone;
        apart || (self.first <= other.last && other.first <= self.last)
    }
}

/// The program of `graph`: its nodes in order, and a buffer for every value.
pub fn lower(graph: &Graph) -> Program {
    let schedule = Schedule::of(graph);
    let mut buffers = resident_buffers(graph, &schedule.nodes);
    let slots = share_slots(graph, lifetimes(graph, &schedule), &mut buffers);
    let slice = |value: Value| {
        let (buffer, offset, sharing) = match graph.values[value.0].storage {
            Storage::Transient => {
                let (slot, sharing) = slots[&value];
                (slot, 0, sharing)
            }
            Storage::Part(whole, offset) => {
                let (slot, sharing) = slots[&whole];
                (slot, offset, sharing)
            }
            Storage::Resident(role, offset) => {
                let found = buffers.iter().position(|spec| spec.role == role);
                (
                    found.expect("made for this very value"),
                    offset,
                    Sharing::Alone,
                )
            }
        };
        let (len, extent) = place(graph, value, sharing);
        BufferSlice {
            buffer,
            offset,
            len,
            extent,
        }
    };
    let dispatch = |node: &&Node| Dispatch {
        label: node.layer.clone(),
        phase: node.phase,
        call: node.op.call(&graph.target),
        slices: bound(node).map(slice).collect(),
    };
    let by_shards = graph.target.by_shards;
    Program {
        capacity: graph.capacity * if by_shards { SHARDS } else { 1 },
        by_shards,
        dispatches: schedule.nodes.iter().map(dispatch).collect(),
        launches: schedule.launches,
        prepares: schedule.prepares,
        buffers,
    }
}

/// Scalars that `value` takes where it shares as `sharing` says, and what of them belongs to which part of the batch.
fn place(graph: &Graph, value: Value, sharing: Sharing) -> (usize, Extent) {
    let target = &graph.target;
    match graph.extent(value) {
        Extent::Samples(sample) if sharing == Sharing::OfShard => {
            let samples = if target.is_cpu() {
                shards::capacity(graph.capacity)
            } else {
                graph.capacity
            };
            (samples * sample, Extent::OfShard(sample))
        }
        Extent::Samples(_) if target.by_shards => {
            let stride = target.shard_stride(graph.len(value));
            (SHARDS * stride, Extent::Shards(stride))
        }
        extent => (graph.len(value), extent),
    }
}

pub(super) fn bound(node: &Node) -> impl Iterator<Item = Value> {
    node.inputs.iter().chain(&node.outputs).copied()
}

/// One buffer per role in use, long enough for every slice of it.
fn resident_buffers(graph: &Graph, nodes: &[&Node]) -> Vec<BufferSpec> {
    let mut buffers: Vec<BufferSpec> = Vec::new();
    for value in nodes.iter().flat_map(|node| bound(node)) {
        let spec = graph.values[value.0];
        if let Storage::Resident(role, offset) = spec.storage {
            let len = offset + place(graph, value, Sharing::Alone).0;
            match buffers.iter_mut().find(|buffer| buffer.role == role) {
                Some(buffer) => buffer.len = buffer.len.max(len),
                None => buffers.push(BufferSpec {
                    role,
                    scalar: spec.scalar,
                    len,
                }),
            }
        }
    }
    buffers.sort_by_key(|buffer| buffer.role);
    buffers
}

/// Gives every transient value a scratch buffer that no other value uses at the same time, the
/// largest values first; returns their indices into `buffers`.
///
/// Each slot is a buffer of its own rather than a part of one arena: wgpu tracks usage per buffer,
/// and forbids reading and writing one buffer in the same dispatch.
fn share_slots(
    graph: &Graph,
    mut lifetimes: Vec<Lifetime>,
    buffers: &mut Vec<BufferSpec>,
) -> HashMap<Value, (usize, Sharing)> {
    let len = |it: &Lifetime| place(graph, it.value, it.sharing).0;
    lifetimes.sort_by_key(|it| (std::cmp::Reverse(len(it)), it.first));
    let base = buffers.len();
    let mut tenants: Vec<Vec<Lifetime>> = Vec::new();
    let mut slots = HashMap::new();
    for lifetime in lifetimes {
        let scalar = graph.values[lifetime.value.0].scalar;
        let free = (0..tenants.len()).find(|&slot| {
            buffers[base + slot].scalar == scalar
                && !tenants[slot].iter().any(|other| other.overlaps(lifetime))
        });
        let slot = free.unwrap_or_else(|| {
            let slot = u16::try_from(tenants.len()).expect("no net needs so many slots");
            let len = len(&lifetime);
            let role = match lifetime.sharing {
                Sharing::OfShard if graph.target.is_cpu() => Role::Local(slot),
                _ => Role::Scratch(slot),
            };
            buffers.push(BufferSpec { role, scalar, len });
            tenants.push(Vec::new());
            tenants.len() - 1
        });
        tenants[slot].push(lifetime);
        slots.insert(lifetime.value, (base + slot, lifetime.sharing));
    }
    slots
}

fn lifetimes(graph: &Graph, schedule: &Schedule<'_>) -> Vec<Lifetime> {
    let nodes = &schedule.nodes;
    let mut lifetimes: Vec<Lifetime> = Vec::new();
    for (position, node) in nodes.iter().enumerate() {
        for value in bound(node) {
            let value = match graph.values[value.0].storage {
                Storage::Transient => value,
                Storage::Part(whole, _) => whole,
                Storage::Resident(..) => continue,
            };
            match lifetimes.iter_mut().find(|it| it.value == value) {
                Some(lifetime) => lifetime.last = position,
                None => lifetimes.push(Lifetime {
                    value,
                    first: position,
                    last: position,
                    sharing: Sharing::All,
                }),
            }
        }
    }
    for lifetime in &lifetimes {
        let node = nodes[lifetime.first];
        assert!(
            node.outputs.contains(&lifetime.value),
            "{}: {:?} is read before it is written",
            node.layer,
            lifetime.value
        );
    }
    if graph.target.has_shards() {
        let meets: Vec<bool> = nodes
            .iter()
            .map(|node| node.op.call(&graph.target).whole_batch)
            .collect();
        for lifetime in &mut lifetimes {
            let of_samples = matches!(graph.extent(lifetime.value), Extent::Samples(_));
            let met = meets[lifetime.first..=lifetime.last].contains(&true);
            if of_samples && !met {
                lifetime.sharing = Sharing::OfShard;
            } else if graph.target.is_cpu() {
                lifetime.sharing = Sharing::Alone;
            } else {
                // A shard goes through a whole stage before the next one does.
                let stage = |position: usize| stages_before(&meets, position);
                (lifetime.first, lifetime.last) = (stage(lifetime.first), stage(lifetime.last));
            }
        }
    } else {
        // All of a launch run at the same time.
        let launches = &schedule.launches;
        let launch = |position: usize| launches.partition_point(|it| it.end <= position);
        for lifetime in &mut lifetimes {
            // What is prepared for the next step is there through all of it.
            let is_prepared = schedule.prepares && lifetime.first == 0;
            let last = if is_prepared {
                launches.len() - 1
            } else {
                launch(lifetime.last)
            };
            (lifetime.first, lifetime.last) = (launch(lifetime.first), last);
        }
    }
    lifetimes
}

/// Stages before that of the dispatch at `position`: those that meet are one each, and so are all between two of them.
fn stages_before(meets: &[bool], position: usize) -> usize {
    let met = meets[..position].iter().filter(|meets| **meets).count();
    2 * met + usize::from(meets[position])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::graph::Shape;
    use crate::kernel::target::{AdapterKind, Target};
    use crate::nn::{NetworkType, default_training_graph};
    use crate::ops;
    use crate::shape::ImageShape;

    fn chain(length: usize) -> Graph {
        let mut graph = Graph::new(3, Target::portable(AdapterKind::Gpu));
        let shape = Shape::Samples(ImageShape::new(5, 2, 2));
        let mut value = graph.transient(shape, crate::kernel::Scalar::F32);
        for _ in 0..length {
            value = ops::activation::record(&mut graph, "layer", value, Activation::Relu);
        }
        graph
    }

    #[test]
    fn values_in_use_at_the_same_time_never_share_a_slot() {
        let graph = chain(9);
        // The first value is nobody's output here; plan the nodes after the one that reads it.
        let nodes: Vec<&Node> = graph.nodes.iter().skip(1).collect();
        let mut spread: Vec<Lifetime> = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            spread.push(Lifetime {
                value: node.outputs[0],
                first: position,
                last: position + 1,
                sharing: Sharing::All,
            });
        }
        let mut buffers = Vec::new();
        let slots = share_slots(&graph, spread.clone(), &mut buffers);
        for a in &spread {
            for b in &spread {
                let shared = a.value != b.value && slots[&a.value].0 == slots[&b.value].0;
                assert!(!(shared && a.overlaps(*b)), "{a:?} and {b:?}");
            }
        }
        assert_eq!(buffers.len(), 2, "a chain needs two buffers in turn");
        assert_eq!(buffers[0].len, 3 * 8 * 4);
    }

    #[test]
    fn no_value_of_a_real_program_is_overwritten_while_it_is_needed() {
        for net in [NetworkType::Mlp, NetworkType::Cnn, NetworkType::Resnet] {
            for fuse in [true, false] {
                let target = Target::portable(AdapterKind::Gpu);
                replay(&default_training_graph(net, fuse, target));
            }
        }
    }

    /// Goes through the program of `graph` slot by slot: what a dispatch reads must be what was
    /// written last, and it must not write where it reads.
    fn replay(graph: &Graph) {
        let program = lower(graph);
        let mut holds: HashMap<usize, Value> = HashMap::new();
        let mut overwritten = 0;
        let made = program.dispatches.iter().flat_map(Dispatch::written);
        let prepared = program.dispatches[0].written().next().expect("images");
        let shares = made.filter(|it| it.buffer == prepared.buffer).count() > 1;
        assert!(!(program.prepares && shares), "the next step's batch");
        for (node, dispatch) in Schedule::of(graph).nodes.iter().zip(&program.dispatches) {
            let transient = |value: &&Value| graph.values[value.0].storage == Storage::Transient;
            let buffer = |value: &Value| {
                let at = bound(node).position(|it| it == *value).expect("is bound");
                let slice = dispatch.slices[at];
                assert_eq!(slice.len, graph.len(*value));
                assert!(slice.offset + slice.len <= program.buffers[slice.buffer].len);
                slice.buffer
            };
            let inputs = node.inputs.iter().filter(transient);
            let inputs: Vec<(usize, Value)> = inputs.map(|it| (buffer(it), *it)).collect();
            for (buffer, input) in &inputs {
                assert_eq!(holds.get(buffer), Some(input), "{}", node.layer);
            }
            for output in node.outputs.iter().filter(transient) {
                let buffer = buffer(output);
                let read = inputs.iter().any(|input| input.0 == buffer);
                assert!(!read, "{} writes where it reads", node.layer);
                overwritten += usize::from(holds.insert(buffer, *output).is_some());
            }
        }
        assert!(overwritten > 0, "slots are shared at all");
    }
}
