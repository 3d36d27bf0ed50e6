//! Encodes a program for the GPU: pipelines, bind groups and buffers made once, then only
//! dispatches. Where a batch is computed by shards, a dispatch is launched once for each, on its part of the buffers.

use std::collections::HashMap;
use std::ops::Range;

use super::described::Described;
use super::exchange::Exchange;
use super::launches::{Launch, Params, Way};
use super::stages::Stage;
use crate::error::Result;
use crate::gpu::{Gpu, Timestamps};
use crate::graph::{Half, Program, Role};
use crate::kernel::shards::{self, SHARDS};
use crate::kernel::{Grid, Step, folded};
use crate::ranks::Ranks;

/// Buffers of a GPU that programs share, by role.
pub type GpuBuffers = HashMap<Role, wgpu::Buffer>;

/// A program made ready for one device.
#[derive(Debug)]
pub struct GpuProgram {
    buffers: Vec<wgpu::Buffer>,
    /// Through all of the batch.
    whole: Way,
    /// Through what is this rank's, where others share the batch.
    shared: Option<Box<SharedWay>>,
    /// The launches of a step among others.
    described: Vec<Described>,
    capacity: u32,
    by_shards: bool,
    workgroup_limit: u32,
}

#[derive(Debug)]
struct SharedWay {
    way: Way,
    exchange: Exchange,
}

impl GpuProgram {
    /// Compiles `program`; scratch is allocated, all other buffers are taken from `shared` (and
    /// allocated where missing).
    ///
    /// Errors where the program exceeds the adapter's limits or memory.
    pub fn new(gpu: &Gpu, program: &Program, shared: &GpuBuffers) -> Result<Self> {
        Self::shared_by(&Ranks::default(), gpu, program, shared)
    }

    /// The same for a rank, which shares every batch with the other `ranks` where the program computes it by shards.
    pub(super) fn shared_by(
        ranks: &Ranks,
        gpu: &Gpu,
        program: &Program,
        shared: &GpuBuffers,
    ) -> Result<Self> {
        program.check(&gpu.target().limits)?;
        let buffers = program
            .buffers
            .iter()
            .map(|spec| match shared.get(&spec.role) {
                Some(buffer) => Ok(buffer.clone()),
                None => gpu.storage(&spec.role.to_string(), spec.len as u64 * 4),
            })
            .collect::<Result<Vec<_>>>()?;
        let params = Params::upload(gpu, program)?;
        let way = |shards: Range<usize>| Way::new(gpu, program, &buffers, &params, &shards);
        let whole = way(0..SHARDS)?;
        let is_shared = program.by_shards && !ranks.is_alone();
        let shared = is_shared.then(|| -> Result<Box<SharedWay>> {
            let way = way(ranks.shards())?;
            let exchange = Exchange::new(gpu, ranks, way.meetings.iter().map(|(_, it)| it))?;
            Ok(Box::new(SharedWay { way, exchange }))
        });
        let described = Described::of_program(program);
        let described = whole.in_a_row().map(|it| {
            let mut all = described[it.dispatches.clone()].to_vec();
            all.extend_from_slice(&described[..it.grids.len() - it.next]);
            let all = Described::together(&all);
            it.shard.map_or(all.clone(), |_| all.of_a_shard())
        });
        Ok(Self {
            described: described.collect(),
            shared: shared.transpose()?,
            whole,
            buffers,
            capacity: program.capacity as u32,
            by_shards: program.by_shards,
            workgroup_limit: gpu.target().limits.workgroups,
        })
    }

    /// Records one step into `pass`, all of it, whoever shares it else.
    pub fn encode(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step) {
        self.encode_in_a_row(pass, &[*step]);
    }

    /// Records `steps` into `pass`, one after the other: beside the end of each, the next one begins.
    pub fn encode_in_a_row(&self, pass: &mut wgpu::ComputePass<'_>, steps: &[Step]) {
        let Way {
            launches,
            last_and_next,
            ..
        } = &self.whole;
        for (at, step) in steps.iter().enumerate() {
            let (Some(together), [.., last]) = (last_and_next, &launches[..]) else {
                self.encode_all(pass, step, launches);
                continue;
            };
            let begun = usize::from(at > 0);
            self.encode_all(pass, step, &launches[begun..launches.len() - 1]);
            match steps.get(at + 1) {
                Some(next) => self.encode_one(pass, &step.before(next), together),
                None => self.encode_one(pass, step, last),
            }
        }
    }

