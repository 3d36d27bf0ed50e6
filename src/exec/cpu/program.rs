//! A program made ready for the processor: shards side by side on all threads, and what needs the
//! whole batch between them.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::device::Cpu;
use super::memory::{Held, HostBuffer, Seen};
use super::stages::{Stage, check_stages, stages, stages_before};
use crate::error::Result;
use crate::exec::described::Described;
use crate::graph::{Dispatch, Extent, Half, Program, Role};
use crate::kernel::Slice;
use crate::kernel::native::{Aligned, Part, Workspace};
use crate::kernel::shards;
use crate::kernel::shards::SHARDS;
use crate::kernel::{Access, Call, Scalar, Step};

/// A program with its memory.
#[derive(Debug)]
pub struct CpuProgram {
    cpu: Cpu,
    /// `None` for what every thread has for itself.
    buffers: Vec<Option<SharedBuffer>>,
    dispatches: Vec<Bound>,
    stages: Vec<Stage>,
    /// The stage with which the update begins.
    update: usize,
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

/// A dispatch with its kernel and its slices.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) call: Call,
    pub(super) slices: Vec<BoundSlice>,
}

#[derive(Debug)]
pub(super) struct BoundSlice {
    pub(super) buffer: usize,
    pub(super) offset: usize,
    len: usize,
    pub(super) extent: Extent,
    /// Whether the buffer is the thread's own, and holds one shard.
    pub(super) local: bool,
    scalar: Scalar,
    pub(super) written: bool,
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
        let bound = program.dispatches.iter();
        let dispatches: Vec<Bound> = bound.map(|it| Bound::new(it, program)).collect();
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
        let stages = stages(&dispatches);
        check_stages(&stages, &dispatches);
        let update = stages_before(&stages, program.half(Half::Update).start);
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
            update,
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

    /// Runs one step; to be called [`within`](Self::within) the pool.
    pub fn run(&self, step: &Step) {
        self.run_stages(step, &self.stages);
    }

    /// Runs half a step; to be called [`within`](Self::within) the pool.
    pub fn run_half(&self, step: &Step, half: Half) {
        let (gradients, update) = self.stages.split_at(self.update);
        let stages = match half {
            Half::Gradients => gradients,
            Half::Update => update,
        };
        self.run_stages(step, stages);
    }

    fn run_stages(&self, step: &Step, stages: &[Stage]) {
        let held = self.hold();
        for stage in stages {
            match stage {
                Stage::Batch(dispatch) => {
                    self.on_this_thread(&held, |seen, own| {
                        self.run_dispatch(*dispatch, seen, own, step, None, |_| ());
                    });
                }
                Stage::Shards(dispatches) => {
                    let shards = (0..SHARDS).into_par_iter().with_max_len(1);
                    shards.for_each(|shard| {
                        self.on_this_thread(&held, |seen, own| {
                            for dispatch in dispatches.clone() {
                                self.run_dispatch(dispatch, seen, own, step, Some(shard), |_| ());
                            }
                        });
                    });
                }
            }
        }
    }

