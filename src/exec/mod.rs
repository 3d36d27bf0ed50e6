//! Floor 4: runs programs: on a GPU, on the processor and, for comparison, on the twins.

mod ceilings;
mod contest;
mod cpu;
mod described;
mod device;
mod gpu;
mod not_finite;
mod pace;
mod profile;
mod submissions;
mod twins;

pub use ceilings::Ceilings;
pub use contest::{Contest, Winner};
pub use cpu::{Cpu, CpuProgram, HostBuffer, describe as describe_cpu};
pub use device::{Buffer, Device, Executable, SharedBuffers};
pub use gpu::{GpuBuffers, GpuProgram};
pub use not_finite::NotFinite;
pub use profile::{Profile, Row as ProfileRow};
pub use submissions::{Kept, MAX_STEPS, Row, Submissions, Traffic};
pub use twins::{Memory, TwinProgram};
