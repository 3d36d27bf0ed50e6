//! A program made ready for the processor: shards side by side on all threads, and what needs the
//! whole batch between them.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::bound::{Bound, whole};
use super::device::Cpu;
use super::memory::{Held, HostBuffer, Seen};
use crate::error::Result;
use crate::exec::described::Described;
use crate::exec::stages::{Stage, Stages};
use crate::graph::{Half, Program, Role};
use crate::kernel::native::{Aligned, Part, Workspace};
use crate::kernel::shards::SHARDS;
use crate::kernel::{Slice, Step};
use crate::ranks::Ranks;

/// A program with its memory.
#[derive(Debug)]
pub struct CpuProgram {
    cpu: Cpu,
    /// `None` for what every thread has for itself.
    buffers: Vec<Option<SharedBuffer>>,
    dispatches: Vec<Bound>,
    stages: Stages,
    /// What ranks exchange, on its way.
    message: Mutex<Vec<f32>>,
    /// One per thread of the pool.
    threads: Vec<Mutex<Own>>,
    described: Vec<Described>,
    capacity: u32,
}

#[derive(Debug)]
struct SharedBuffer {
    buffer: HostBuffer,
    written: bool,
}

/// What a thread has for itself.
#[derive(Debug)]
struct Own {
    workspace: Workspace,
    /// Buffers, each with its index.
    locals: Vec<(usize, Aligned)>,
    /// Time spent in each dispatch since it was last asked for.
    spent: Vec<Duration>,
}

impl CpuProgram {
    /// `program` for `cpu`; buffers are those that `shared` gives for their roles, and new ones where
    /// it gives none.
    ///
    /// Errors where there is no room for those.
    ///
    /// # Panics
    /// If shards would write where others read or write: a bug of the graph.
    pub fn new(
        cpu: &Cpu,
        program: &Program,
        shared: impl Fn(Role) -> Option<HostBuffer>,
    ) -> Result<Self> {
        let dispatches: Vec<Bound> = program.dispatches.iter().map(Bound::new).collect();
        let written = |buffer: usize| {
            let mut slices = dispatches.iter().flat_map(|it| &it.slices);
            slices.any(|it| it.buffer == buffer && it.written)
        };
        let mut locals = Vec::new();
        let mut buffers = Vec::new();
        for (index, spec) in program.buffers.iter().enumerate() {
            buffers.push(if matches!(spec.role, Role::Local(_)) {
                locals.push((index, spec.len));
                None
            } else {
                let buffer = match shared(spec.role) {
                    Some(buffer) => buffer,
                    None => HostBuffer::new(&spec.role.to_string(), spec.len)?,
                };
                Some(SharedBuffer {
                    buffer,
                    written: written(index),
                })
            });
        }
        let stages = Stages::new(program);
        let own = || {
            let locals = locals
                .iter()
                .map(|&(index, len)| (index, Aligned::new(len)));
            Mutex::new(Own {
                workspace: Workspace::default(),
                locals: locals.collect(),
                spent: vec![Duration::ZERO; dispatches.len()],
            })
        };
        Ok(Self {
            buffers,
            stages,
            message: Mutex::default(),
            threads: (0..cpu.threads()).map(|_| own()).collect(),
            described: Described::of_program(program),
            capacity: program.capacity as u32,
            dispatches,
            cpu: cpu.clone(),
        })
    }

