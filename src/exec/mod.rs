//! Floor 4: runs programs, on the GPU and, for comparison, on the CPU twins.

mod ceilings;
mod contest;
mod cpu;
mod gpu;
mod not_finite;
mod profile;
mod submissions;

pub use ceilings::Ceilings;
pub use contest::{Contest, Winner};
pub use cpu::{CpuProgram, Memory};
pub use gpu::{GpuProgram, SharedBuffers};
pub use not_finite::NotFinite;
pub use profile::{Profile, Row as ProfileRow};
pub use submissions::{Kept, MAX_STEPS, Row, Submissions, Traffic};
