//! Runs programs on the processor itself, by the kernels of [`crate::kernel::native`].

mod bound;
mod ceilings;
mod device;
mod memory;
mod program;

pub(super) use ceilings::measure as measure_ceilings;
pub use device::{Cpu, describe};
pub use memory::HostBuffer;
pub use program::CpuProgram;
