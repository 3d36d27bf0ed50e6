//! Floor 6: a run on disk. What was asked for (`config.toml`), its folder, checkpoints, and how it goes on
//! from them. Never prints.

mod asked;
mod checkpoint;
mod differences;
mod environment;
mod folder;
mod job;
mod loading;
mod padding;
mod predictions;
mod reading;
mod record;
#[expect(
    clippy::module_inception,
    reason = "the run itself, beside what it is made of"
)]
mod run;
mod run_config;
mod task;
mod weights;

pub use checkpoint::Checkpoint;
pub use environment::{Environment, EnvironmentRecord};
pub use folder::RunFolder;
pub use job::{HostData, Job, JobData};
pub use padding::{Padding, SameSize};
pub use record::{DataRecord, SetRecord};
pub use run::Run;
pub use run_config::{MAX_SEED, OptimizerKind, RunArgs, RunConfig};
pub use task::{ClassWeights, Found, LossKind, ScaleRule, Task, WeightRule};
#[cfg(feature = "report")]
pub(crate) use weights::read_header;
pub use weights::{
    Metadata, SomeWeights, load_some_weights, load_weights, read_metadata, save_described_weights,
    save_weights,
};
