//! Runs launches: on a device, on a GPU many in one submission, and on the twins.

use super::native::run_cpu;
use crate::error::{Error, Result};
use crate::exec::{Cpu, Device, GpuBuffers, GpuProgram};
use crate::gpu::{Download, Gpu};
use crate::graph::{BufferSlice, BufferSpec, Dispatch, Extent, Phase, Program, Role};
use crate::kernel::Scalar;
use crate::kernel::case::{Argument, Launch, Output, SENTINEL, SENTINELS};

/// The GPU's outputs of one launch. Errors as [`SubmittedToGpu`] does.
pub fn run_gpu(gpu: &Gpu, launch: &Launch) -> Result<Vec<Output>> {
    let outputs = SubmittedToGpu::new(gpu, &[launch])?.read()?;
    Ok(outputs.into_iter().flatten().collect())
}

/// Launches on their way through a device.
#[derive(Debug)]
pub enum Submitted<'a> {
    /// All in one submission; the host is free meanwhile.
    Gpu(SubmittedToGpu<'a>),
    /// One after the other, when they are read.
    Cpu(&'a Cpu, Vec<&'a Launch>),
}

impl<'a> Submitted<'a> {
    /// Errors where a shader does not compile, or the adapter has no room.
    pub fn new(device: &'a Device, launches: &[&'a Launch]) -> Result<Self> {
        match device {
            Device::Gpu(gpu, _) => SubmittedToGpu::new(gpu, launches).map(Self::Gpu),
            Device::Cpu(cpu) => Ok(Self::Cpu(cpu, launches.to_vec())),
        }
    }

    /// Waits, and returns every launch's outputs.
    ///
    /// Errors where the device fails, or a kernel wrote outside of its buffers.
    pub fn read(self) -> Result<Vec<Vec<Output>>> {
        match self {
            Self::Gpu(submitted) => submitted.read(),
            Self::Cpu(cpu, launches) => launches.into_iter().map(|it| run_cpu(cpu, it)).collect(),
        }
    }
}

/// Launches on their way through a GPU.
#[derive(Debug)]
pub struct SubmittedToGpu<'a> {
    gpu: &'a Gpu,
    launches: Vec<&'a Launch>,
    download: Download,
    submission: wgpu::SubmissionIndex,
    bytes: usize,
}

impl<'a> SubmittedToGpu<'a> {
    /// Compiles, fills every buffer between sentinels, and submits.
    ///
    /// Errors where a shader does not compile, or the adapter has no room.
    pub fn new(gpu: &'a Gpu, launches: &[&'a Launch]) -> Result<Self> {
        let mut programs = Vec::new();
        for launch in launches {
            let program = GpuProgram::new(gpu, &program(launch), &GpuBuffers::new())?;
            for (index, argument) in launch.arguments.iter().enumerate() {
                let words = between_sentinels(argument);
                gpu.write(program.buffer(index), 0, bytemuck::cast_slice(&words))?;
            }
            programs.push(program);
        }
        let mut encoder = gpu
            .device()
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for (program, launch) in programs.iter().zip(launches) {
            program.encode(&mut pass, &launch.step);
        }
        drop(pass);
        let bytes = launches.iter().map(|it| read_bytes(it)).sum();
        let download = Download::new(gpu, "read back", bytes as u64)?;
        let mut at = 0;
        for (program, launch) in programs.iter().zip(launches) {
            for (index, _) in launch.written() {
                let length = bytes_of(&launch.arguments[index]) as u64;
                download.copy_from(&mut encoder, program.buffer(index), 0, at, length);
                at += length;
            }
        }
        let submission = gpu.queue().submit([encoder.finish()]);
        download.start();
        Ok(Self {
            gpu,
            launches: launches.to_vec(),
            download,
            submission,
            bytes,
        })
    }

    /// Waits, and returns every launch's outputs.
    ///
    /// Errors where the device fails, or a kernel wrote outside of its buffers.
    pub fn read(self) -> Result<Vec<Vec<Output>>> {
        self.gpu.wait(Some(self.submission))?;
        let words: Vec<u32> = self
            .download
            .take(|bytes| bytemuck::pod_collect_to_vec(&bytes[..self.bytes]))?;
        let mut rest = &words[..];
        let mut all = Vec::new();
        for launch in self.launches {
            let mut outputs = Vec::new();
            for (index, scalar) in launch.written() {
                let (buffer, after) = rest.split_at(launch.arguments[index].len() + 2 * SENTINELS);
                rest = after;
                outputs.push(output(launch, index, scalar, buffer)?);
            }
            all.push(outputs);
        }
        Ok(all)
    }
}

