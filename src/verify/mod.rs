//! Floor 5: a kernel on the GPU against its CPU twin. Launches with their inputs, how far a result
//! may be off, and the [`cases`] that run every variant of every kernel.
//!
//! Both `gpu-train doctor` and the kernel tests stand on it: what is wrong comes back as a value,
//! which the one reports and the other asserts.

pub mod cases;
mod compare;
mod launch;
pub mod numbers;
mod run;

pub use compare::{Comparison, Expected, Mismatch, Tolerance};
pub use launch::{Argument, Launch, Output, batch};
pub use run::{Submitted, run_gpu, run_twin};
