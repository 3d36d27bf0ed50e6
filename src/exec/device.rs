//! What programs run on: a GPU, or the processor. The same calls for both.

use std::collections::HashMap;

use super::cpu::{Cpu, CpuProgram, HostBuffer};
use super::described::Described;
use super::gpu::GpuProgram;
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Gpu, GpuOptions, Upload};
use crate::graph::{Half, Program, Role};
use crate::kernel::Step;
use crate::kernel::target::Target;
use crate::ranks::Ranks;

/// A device that is open.
#[derive(Debug)]
pub enum Device {
    /// A GPU, or a driver that makes one of the processor; and who shares every batch.
    Gpu(Box<Gpu>, Ranks),
    /// The processor itself.
    Cpu(Box<Cpu>),
}

/// A buffer of a device. Clones are the same buffer.
#[derive(Debug, Clone)]
pub enum Buffer {
    /// Of a GPU.
    Gpu(wgpu::Buffer),
    /// Of the processor.
    Cpu(HostBuffer),
}

/// Buffers that programs share, by role.
pub type SharedBuffers = HashMap<Role, Buffer>;

/// A program made ready for a device.
#[derive(Debug)]
pub enum Executable {
    /// For a GPU.
    Gpu(GpuProgram),
    /// For the processor.
    Cpu(Box<CpuProgram>),
}

/// Why buffers and programs of two devices do not go together.
pub(super) const MIXED: &str = "buffers and programs belong to the device they were made for";

impl Device {
    /// Opens the device that `options` name: an adapter, or `cpu`. Without a name a GPU, and where there
    /// is none the processor; an adapter that is software has to be named.
    ///
    /// Errors where there is none of that name, or it lacks what kernels need.
    pub fn open(options: &GpuOptions) -> Result<Self> {
        Self::open_shared(options, Ranks::default())
    }

    /// The same for a rank, which shares every batch with the other `ranks`.
    ///
    /// Errors as [`Device::open`].
    pub fn open_shared(options: &GpuOptions, ranks: Ranks) -> Result<Self> {
        let gpu = match options.device.as_deref() {
            Some(Cpu::NAME) => None,
            Some(_) => Some(Gpu::open(options)?),
            None => Gpu::open_hardware(options)?,
        };
        match gpu {
            None => {
                let cpu = Cpu::open(options)?.shared_by(ranks);
                Ok(Self::Cpu(Box::new(cpu)))
            }
            Some(gpu) => Ok(Self::Gpu(Box::new(gpu), ranks)),
        }
    }

    /// Who shares every batch.
    pub fn ranks(&self) -> Ranks {
        match self {
            Self::Gpu(_, ranks) => ranks.clone(),
            Self::Cpu(cpu) => cpu.ranks().clone(),
        }
    }

    /// What it is.
    pub fn description(&self) -> &AdapterDescription {
        match self {
            Self::Gpu(gpu, _) => gpu.description(),
            Self::Cpu(cpu) => cpu.description(),
        }
    }

    /// What programs for it are compiled for.
    pub fn target(&self) -> &Target {
        &self.description().target
    }

    /// The GPU; errors on the processor, where there is no `what`.
    pub fn gpu(&self, what: &str) -> Result<&Gpu> {
        match self {
            Self::Gpu(gpu, _) => Ok(gpu),
            Self::Cpu(_) => Err(Error::usage(
                format!("{what} needs a GPU, and this is the processor"),
                "name an adapter with `device`; `gpu-train devices` lists them",
            )),
        }
    }