    /// Records half a step into `pass`.
    pub fn encode_half(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step, half: Half) {
        self.encode_all(pass, step, &self.whole.launches[self.whole.half(half)]);
    }

    /// Records launch `index` of a step into `pass`, alone.
    pub(super) fn encode_launch(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        step: &Step,
        index: usize,
    ) {
        self.encode_one(pass, step, &self.whole.launches[index]);
    }

    /// The launches of a step, in order: of each its positions in [`Program::dispatches`], and the shard that it is of.
    pub(super) fn launches(&self) -> impl Iterator<Item = (Range<usize>, Option<usize>)> {
        let launches = self.whole.launches.iter();
        launches.map(|launch| (launch.dispatches.clone(), launch.shard))
    }

    /// Records one step of many in a row into `pass`, with a timestamp before every launch and one at the end.
    pub fn encode_timed(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        step: &Step,
        timestamps: &Timestamps,
    ) {
        let step = step.before(step);
        if self.whole.last_and_next.is_some() {
            self.encode_one(pass, &step, &self.whole.launches[0]);
        }
        for (index, launch) in self.whole.in_a_row().enumerate() {
            timestamps.write(pass, index);
            self.encode_one(pass, &step, launch);
        }
        timestamps.write(pass, self.described.len());
    }

    /// Runs this rank's part of a step, or of `half` of it, of which no other keeps anything to itself. Returns
    /// what is left to submit, and whether any rank has the `wish`.
    ///
    /// Errors where a rank does not answer, or the GPU failed.
    ///
    /// # Panics
    /// If no other rank shares the program: a bug of the caller.
    pub(super) fn run_shared(
        &self,
        gpu: &Gpu,
        mut encoder: wgpu::CommandEncoder,
        step: &Step,
        half: Option<Half>,
        wish: bool,
    ) -> Result<(wgpu::CommandEncoder, bool)> {
        let SharedWay { way, exchange } = self.shared.as_deref().expect("others share it");
        let launches = half.map_or(0..way.launches.len(), |half| way.half(half));
        let (mut at, mut agreed) = (launches.start, false);
        // All that is summed before the update belongs to the gradients.
        let is_due = |(before, _): &&(usize, Stage)| match half {
            Some(Half::Update) => *before > way.update,
            _ => *before <= launches.end,
        };
        for (before, stage) in way.meetings.iter().filter(is_due) {
            self.encode_pass(&mut encoder, step, &way.launches[at..*before]);
            agreed |= exchange.meet(gpu, encoder, &self.buffers, stage, wish)?;
            encoder = gpu
                .device()
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            at = *before;
        }
        self.encode_pass(&mut encoder, step, &way.launches[at..launches.end]);
        Ok((encoder, agreed))
    }

    fn encode_pass(&self, encoder: &mut wgpu::CommandEncoder, step: &Step, launches: &[Launch]) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        self.encode_all(&mut pass, step, launches);
    }

    fn encode_all(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step, launches: &[Launch]) {
        for launch in launches {
            self.encode_one(pass, step, launch);
        }
    }

    fn encode_one(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step, launch: &Launch) {
        let step = match launch.shard {
            None => *step,
            Some(shard) => step.on(&shards::range(step.batch as usize, shard)),
        };
        let (own, next) = launch.grids.split_at(launch.next);
        let groups =
            |grids: &[Grid], batch| -> u64 { grids.iter().map(|it| it.groups(batch)).sum() };
        let groups = groups(own, step.batch) + groups(next, step.next.batch);
        let [x, y] = folded(groups, self.workgroup_limit);
        pass.set_pipeline(&launch.pipeline.pipeline);
        pass.set_bind_group(0, &launch.bind_group, &[]);
        pass.set_immediates(0, bytemuck::bytes_of(&step));
        pass.dispatch_workgroups(x, y, 1);
    }

    /// Who shares its steps, if others do.
    pub(super) fn ranks(&self) -> Option<&Ranks> {
        self.shared.as_ref().map(|it| it.exchange.ranks())
    }

    /// How often ranks meet in a step.
    pub(super) fn meetings(&self) -> usize {
        self.shared.as_ref().map_or(0, |it| it.way.meetings.len())
    }

    /// Whether it computes a batch by shards; its row of metrics is then always the first.
    pub(super) fn by_shards(&self) -> bool {
        self.by_shards
    }

    /// Largest batch.
    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(super) fn described(&self) -> &[Described] {
        &self.described
    }

    /// The buffer of that index in [`Program::buffers`].
    pub fn buffer(&self, index: usize) -> &wgpu::Buffer {
        &self.buffers[index]
    }
}
