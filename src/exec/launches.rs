//! The launches of a program: pipelines, bind groups and Params, made once.

use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use super::stages::{Stage, Stages};
use crate::error::Result;
use crate::gpu::{Gpu, Pipeline, PipelineSpec};
use crate::graph::{BufferSlice, Extent, Half, Program, workgroup_size};
use crate::kernel::limits::SLICE_ALIGNMENT;
use crate::kernel::merged::merge;
use crate::kernel::shards::SHARDS;
use crate::kernel::{Access, Call, Grid};

/// Launches in order, and where ranks meet.
#[derive(Debug)]
pub(super) struct Way {
    pub launches: Vec<Launch>,
    /// The last of them with the first one of the step that follows, where that can be beside it.
    pub last_and_next: Option<Launch>,
    /// Sums and parts to exchange, each with the number of launches before.
    pub meetings: Vec<(usize, Stage)>,
    /// Where the update begins.
    pub update: usize,
}

/// A dispatch on all of the batch or on a shard of it, or several of them side by side.
#[derive(Debug)]
pub(super) struct Launch {
    pub pipeline: Arc<Pipeline>,
    pub bind_group: wgpu::BindGroup,
    pub grids: Vec<Grid>,
    /// Grids before those of the step that follows.
    pub next: usize,
    /// Positions in [`Program::dispatches`], but for those of the step that follows.
    pub dispatches: Range<usize>,
    pub shard: Option<usize>,
}

impl Way {
    /// The way through `program` on `shards` of the batch, where it computes that by shards.
    pub(super) fn new(
        gpu: &Gpu,
        program: &Program,
        buffers: &[wgpu::Buffer],
        params: &Params,
        shards: &Range<usize>,
    ) -> Result<Self> {
        let launch = |(dispatches, shard): Turn, next: Range<usize>| -> Result<Launch> {
            let [all, following] = [&dispatches, &next].map(|it| &program.dispatches[it.clone()]);
            let all: Vec<_> = all.iter().chain(following).collect();
            let calls = all.iter().map(|it| &it.call);
            let size = workgroup_size(calls.clone()).expect("the plan asked for it");
            let calls = calls.map(|it| it.in_workgroups_of(size).expect("has a size for all"));
            let calls: Vec<Call> = calls.collect();
            let parts = all.iter().map(|it| {
                let slices = it.slices.iter();
                slices
                    .map(|slice| part_of(slice, &it.call, shard, shards))
                    .collect()
            });
            let parts: Vec<Vec<BufferSlice>> = parts.collect();
            let pairs = calls
                .iter()
                .zip(&parts)
                .map(|(call, slices)| (call, &slices[..]));
            let (spec, slices) = if let ([call], [slices]) = (&calls[..], &parts[..]) {
                (pipeline_spec(call), slices.clone())
            } else {
                let merged = merge(
                    &pairs.collect::<Vec<_>>(),
                    dispatches.len(),
                    size,
                    |a, b| a.buffer == b.buffer,
                );
                let names = calls.iter().map(|it| it.kernel.name);
                let spec = PipelineSpec {
                    label: names.collect::<Vec<_>>().join(" + "),
                    wgsl: merged.wgsl,
                    read_only: merged.read_only,
                    workgroup_size: size,
                };
                (spec, merged.slices)
            };
            let pipeline = gpu.pipeline(&spec)?;
            let params = params.entry(dispatches.start);
            Ok(Launch {
                bind_group: bind_group(gpu, &pipeline, buffers, &slices, params),
                pipeline,
                grids: calls.iter().map(|it| it.grid).collect(),
                next: dispatches.len(),
                dispatches,
                shard,
            })
        };
        let (order, meetings, update) = if program.by_shards {
            in_shards(&Stages::new(program), shards)
        } else {
            let all = program.launches.iter().map(|it| (it.clone(), None));
            let start = program.half(Half::Update).start;
            let update = program.launches.partition_point(|it| it.start < start);
            (all.collect(), Vec::new(), update)
        };
        let last = order.last().cloned().filter(|_| program.prepares);
        let last_and_next = last.map(|it| launch(it, program.launches[0].clone()));
        let launches = order.into_iter().map(|it| launch(it, 0..0));
        Ok(Self {
            launches: launches.collect::<Result<_>>()?,
            last_and_next: last_and_next.transpose()?,
            meetings,
            update,
        })
    }

