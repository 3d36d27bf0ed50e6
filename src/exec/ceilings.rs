//! What a device can do at best, measured: the yardstick of profiles.

use std::time::Instant;

use super::cpu::measure_ceilings;
use super::device::Device;
use crate::error::Result;
use crate::gpu::{Gpu, PipelineSpec};
use crate::kernel::target::AdapterKind;
use crate::kernel::wgsl;

/// Measured limits of a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceilings {
    /// Floating-point operations per second: in registers alone, on the processor in products.
    pub flops: f64,
    /// Bytes per second that loads bring: of vec4 from storage, on the processor from its caches.
    pub load_bytes: f64,
    /// Seconds that an empty dispatch takes which depends on the one before it; on the processor, that
    /// all threads take to meet.
    pub dispatch_seconds: f64,
}

/// One measurement.
struct Probe {
    source: &'static str,
    name: &'static str,
    workgroups: u32,
    dispatches: u32,
}

const WORKGROUP_SIZE: u32 = 64;
/// Rounds of the loops in `shaders/ceilings/`, and what a thread does in one.
const ROUNDS: u32 = 256;
const FLOPS_PER_ROUND: u32 = 8 * 8;
const BYTES_PER_ROUND: u32 = 4 * 16;
/// Loads walk over a buffer of this many vec4: it stays in the caches.
const QUADS: u64 = 1 << 12;
/// Best of so many: noise only ever slows down.
const TRIES: usize = 3;

impl Ceilings {
    /// Measures `device`: about half a second.
    pub fn measure(device: &Device) -> Result<Self> {
        match device {
            Device::Gpu(gpu, _) => Self::of_gpu(gpu),
            Device::Cpu(cpu) => Ok(measure_ceilings(cpu)),
        }
    }

    fn of_gpu(gpu: &Gpu) -> Result<Self> {
        let workgroups = match gpu.target().kind {
            AdapterKind::Software => 256,
            AdapterKind::Gpu | AdapterKind::Cpu => 16_384,
        };
        let threads = f64::from(workgroups * WORKGROUP_SIZE * ROUNDS);
        let probe = |name, source, workgroups, dispatches| Probe {
            source,
            name,
            workgroups,
            dispatches,
        };
        let multiply_add = include_str!("../../shaders/ceilings/multiply_add.wgsl");
        let load = include_str!("../../shaders/ceilings/load.wgsl");
        let empty = include_str!("../../shaders/ceilings/empty.wgsl");
        let compute = probe("ceiling multiply_add", multiply_add, workgroups, 1).seconds(gpu)?;
        let load = probe("ceiling load", load, workgroups, 1).seconds(gpu)?;
        let empty = probe("ceiling empty", empty, 1, 1000).seconds(gpu)?;
        Ok(Self {
            flops: threads * f64::from(FLOPS_PER_ROUND) / compute,
            load_bytes: threads * f64::from(BYTES_PER_ROUND) / load,
            dispatch_seconds: empty / 1000.0,
        })
    }
}

impl Probe {
    /// The fewest seconds that it took.
    fn seconds(&self, gpu: &Gpu) -> Result<f64> {
        let pipeline = gpu.pipeline(&PipelineSpec {
            label: self.name.to_owned(),
            wgsl: wgsl::assemble(self.source, &[]),
            read_only: vec![true, false],
            workgroup_size: WORKGROUP_SIZE,
        })?;
        let input = gpu.storage("ceiling input", QUADS * 16)?;
        let threads = u64::from(self.workgroups * WORKGROUP_SIZE);
        let output = gpu.storage("ceiling output", threads * 16)?;
        let rounds = gpu.uniform("ceiling rounds", 16)?;
        gpu.write(&rounds, 0, bytemuck::cast_slice(&[ROUNDS, 0, 0, 0]))?;
        let bind_group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: input.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: output.as_entire_binding(),
                },
                wgpu::BindGroupEntry {
                    binding: 2,
                    resource: rounds.as_entire_binding(),
                },
            ],
        });
        let run = || {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let mut encoder = gpu.device().create_command_encoder(&descriptor);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline.pipeline);
            pass.set_bind_group(0, &bind_group, &[]);
            for _ in 0..self.dispatches {
                pass.dispatch_workgroups(self.workgroups, 1, 1);
            }
            drop(pass);
            let start = Instant::now();
            let submission = gpu.queue().submit([encoder.finish()]);
            gpu.wait(Some(submission))?;
            Ok(start.elapsed().as_secs_f64())
        };
        run()?;
        let tries = (0..TRIES).map(|_| run()).collect::<Result<Vec<f64>>>()?;
        Ok(tries.into_iter().fold(f64::INFINITY, f64::min))
    }
}
