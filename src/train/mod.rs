//! Floor 5: training. Data sets on the GPU, the trainer, its state, and the folder a run writes.
//! Never prints: it emits [`TrainEvent`]s.

mod event;
mod folder;
mod memory;
mod metrics;
mod options;
mod programs;
mod resident;
mod run_config;
mod session;
mod state;
mod trainer;
mod weights;

pub use event::TrainEvent;
pub use folder::RunFolder;
pub use memory::MemoryNeed;
pub use metrics::{EpochMetrics, Metrics, Task};
pub use options::TrainerOptions;
pub use resident::{ResidentDataset, ResidentSplit};
pub use run_config::{Environment, RunConfig};
pub use session::Session;
pub use state::TrainState;
pub use trainer::{Subset, Trainer};
pub use weights::{load_weights, save_weights};