    /// The launches of a step that follows one and that another one follows.
    pub(super) fn in_a_row(&self) -> impl Iterator<Item = &Launch> {
        let is_shared = usize::from(self.last_and_next.is_some());
        let own = &self.launches[is_shared..self.launches.len() - is_shared];
        own.iter().chain(&self.last_and_next)
    }

    /// Positions of the launches of that half of a step.
    pub(super) fn half(&self, half: Half) -> Range<usize> {
        match half {
            Half::Gradients => 0..self.update,
            Half::Update => self.update..self.launches.len(),
        }
    }
}

/// Dispatches of one launch, and the shard that they are of, if they are of one alone.
type Turn = (Range<usize>, Option<usize>);

/// The launches of `stages` on `shards` in order, what is exchanged after how many of them, and how many come before
/// the update.
fn in_shards(stages: &Stages, shards: &Range<usize>) -> (Vec<Turn>, Vec<(usize, Stage)>, usize) {
    let (mut order, mut meetings, mut update): (Vec<Turn>, _, _) = (Vec::new(), Vec::new(), 0);
    for half in [Half::Gradients, Half::Update] {
        for stage in stages.half(half) {
            match stage {
                Stage::Batch(dispatch) => order.push((*dispatch..*dispatch + 1, None)),
                Stage::Shards(dispatches) => {
                    for shard in shards.clone() {
                        order.extend(dispatches.clone().map(|it| (it..it + 1, Some(shard))));
                    }
                }
                Stage::Sum(_) | Stage::Gather(_) => meetings.push((order.len(), stage.clone())),
            }
        }
        if half == Half::Gradients {
            update = order.len();
        }
    }
    (order, meetings, update)
}

/// What of `slice` a launch of `call` binds on `shard` of the batch, or on all of `shards`.
pub(super) fn part_of(
    slice: &BufferSlice,
    call: &Call,
    shard: Option<usize>,
    shards: &Range<usize>,
) -> BufferSlice {
    let Extent::Shards(stride) = slice.extent else {
        return *slice;
    };
    let shards = match shard {
        Some(shard) => shard..shard + 1,
        None if call.sums_shards => shards.clone(),
        None => 0..SHARDS,
    };
    BufferSlice {
        offset: slice.offset + shards.start * stride,
        len: shards.len() * stride,
        ..*slice
    }
}

/// The pipeline that `call` needs.
fn pipeline_spec(call: &Call) -> PipelineSpec {
    let bindings = call.kernel.bindings.iter();
    PipelineSpec {
        label: call.kernel.name.to_owned(),
        wgsl: call.kernel.wgsl(call.variant),
        read_only: bindings
            .map(|binding| binding.access == Access::Read)
            .collect(),
        workgroup_size: call.grid.workgroup_size,
    }
}

/// The Params of every dispatch, in one uniform buffer.
pub(super) struct Params {
    buffer: wgpu::Buffer,
    slots: Vec<(u64, NonZeroU64)>,
}

impl Params {
    pub(super) fn upload(gpu: &Gpu, program: &Program) -> Result<Self> {
        let mut bytes: Vec<u8> = Vec::new();
        let mut slots = Vec::new();
        for dispatch in &program.dispatches {
            let words: &[u8] = bytemuck::cast_slice(&dispatch.call.params);
            let offset = bytes.len().next_multiple_of(SLICE_ALIGNMENT as usize);
            bytes.resize(offset, 0);
            bytes.extend_from_slice(words);
            let size = NonZeroU64::new(words.len() as u64).unwrap_or(NonZeroU64::MIN);
            slots.push((offset as u64, size));
        }
        let buffer = gpu.uniform("params", bytes.len() as u64)?;
        gpu.write(&buffer, 0, &bytes)?;
        Ok(Self { buffer, slots })
    }

    fn entry(&self, index: usize) -> wgpu::BindingResource<'_> {
        let (offset, size) = self.slots[index];
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset,
            size: Some(size),
        })
    }
}

fn bind_group(
    gpu: &Gpu,
    pipeline: &Pipeline,
    buffers: &[wgpu::Buffer],
    slices: &[BufferSlice],
    params: wgpu::BindingResource<'_>,
) -> wgpu::BindGroup {
    let storage = slices.iter().map(|slice| {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &buffers[slice.buffer],
            offset: slice.offset as u64 * 4,
            size: NonZeroU64::new(slice.len as u64 * 4),
        })
    });
    let entries: Vec<wgpu::BindGroupEntry<'_>> = storage
        .chain([params])
        .zip(0..)
        .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
        .collect();
    gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.layout,
        entries: &entries,
    })
}
