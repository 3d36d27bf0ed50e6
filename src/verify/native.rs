//! Runs launches on the processor's own kernels.

use super::run::{between_sentinels, output};
use crate::error::Result;
use crate::exec::Cpu;
use crate::kernel::Slice;
use crate::kernel::case::{Argument, Launch, Output, SENTINELS};
use crate::kernel::native::{Part, Workspace};
use crate::kernel::shards::SHARDS;
use crate::kernel::{Access, Scalar};

/// Words of scratch: more than any launch takes.
const SCRATCH: usize = 1 << 21;

/// The outputs of the native kernel of one launch, on `cpu`.
///
/// Errors where it wrote outside of its buffers.
pub fn run_cpu(cpu: &Cpu, launch: &Launch) -> Result<Vec<Output>> {
    let arguments = launch.arguments.iter();
    let mut buffers: Vec<Vec<u32>> = arguments.map(between_sentinels).collect();
    let bindings = launch.call.kernel.bindings;
    let slices = buffers.iter_mut().zip(bindings);
    let slices = slices.zip(launch.arguments.iter().map(Argument::len));
    let mut slices: Vec<Slice<'_, f32>> = slices
        .map(|((words, binding), len)| {
            let inner = &mut words[SENTINELS..SENTINELS + len];
            match (binding.scalar, binding.access) {
                (Scalar::F32, Access::Read) => Slice::Real(bytemuck::cast_slice(inner)),
                (Scalar::F32, Access::ReadWrite) => Slice::RealMut(bytemuck::cast_slice_mut(inner)),
                (Scalar::U32, Access::Read) => Slice::Word(inner),
                (Scalar::U32, Access::ReadWrite) => Slice::WordMut(inner),
            }
        })
        .collect();
    let name = launch.call.kernel.name;
    cpu.within(|| {
        if cpu.breaks(name) {
            return;
        }
        let mut part = Part {
            shards: 0..SHARDS,
            step: launch.step,
            workspace: &mut Workspace::poisoned(SCRATCH),
        };
        launch.call.kernel.run(&launch.call, &mut part, &mut slices);
    });
    drop(slices);
    let written = launch.written();
    written
        .map(|(index, scalar)| output(launch, index, scalar, &buffers[index]))
        .collect()
}
