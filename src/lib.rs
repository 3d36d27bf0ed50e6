//! gpu-train trains small vision networks on any GPU that Vulkan, Metal or DX12 reaches.
//!
//! Hand-written WGSL kernels, scheduled by a small graph executor; see ARCHITECTURE.md for the
//! floors. A module imports only from floors below its own (`tests/architecture/` checks it).

// Floor 0: what everyone knows.
pub mod activation;
pub mod error;
mod files;
pub mod random;
pub mod shape;

// Floor 1: the contract of a kernel; data sets on the host, and where to get them.
pub mod data;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod kernel;

// Floor 2: the machine; graphs, derivatives, programs.
pub mod gpu;
pub mod graph;

// Floor 3: the operations, with their kernels.
pub mod ops;

// Floor 4: executors; nets.
pub mod exec;
pub mod nn;

// Floor 5: training; kernels against their twins.
pub mod train;
pub mod verify;

// Floor 6: reports of an adapter and of runs; sweeps; nets for other programs.
pub mod doctor;
pub mod export;
#[cfg(feature = "report")]
pub mod report;
pub mod sweep;

// Floor 7: the command line.
#[cfg(feature = "cli")]
pub mod cli;
