//! Where a step goes wrong: the first dispatch that writes a NaN or an infinity.

use std::fmt;

use super::GpuProgram;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Dispatch, Phase, Program};
use crate::kernels::{Access, Scalar, Step};

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
    /// Runs `step` of `program`, which was made from `plan`, one dispatch at a time, up to the first
    /// that writes a value that is not finite. What the step does not write must be finite before.
    pub fn find(
        gpu: &Gpu,
        program: &GpuProgram,
        plan: &Program,
        step: &Step,
    ) -> Result<Option<Self>> {
        for (index, dispatch) in plan.dispatches.iter().enumerate() {
            let mut encoder = gpu
                .device()
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            program.encode_dispatch(&mut pass, step, index);
            drop(pass);
            gpu.queue().submit([encoder.finish()]);
            if let Some(found) = Self::written_by(gpu, program, dispatch)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn written_by(gpu: &Gpu, program: &GpuProgram, dispatch: &Dispatch) -> Result<Option<Self>> {
        let kernel = dispatch.call.kernel;
        for (slice, binding) in dispatch.slices.iter().zip(kernel.bindings) {
            if binding.access != Access::ReadWrite || binding.scalar != Scalar::F32 {
                continue;
            }
            let (offset, bytes) = (slice.offset as u64 * 4, slice.len as u64 * 4);
            let bytes = gpu.read(program.buffer(slice.buffer), offset, bytes)?;
            let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
            let mut broken = floats.into_iter().filter(|it| !it.is_finite());
            if let Some(value) = broken.next() {
                return Ok(Some(Self {
                    layer: dispatch.label.clone(),
                    kernel: kernel.name,
                    buffer: binding.name,
                    phase: dispatch.phase,
                    value,
                    count: 1 + broken.count(),
                }));
            }
        }
        Ok(None)
    }
}
