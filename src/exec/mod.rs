//! Floor 4: runs programs, on the GPU and, for comparison, on the CPU twins.

mod cpu;
mod gpu;

pub use cpu::{CpuProgram, Memory};
pub use gpu::{GpuProgram, SharedBuffers};
