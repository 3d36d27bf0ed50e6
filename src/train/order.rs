//! The order in which an epoch visits the samples: a buffer of the trainer's own, filled on the GPU.

use crate::error::Result;
use crate::exec::{GpuProgram, SharedBuffers};
use crate::gpu::Gpu;
use crate::graph::{BufferSlice, BufferSpec, Dispatch, Phase, Program, Role};
use crate::kernels::{Scalar, Step, epoch_permutation};
use crate::random::{self, Purpose};

/// A data set's order, and the program that writes that of an epoch.
#[derive(Debug)]
pub(super) struct Order {
    program: GpuProgram,
    buffer: wgpu::Buffer,
    count: usize,
}

impl Order {
    /// The orders of `count` samples keyed by `seed`, or always file order where it is `None`; that
    /// of the first epoch is already written.
    pub(super) fn new(gpu: &Gpu, count: usize, seed: Option<u64>) -> Result<Self> {
        let buffer = gpu.storage("order", count as u64 * 4)?;
        let order = Self {
            program: program(gpu, count, seed, buffer.clone())?,
            buffer,
            count,
        };
        order.write(gpu, 0);
        Ok(order)
    }

    /// Goes on with the orders of another seed, in the same buffer.
    pub(super) fn rekey(&mut self, gpu: &Gpu, seed: Option<u64>) -> Result<()> {
        self.program = program(gpu, self.count, seed, self.buffer.clone())?;
        Ok(())
    }

    /// The buffer: image numbers by position.
    pub(super) fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    /// Submits the writing of the order of `epoch`, counted from 0.
    pub(super) fn write(&self, gpu: &Gpu, epoch: usize) {
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        let step = Step {
            epoch: epoch as u32,
            ..Step::default()
        };
        self.program.encode(&mut pass, &step);
        drop(pass);
        gpu.queue().submit([encoder.finish()]);
    }
}

fn program(gpu: &Gpu, count: usize, seed: Option<u64>, buffer: wgpu::Buffer) -> Result<GpuProgram> {
    let key = seed.map(|seed| random::key(seed, Purpose::Shuffle));
    let program = Program {
        capacity: count,
        buffers: vec![BufferSpec {
            role: Role::Order,
            scalar: Scalar::U32,
            len: count,
        }],
        dispatches: vec![Dispatch {
            label: "shuffle".to_owned(),
            phase: Phase::Forward,
            call: epoch_permutation::call(count, key.unwrap_or_default(), key.is_some()),
            slices: vec![BufferSlice {
                buffer: 0,
                offset: 0,
                len: count,
            }],
        }],
    };
    GpuProgram::new(gpu, &program, &SharedBuffers::from([(Role::Order, buffer)]))
}
