//! Floor 6: a kernel, on a GPU or of the processor's own, against its twin. Launches with their inputs,
//! how far a result may be off, and the [`cases`] that run every variant of every kernel.
//!
//! Both `gpu-train doctor` and the kernel tests stand on it: what is wrong comes back as a value,
//! which the one reports and the other asserts.

pub mod cases;
mod compare;
mod launch;
mod native;
pub mod numbers;
mod run;

pub use compare::{Comparison, Expected, Mismatch, Tolerance};
pub use launch::{Argument, Launch, Output, batch};
pub use native::run_cpu;
pub use run::{Submitted, SubmittedToGpu, run_gpu, run_twin};