/// What lies between the sentinels of `buffer`, which must be whole.
pub(super) fn output(
    launch: &Launch,
    index: usize,
    scalar: Scalar,
    buffer: &[u32],
) -> Result<Output> {
    let inner = &buffer[SENTINELS..buffer.len() - SENTINELS];
    let before = buffer[..SENTINELS].iter();
    let mut outside = before.chain(&buffer[buffer.len() - SENTINELS..]);
    if outside.any(|word| *word != SENTINEL) {
        let kernel = launch.call.kernel;
        return Err(Error::gpu(
            format!(
                "{} wrote outside of its buffer {} ({})",
                kernel.name,
                kernel.bindings[index].name,
                launch.describe()
            ),
            "this is a bug in gpu-train or in the driver; try another `device` and report it",
        ));
    }
    Ok(match scalar {
        Scalar::F32 => {
            let floats = inner.iter().map(|&word| f64::from(f32::from_bits(word)));
            Output::Floats(floats.collect())
        }
        Scalar::U32 => Output::Words(inner.to_vec()),
    })
}

pub(super) fn between_sentinels(argument: &Argument) -> Vec<u32> {
    let mut words = vec![SENTINEL; SENTINELS];
    words.extend(argument.words());
    words.extend([SENTINEL; SENTINELS]);
    words
}

/// Bytes of the buffer that holds `argument`, sentinels included.
fn bytes_of(argument: &Argument) -> usize {
    (argument.len() + 2 * SENTINELS) * 4
}

/// Bytes of all that `launch` writes.
fn read_bytes(launch: &Launch) -> usize {
    let written = launch.written();
    written.map(|it| bytes_of(&launch.arguments[it.0])).sum()
}

/// A program of this one dispatch; every argument in a buffer of its own, between sentinels.
///
/// # Panics
/// If there is not one argument per binding: a bug of the caller.
fn program(launch: &Launch) -> Program {
    let bindings = launch.call.kernel.bindings;
    assert_eq!(
        bindings.len(),
        launch.arguments.len(),
        "one argument per binding"
    );
    let lens: Vec<usize> = launch.arguments.iter().map(Argument::len).collect();
    let specs = bindings.iter().zip(&lens).enumerate();
    let buffers = specs.map(|(index, (binding, len))| BufferSpec {
        role: Role::Scratch(index as u16),
        scalar: binding.scalar,
        len: SENTINELS + len + SENTINELS,
    });
    let slices = lens.iter().enumerate();
    let slices = slices.map(|(buffer, &len)| BufferSlice {
        buffer,
        offset: SENTINELS,
        len,
        extent: Extent::Whole,
    });
    let dispatch = Dispatch {
        label: "alone".to_owned(),
        phase: Phase::Forward,
        call: launch.call.clone(),
        slices: slices.collect(),
    };
    Program::of(
        launch.step.batch as usize,
        buffers.collect(),
        vec![dispatch],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::case::batch;
    use crate::ops::reduce::sum_partials;

    #[test]
    fn what_is_written_outside_is_an_error() {
        let launch = Launch {
            call: sum_partials::call(2, 4),
            step: batch(1),
            arguments: vec![Argument::Floats(vec![1.0; 8]), Argument::Poisoned(4)],
        };
        let whole = between_sentinels(&launch.arguments[1]);
        assert_eq!(whole.len() * 4, read_bytes(&launch));
        let read = |words: &[u32]| output(&launch, 1, Scalar::F32, words);
        assert!(read(&whole).is_ok());
        for at in [0, SENTINELS - 1, SENTINELS + 4, whole.len() - 1] {
            let mut words = whole.clone();
            words[at] = 0;
            let error = read(&words).expect_err("a sentinel is overwritten");
            let wanted = "sum_partials wrote outside of its buffer output (splits 2";
            assert!(error.to_string().starts_with(wanted), "{error}");
        }
    }
}