    /// Runs `work` on the pool's threads: many steps at once, since waking the pool costs a step of a
    /// small net dearly.
    pub fn within<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.cpu.within(work)
    }

    /// Runs one step, all of it, whoever shares it else; to be called [`within`](Self::within) the pool.
    pub fn run(&self, step: &Step) {
        self.run_stages(step, self.stages.all(), &(0..SHARDS), |_| ());
    }

    /// Runs this rank's part of one step, of which no other keeps anything to itself: what is summed over the
    /// batch is the same on all ranks. Returns whether any of them has the `wish`. To be called
    /// [`within`](Self::within) the pool.
    pub fn run_shared(&self, step: &Step, wish: bool) -> bool {
        self.run_stages_shared(step, self.stages.all(), wish)
    }

    /// Runs half a step, as [`run_shared`](Self::run_shared) does the whole.
    pub fn run_half(&self, step: &Step, half: Half) {
        self.run_stages_shared(step, self.stages.half(half), false);
    }

    fn run_stages_shared(&self, step: &Step, stages: &[Stage], wish: bool) -> bool {
        let ranks = self.cpu.ranks();
        let mut agreed = wish && ranks.is_alone();
        let exchange = |floats: &mut Exchanged<'_, '_>| match floats {
            _ if ranks.is_alone() => {}
            Exchanged::Sums(parts) => agreed |= self.sum(parts, wish),
            Exchanged::Parts(floats) => ranks.gather(bytemuck::cast_slice_mut(floats)),
        };
        self.run_stages(step, stages, &ranks.shards(), exchange);
        agreed
    }

    /// Adds up `parts` over all ranks, in one message; returns whether any of them has the `wish`.
    fn sum(&self, parts: &mut [Slice<'_, f32>], wish: bool) -> bool {
        let mut message = self.message.lock().unwrap_or_else(PoisonError::into_inner);
        message.clear();
        for part in &mut *parts {
            message.extend_from_slice(part.real_mut());
        }
        let agreed = self.cpu.ranks().sum(&mut message, wish);
        let mut rest = &message[..];
        for part in parts {
            let part = part.real_mut();
            let (sums, after) = rest.split_at(part.len());
            part.copy_from_slice(sums);
            rest = after;
        }
        agreed
    }

    /// Runs `stages` on `shards` of the batch; `exchange` is called with what has to be made whole in between.
    fn run_stages(
        &self,
        step: &Step,
        stages: &[Stage],
        shards: &Range<usize>,
        mut exchange: impl FnMut(&mut Exchanged<'_, '_>),
    ) {
        let held = self.hold();
        for stage in stages {
            match stage {
                Stage::Batch(dispatch) => {
                    self.on_this_thread(&held, |seen, own| {
                        self.run_dispatch(*dispatch, seen, own, step, shards, |_| ());
                    });
                }
                Stage::Shards(dispatches) => {
                    let shards = shards.clone().into_par_iter().with_max_len(1);
                    shards.for_each(|shard| {
                        self.on_this_thread(&held, |seen, own| {
                            for dispatch in dispatches.clone() {
                                let shard = shard..shard + 1;
                                self.run_dispatch(dispatch, seen, own, step, &shard, |_| ());
                            }
                        });
                    });
                }
                Stage::Sum(parts) => {
                    let seen = held.seen_with(&mut []);
                    let mut parts: Vec<_> = parts.iter().map(|it| whole(it, &seen)).collect();
                    exchange(&mut Exchanged::Sums(&mut parts));
                }
                Stage::Gather(parts) => {
                    let seen = held.seen_with(&mut []);
                    for part in parts {
                        exchange(&mut Exchanged::Parts(whole(part, &seen).real_mut()));
                    }
                }
            }
        }
    }

    /// Runs one step, a shard after the other, and shows `each` what every dispatch wrote: its index
    /// and its buffers, in binding order.
    pub fn watch(&self, step: &Step, mut each: impl FnMut(usize, &[Slice<'_, f32>])) {
        let held = self.hold();
        for stage in self.stages.all() {
            let (dispatches, parts) = match stage {
                Stage::Batch(dispatch) => (
                    *dispatch..dispatch + 1,
                    std::iter::once(0..SHARDS).collect::<Vec<_>>(),
                ),
                Stage::Shards(dispatches) => {
                    let shards = (0..SHARDS).map(|shard| shard..shard + 1);
                    (dispatches.clone(), shards.collect())
                }
                Stage::Sum(_) | Stage::Gather(_) => continue,
            };
            for shards in parts {
                self.on_this_thread(&held, |seen, own| {
                    for dispatch in dispatches.clone() {
                        let each = |slices: &[Slice<'_, f32>]| each(dispatch, slices);
                        self.run_dispatch(dispatch, seen, own, step, &shards, each);
                    }
                });
            }
        }
    }

    /// Seconds that each dispatch took since this was last asked, by all threads together.
    pub fn take_spent(&self) -> Vec<f64> {
        let mut all = vec![0.0; self.dispatches.len()];
        for own in &self.threads {
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            for (all, spent) in all.iter_mut().zip(&mut own.spent) {
                *all += std::mem::take(spent).as_secs_f64();
            }
        }
        all
    }

    /// Who shares its steps.
    pub(in crate::exec) fn ranks(&self) -> &Ranks {
        self.cpu.ranks()
    }

    /// Whether all threads work together on that dispatch, or each on shards of its own.
    pub fn is_for_whole_batch(&self, dispatch: usize) -> bool {
        self.dispatches[dispatch].call.whole_batch
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Largest batch.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(in crate::exec) fn described(&self) -> &[Described] {
        &self.described
    }

    /// The buffer of that index in [`Program::buffers`]; `None` where every thread has its own.
    pub fn buffer(&self, index: usize) -> Option<&HostBuffer> {
        self.buffers[index].as_ref().map(|it| &it.buffer)
    }

    fn hold(&self) -> Held<'_> {
        let buffers = self.buffers.iter();
        Held::new(buffers.map(|it| it.as_ref().map(|it| (&it.buffer, it.written))))
    }

    /// Hands what the calling thread of the pool sees and has to `work`.
    fn on_this_thread(&self, held: &Held<'_>, work: impl FnOnce(&Seen<'_>, &mut Worker<'_>)) {
        let index = rayon::current_thread_index().unwrap_or(0);
        let mut own = self.threads[index % self.threads.len()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Own {
            workspace,
            locals,
            spent,
        } = &mut *own;
        work(&held.seen_with(locals), &mut Worker { workspace, spent });
    }

    /// Runs a dispatch on `shards` of the batch, and shows `each` its buffers afterwards.
    fn run_dispatch(
        &self,
        index: usize,
        seen: &Seen<'_>,
        own: &mut Worker<'_>,
        step: &Step,
        shards: &Range<usize>,
        each: impl FnOnce(&[Slice<'_, f32>]),
    ) {
        let start = Instant::now();
        let bound = &self.dispatches[index];
        let samples = bound.samples(step.batch as usize, shards);
        let slices = bound.slices.iter();
        let slices = slices.map(|it| bound.bind(seen, it, &samples, shards));
        let mut slices: Vec<Slice<'_, f32>> = slices.collect();
        if bound.by_samples && samples.is_empty() {
            slices.iter_mut().for_each(Slice::clear);
        } else if !self.cpu.breaks(bound.call.kernel.name) {
            let mut part = Part {
                step: step.on(&samples),
                shards: shards.clone(),
                workspace: own.workspace,
            };
            bound.call.kernel.run(&bound.call, &mut part, &mut slices);
        }
        own.spent[index] += start.elapsed();
        each(&slices);
    }
}

/// What ranks make whole between stages.
enum Exchanged<'s, 't> {
    /// Sums over each rank's shards.
    Sums(&'s mut [Slice<'t, f32>]),
    /// A part per shard.
    Parts(&'s mut [f32]),
}

/// What a thread has while it works.
struct Worker<'t> {
    workspace: &'t mut Workspace,
    spent: &'t mut [Duration],
}