    /// The first failure that the device reported on its own, if any.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Gpu(gpu, ranks) => gpu.check().and_then(|()| ranks.check()),
            Self::Cpu(cpu) => cpu.ranks().check(),
        }
    }

    /// A zeroed buffer of `bytes`; errors where there is no room for it.
    pub fn storage(&self, label: &str, bytes: u64) -> Result<Buffer> {
        match self {
            Self::Gpu(gpu, _) => gpu.storage(label, bytes).map(Buffer::Gpu),
            Self::Cpu(_) => HostBuffer::new(label, bytes.div_ceil(4) as usize).map(Buffer::Cpu),
        }
    }

    /// Writes `bytes` at byte `offset`, a multiple of four, before whatever runs next.
    pub fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<()> {
        self.write_pieces(buffer, offset, [Ok(bytes)])
    }

    /// Writes `pieces` one behind the other from byte `offset` on.
    pub fn write_pieces<'p>(
        &self,
        buffer: &Buffer,
        offset: u64,
        pieces: impl IntoIterator<Item = Result<&'p [u8]>>,
    ) -> Result<()> {
        match self {
            Self::Gpu(gpu, _) => {
                let mut upload = Upload::new(gpu, buffer.gpu(), offset);
                for piece in pieces {
                    upload.push(piece?)?;
                }
                upload.finish()
            }
            Self::Cpu(_) => {
                let mut at = offset as usize;
                for piece in pieces {
                    let piece = piece?;
                    buffer.cpu().write(at, piece);
                    at += piece.len();
                }
                Ok(())
            }
        }
    }

    /// Zeroes all of `buffers`.
    pub fn clear<'b>(&self, buffers: impl IntoIterator<Item = &'b Buffer>) {
        match self {
            Self::Gpu(gpu, _) => {
                let descriptor = wgpu::CommandEncoderDescriptor::default();
                let mut encoder = gpu.device().create_command_encoder(&descriptor);
                for buffer in buffers {
                    encoder.clear_buffer(buffer.gpu(), 0, None);
                }
                gpu.queue().submit([encoder.finish()]);
            }
            Self::Cpu(_) => buffers.into_iter().for_each(|it| it.cpu().clear()),
        }
    }

    /// Bytes `offset..offset + length` of `buffer`, after all work so far.
    pub fn read(&self, buffer: &Buffer, offset: u64, length: u64) -> Result<Vec<u8>> {
        match self {
            Self::Gpu(gpu, _) => gpu.read(buffer.gpu(), offset, length),
            Self::Cpu(_) => Ok(buffer.cpu().read(offset as usize, length as usize)),
        }
    }

    /// Waits until all work so far is done.
    pub fn wait(&self) -> Result<()> {
        match self {
            Self::Gpu(gpu, _) => gpu.wait(None),
            Self::Cpu(_) => Ok(()),
        }
    }

    /// Keeps what the driver compiled for the next process, where there is a folder for it.
    pub fn keep_pipelines(&self) -> Result<()> {
        match self {
            Self::Gpu(gpu, _) => gpu.keep_pipelines(),
            Self::Cpu(_) => Ok(()),
        }
    }

    /// Runs one step of `program` on its own: for what happens seldom, such as an epoch's order.
    pub fn run_once(&self, program: &Executable, step: &Step) {
        match (self, program) {
            (Self::Gpu(gpu, _), Executable::Gpu(program)) => {
                let descriptor = wgpu::CommandEncoderDescriptor::default();
                let mut encoder = gpu.device().create_command_encoder(&descriptor);
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                program.encode(&mut pass, step);
                drop(pass);
                gpu.queue().submit([encoder.finish()]);
            }
            (Self::Cpu(_), Executable::Cpu(program)) => program.within(|| program.run(step)),
            _ => panic!("{MIXED}"),
        }
    }

    /// Runs half a step of `program`: what is written to buffers before the other half, that reads.
    ///
    /// Errors where another rank shares it and does not answer.
    pub fn run_half(&self, program: &Executable, step: &Step, half: Half) -> Result<()> {
        match (self, program) {
            (Self::Gpu(gpu, _), Executable::Gpu(program)) => {
                let descriptor = wgpu::CommandEncoderDescriptor::default();
                let mut encoder = gpu.device().create_command_encoder(&descriptor);
                if program.ranks().is_some() {
                    (encoder, _) = program.run_shared(gpu, encoder, step, Some(half), false)?;
                } else {
                    let descriptor = wgpu::ComputePassDescriptor::default();
                    let mut pass = encoder.begin_compute_pass(&descriptor);
                    program.encode_half(&mut pass, step, half);
                }
                gpu.queue().submit([encoder.finish()]);
                Ok(())
            }
            (Self::Cpu(_), Executable::Cpu(program)) => {
                program.within(|| program.run_half(step, half));
                program.ranks().check()
            }
            _ => panic!("{MIXED}"),
        }
    }
}

impl Buffer {
    /// Bytes that it holds at least.
    pub fn size(&self) -> u64 {
        match self {
            Self::Gpu(buffer) => buffer.size(),
            Self::Cpu(buffer) => buffer.size(),
        }
    }

    /// The GPU's.
    ///
    /// # Panics
    /// If it is the processor's: a bug of the caller, as with the other.
    pub(super) fn gpu(&self) -> &wgpu::Buffer {
        match self {
            Self::Gpu(buffer) => buffer,
            Self::Cpu(_) => panic!("{MIXED}"),
        }
    }

    /// The processor's.
    pub(super) fn cpu(&self) -> &HostBuffer {
        match self {
            Self::Cpu(buffer) => buffer,
            Self::Gpu(_) => panic!("{MIXED}"),
        }
    }
}

impl Executable {
    /// Makes `program` ready for `device`; scratch is allocated, all other buffers are taken from
    /// `shared` (and allocated where missing).
    ///
    /// Errors where the program exceeds the device's limits or memory.
    pub fn new(device: &Device, program: &Program, shared: &SharedBuffers) -> Result<Self> {
        match device {
            Device::Gpu(gpu, ranks) => {
                let shared = shared.iter();
                let shared = shared.map(|(role, buffer)| (*role, buffer.gpu().clone()));
                GpuProgram::shared_by(ranks, gpu, program, &shared.collect()).map(Self::Gpu)
            }
            Device::Cpu(cpu) => {
                program.check(&cpu.description().target.limits)?;
                let shared = |role| shared.get(&role).map(|it: &Buffer| it.cpu().clone());
                CpuProgram::new(cpu, program, shared).map(|it| Self::Cpu(Box::new(it)))
            }
        }
    }

    /// Who shares its steps, if others do.
    pub(super) fn ranks(&self) -> Option<&Ranks> {
        match self {
            Self::Gpu(program) => program.ranks(),
            Self::Cpu(program) => Some(program.ranks()).filter(|it| !it.is_alone()),
        }
    }

    pub(super) fn described(&self) -> &[Described] {
        match self {
            Self::Gpu(program) => program.described(),
            Self::Cpu(program) => program.described(),
        }
    }

    /// Largest batch.
    pub(super) fn capacity(&self) -> u32 {
        match self {
            Self::Gpu(program) => program.capacity(),
            Self::Cpu(program) => program.capacity(),
        }
    }
}
