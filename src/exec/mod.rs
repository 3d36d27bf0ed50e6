//! Floor 4: runs programs: on a GPU, on the processor and, for comparison, on the twins.

mod ceilings;
mod contest;
mod cpu;
mod described;
mod device;
mod exchange;
mod gpu;
mod kept;
mod launches;
mod not_finite;
mod pace;
mod profile;
mod rows;
mod stages;
mod submissions;
mod twins;

pub use ceilings::Ceilings;
pub use contest::{Contest, Winner};
pub use cpu::{Cpu, CpuProgram, HostBuffer, describe as describe_cpu};
pub use device::{Buffer, Device, Executable, SharedBuffers};
pub use gpu::{GpuBuffers, GpuProgram};
pub use kept::Kept;
pub use not_finite::NotFinite;
pub use profile::{Profile, Row as ProfileRow};
pub use rows::Row;
pub use submissions::{MAX_STEPS, Submissions, Traffic};
pub use twins::{Memory, TwinProgram};
