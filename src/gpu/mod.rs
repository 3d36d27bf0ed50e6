//! Floor 2: the machine. Adapter choice, device, buffers, pipelines, downloads. Knows WGSL text,
//! not kernels.

mod adapter;
mod buffer;
mod device;
mod pipeline;
mod pipeline_cache;
mod timestamps;

pub use adapter::{AdapterDescription, adapters};
pub use buffer::{Download, Upload};
pub use device::{Gpu, GpuOptions};
pub use pipeline::{Pipeline, PipelineSpec};
pub use timestamps::Timestamps;
