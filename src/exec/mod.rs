//! Floor 4: runs programs, on the GPU and, for comparison, on the CPU twins.

mod cpu;
mod gpu;
mod submissions;

pub use cpu::{CpuProgram, Memory};
pub use gpu::{GpuProgram, SharedBuffers};
pub use submissions::{MAX_STEPS, Row, Submissions};
