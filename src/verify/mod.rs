//! Floor 5: runs the cases of kernels on a device, and says how far the outputs are from the twin's.
//!
//! Both `gpu-train doctor` and the kernel tests stand on it: what is wrong comes back as a value,
//! which the one reports and the other asserts.

mod compare;
mod native;
mod run;

pub use crate::kernel::case::{Argument, Case, Launch, Output, Tolerance, batch, run_twin};
pub use crate::kernel::numbers;
pub use compare::{Comparison, Expected, Mismatch};
pub use native::run_cpu;
pub use run::{Submitted, SubmittedToGpu, run_gpu};