    /// Runs one step, a shard after the other, and shows `each` what every dispatch wrote: its index
    /// and its buffers, in binding order.
    pub fn watch(&self, step: &Step, mut each: impl FnMut(usize, &[Slice<'_, f32>])) {
        let held = self.hold();
        for stage in &self.stages {
            let (dispatches, shards) = match stage {
                Stage::Batch(dispatch) => (*dispatch..dispatch + 1, vec![None]),
                Stage::Shards(dispatches) => (dispatches.clone(), (0..SHARDS).map(Some).collect()),
            };
            for shard in shards {
                self.on_this_thread(&held, |seen, own| {
                    for dispatch in dispatches.clone() {
                        let each = |slices: &[Slice<'_, f32>]| each(dispatch, slices);
                        self.run_dispatch(dispatch, seen, own, step, shard, each);
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

    /// Runs a dispatch on one shard, or on the whole batch, and shows `each` its buffers afterwards.
    fn run_dispatch(
        &self,
        index: usize,
        seen: &Seen<'_>,
        own: &mut Worker<'_>,
        step: &Step,
        shard: Option<usize>,
        each: impl FnOnce(&[Slice<'_, f32>]),
    ) {
        let start = Instant::now();
        let bound = &self.dispatches[index];
        let samples = match shard {
            None => 0..step.batch as usize,
            Some(shard) => shards::range(step.batch as usize, shard),
        };
        let slices = bound.slices.iter();
        let slices = slices.map(|it| bind(seen, it, &samples, shard));
        let mut slices: Vec<Slice<'_, f32>> = slices.collect();
        if shard.is_some() && samples.is_empty() {
            slices.iter_mut().for_each(Slice::clear);
        } else if !self.cpu.breaks(bound.call.kernel.name) {
            let mut part = Part {
                step: Step {
                    batch: samples.len() as u32,
                    batch_start: step.batch_start + samples.start as u32,
                    ..*step
                },
                batch: step.batch,
                workspace: own.workspace,
            };
            bound.call.kernel.run(&bound.call, &mut part, &mut slices);
        }
        own.spent[index] += start.elapsed();
        each(&slices);
    }
}

/// What a thread has while it works.
struct Worker<'t> {
    workspace: &'t mut Workspace,
    spent: &'t mut [Duration],
}

/// The part of a buffer that shard `shard`, which has these samples, may use; all of it without one.
#[expect(
    unsafe_code,
    reason = "threads share buffers, of which each uses its own part"
)]
fn bind<'t>(
    seen: &'t Seen<'_>,
    slice: &BoundSlice,
    samples: &Range<usize>,
    shard: Option<usize>,
) -> Slice<'t, f32> {
    let (from, len) = match (slice.extent, shard) {
        (Extent::Samples(sample), Some(_)) => {
            let first = if slice.local { 0 } else { samples.start };
            (first * sample, samples.len() * sample)
        }
        (Extent::Shards(len), Some(shard)) => (shard * len, len),
        (Extent::Whole, _) | (_, None) => (0, slice.len),
    };
    let start = slice.offset + from;
    // SAFETY: `Bound::check` has seen to it that a dispatch writes nothing that it reads, and that
    // dispatches of shards write nothing but their samples' or their shard's part; `check_stages`, that
    // nobody else reads or writes there before all shards have met. A buffer that is written anywhere is held for
    // writing.
    unsafe {
        seen.slice(
            slice.buffer,
            start..start + len,
            slice.scalar,
            slice.written,
        )
    }
}

impl Bound {
    /// Panics as [`CpuProgram::new`].
    fn new(dispatch: &Dispatch, program: &Program) -> Self {
        let kernel = dispatch.call.kernel;
        let slices = dispatch.slices.iter().zip(kernel.bindings);
        let slices = slices.map(|(slice, binding)| BoundSlice {
            buffer: slice.buffer,
            offset: slice.offset,
            len: slice.len,
            extent: slice.extent,
            local: matches!(program.buffers[slice.buffer].role, Role::Local(_)),
            scalar: binding.scalar,
            written: binding.access == Access::ReadWrite,
        });
        let bound = Self {
            call: dispatch.call.clone(),
            slices: slices.collect(),
        };
        bound.check(&dispatch.label);
        bound
    }

    fn check(&self, label: &str) {
        let kernel = self.call.kernel.name;
        for (at, slice) in self.slices.iter().enumerate() {
            let is_own = slice.extent != Extent::Whole || self.call.whole_batch;
            assert!(
                is_own || !slice.written,
                "{label}: all shards of {kernel} write the same"
            );
            assert!(
                !(slice.local && self.call.whole_batch),
                "{label}: {kernel} meets no shards"
            );
            let end = slice.offset + slice.len;
            for other in &self.slices[..at] {
                let apart = slice.buffer != other.buffer
                    || end <= other.offset
                    || other.offset + other.len <= slice.offset;
                let both_read = !slice.written && !other.written;
                assert!(apart || both_read, "{label}: {kernel} writes what it reads");
            }
        }
    }
}
