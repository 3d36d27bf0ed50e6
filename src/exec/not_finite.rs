//! Where a step goes wrong: the first dispatch that writes a NaN or an infinity.

use std::fmt;

use super::cpu::CpuProgram;
use super::device::{Device, Executable, MIXED};
use super::gpu::GpuProgram;
use super::launches::part_of;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{BufferSlice, Dispatch, Phase, Program};
use crate::kernel::Slice;
use crate::kernel::shards::SHARDS;
use crate::kernel::{Access, Binding, Scalar, Step};

/// What a dispatch wrote that is not finite.
#[derive(Debug, Clone, PartialEq)]
pub struct NotFinite {
    /// The layer.
    pub layer: String,
    /// The kernel.
    pub kernel: &'static str,
    /// The kernel's buffer that holds the values.
    pub buffer: &'static str,
    /// Part of the step.
    pub phase: Phase,
    /// The first such value.
    pub value: f32,
    /// How many there are.
    pub count: usize,
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            layer,
            kernel,
            buffer,
            phase,
            value,
            count,
        } = self;
        let what = match phase {
            Phase::Forward => "the output",
            Phase::Backward | Phase::ReduceGradients => "the gradient",
            Phase::Update => "the update",
        };
        let values = if *count == 1 { "value" } else { "values" };
        write!(
            f,
            "{what} of {layer} is the first that is not finite: {count} {values} such as {value} \
             ({buffer} of {kernel})"
        )
    }
}

impl NotFinite {
    /// Runs `step` of `program`, which was made from `plan`, one dispatch (of a shard, where an adapter computes by them) at a time, up to the first
    /// that writes a value that is not finite. What the step does not write must be finite before.
    pub fn find(
        device: &Device,
        program: &Executable,
        plan: &Program,
        step: &Step,
    ) -> Result<Option<Self>> {
        match (device, program) {
            (Device::Gpu(gpu, _), Executable::Gpu(program)) => on_gpu(gpu, program, plan, step),
            (Device::Cpu(_), Executable::Cpu(program)) => Ok(on_cpu(program, plan, step)),
            _ => panic!("{MIXED}"),
        }
    }

    /// What of `floats`, which `dispatch` wrote to `binding`, is not finite; `None` where all is.
    fn among(floats: &[f32], dispatch: &Dispatch, binding: &Binding) -> Option<Self> {
        let mut broken = floats.iter().filter(|it| !it.is_finite());
        let value = *broken.next()?;
        Some(Self {
            layer: dispatch.label.clone(),
            kernel: dispatch.call.kernel.name,
            buffer: binding.name,
            phase: dispatch.phase,
            value,
            count: 1 + broken.count(),
        })
    }
}

fn on_gpu(
    gpu: &Gpu,
    program: &GpuProgram,
    plan: &Program,
    step: &Step,
) -> Result<Option<NotFinite>> {
    for (index, (dispatches, shard)) in program.launches().enumerate() {
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        program.encode_launch(&mut pass, step, index);
        drop(pass);
        gpu.queue().submit([encoder.finish()]);
        let dispatches = plan.dispatches[dispatches].iter();
        let written = dispatches.flat_map(|it| written_floats(it).map(move |pair| (it, pair)));
        for (dispatch, (slice, binding)) in written {
            let slice = part_of(slice, &dispatch.call, shard, &(0..SHARDS));
            let (offset, bytes) = (slice.offset as u64 * 4, slice.len as u64 * 4);
            let bytes = gpu.read(program.buffer(slice.buffer), offset, bytes)?;
            let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
            let found = NotFinite::among(&floats, dispatch, binding);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Shards go through several dispatches before the next shard begins: of all that is found, the
/// earliest dispatch counts, with what all shards wrote there.
fn on_cpu(program: &CpuProgram, plan: &Program, step: &Step) -> Option<NotFinite> {
    let mut first: Option<(usize, NotFinite)> = None;
    program.watch(step, |index, slices| {
        let dispatch = &plan.dispatches[index];
        let bindings = dispatch.call.kernel.bindings.iter().zip(slices);
        for (binding, slice) in bindings {
            let Slice::RealMut(floats) = slice else {
                continue;
            };
            let Some(found) = NotFinite::among(floats, dispatch, binding) else {
                continue;
            };
            match &mut first {
                Some((at, known)) if *at == index && known.buffer == found.buffer => {
                    known.count += found.count;
                }
                Some((at, _)) if *at <= index => {}
                _ => first = Some((index, found)),
            }
        }
    });
    first.map(|(_, found)| found)
}

/// The floats that `dispatch` writes.
fn written_floats(dispatch: &Dispatch) -> impl Iterator<Item = (&BufferSlice, &Binding)> {
    let slices = dispatch.slices.iter().zip(dispatch.call.kernel.bindings);
    slices.filter(|(_, it)| it.access == Access::ReadWrite && it.scalar == Scalar::F32)
}
