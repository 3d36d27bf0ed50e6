//! Encodes a program for the GPU: pipelines, bind groups and buffers made once, then only
//! dispatches.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use super::described::Described;
use crate::error::Result;
use crate::gpu::{Gpu, Pipeline, PipelineSpec, Timestamps};
use crate::graph::{BufferSlice, Half, Program, Role};
use crate::kernel::limits::SLICE_ALIGNMENT;
use crate::kernel::{Access, Call, Grid, Step};

/// Buffers of a GPU that programs share, by role.
pub type GpuBuffers = HashMap<Role, wgpu::Buffer>;

/// A program made ready for one device.
#[derive(Debug)]
pub struct GpuProgram {
    buffers: Vec<wgpu::Buffer>,
    encoded: Vec<Encoded>,
    described: Vec<Described>,
    /// Where the update begins.
    update: usize,
    capacity: u32,
    workgroup_limit: u32,
}

#[derive(Debug)]
struct Encoded {
    pipeline: Arc<Pipeline>,
    bind_group: wgpu::BindGroup,
    grid: Grid,
}

impl GpuProgram {
    /// Compiles `program`; scratch is allocated, all other buffers are taken from `shared` (and
    /// allocated where missing).
    ///
    /// Errors where the program exceeds the adapter's limits or memory.
    pub fn new(gpu: &Gpu, program: &Program, shared: &GpuBuffers) -> Result<Self> {
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
        let encoded = program
            .dispatches
            .iter()
            .enumerate()
            .map(|(index, dispatch)| {
                let pipeline = gpu.pipeline(&pipeline_spec(&dispatch.call))?;
                let bind_group = bind_group(
                    gpu,
                    &pipeline,
                    &buffers,
                    &dispatch.slices,
                    params.entry(index),
                );
                Ok(Encoded {
                    pipeline,
                    bind_group,
                    grid: dispatch.call.grid,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            buffers,
            encoded,
            described: Described::of_program(program),
            update: program.half(Half::Update).start,
            capacity: program.capacity as u32,
            workgroup_limit: gpu.target().limits.workgroups,
        })
    }

    /// Records one step into `pass`.
    pub fn encode(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step) {
        for encoded in &self.encoded {
            self.encode_one(pass, step, encoded);
        }
    }

    /// Records half a step into `pass`.
    pub fn encode_half(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step, half: Half) {
        let (gradients, update) = self.encoded.split_at(self.update);
        let encoded = match half {
            Half::Gradients => gradients,
            Half::Update => update,
        };
        for encoded in encoded {
            self.encode_one(pass, step, encoded);
        }
    }

    /// Records the dispatch of that index in [`Program::dispatches`] into `pass`, alone.
    pub fn encode_dispatch(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step, index: usize) {
        self.encode_one(pass, step, &self.encoded[index]);
    }

    /// Records one step into `pass`, with a timestamp before every dispatch and one at the end.
    pub fn encode_timed(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        step: &Step,
        timestamps: &Timestamps,
    ) {
        for (index, encoded) in self.encoded.iter().enumerate() {
            timestamps.write(pass, index);
            self.encode_one(pass, step, encoded);
        }
        timestamps.write(pass, self.encoded.len());
    }

    fn encode_one(&self, pass: &mut wgpu::ComputePass<'_>, step: &Step, encoded: &Encoded) {
        let [x, y] = encoded.grid.workgroups(step.batch, self.workgroup_limit);
        pass.set_pipeline(&encoded.pipeline.pipeline);
        pass.set_bind_group(0, &encoded.bind_group, &[]);
        pass.set_immediates(0, bytemuck::bytes_of(step));
        pass.dispatch_workgroups(x, y, 1);
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
struct Params {
    buffer: wgpu::Buffer,
    slots: Vec<(u64, NonZeroU64)>,
}

impl Params {
    fn upload(gpu: &Gpu, program: &Program) -> Result<Self> {
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
