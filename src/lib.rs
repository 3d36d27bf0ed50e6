//! gpu-train trains small vision networks on any GPU that Vulkan, Metal or DX12 reaches.
//!
//! Hand-written WGSL kernels, scheduled by a small graph executor; see ARCHITECTURE.md for the
//! floors. A module imports only from floors below its own (`tests/architecture.rs` checks it).

// Floor 0: what everyone knows.
pub mod activation;
pub mod error;
mod files;
pub mod kernel_limits;
pub mod random;
pub mod shape;
pub mod shards;
pub mod target;
pub mod tuning;

// Floor 1: the machine, data sets on the host, and where to get them.
pub mod data;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod gpu;

// Floor 2: the host side of the shaders.
pub mod kernels;

// Floor 3: their CPU twins; graphs, derivatives, programs.
pub mod graph;
pub mod reference;

// Floor 4: the kernels of the processor.
pub mod native;

// Floor 5: executors.
pub mod exec;
pub mod nn;

// Floor 6: training; kernels against their twins.
pub mod train;
pub mod verify;

// Floor 7: reports of an adapter and of runs; sweeps; nets for other programs.
pub mod doctor;
pub mod export;
#[cfg(feature = "report")]
pub mod report;
pub mod sweep;

// Floor 8: the command line.
#[cfg(feature = "cli")]
pub mod cli;
