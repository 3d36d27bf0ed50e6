//! Floor 5: training. Data sets on the GPU, the trainer, its state, and the folder a run writes.
//! Never prints: it emits [`TrainEvent`]s.

mod advance;
mod checkpoint;
mod environment;
mod event;
mod find_lr;
mod folder;
mod metrics;
mod options;
mod order;
mod place;
mod plan;
mod replay;
mod resident;
mod run;
mod run_config;
mod schedule;
mod selection;
mod session;
mod state;
mod task;
mod trainer;
mod tune;
mod tuning_file;
mod weights;

pub use advance::Activity;
pub use checkpoint::{Checkpoint, DataRecord, SetRecord};
pub use environment::{Environment, EnvironmentRecord};
pub use event::TrainEvent;
pub use find_lr::{LrPoint, LrRange, suggest_lr};
pub use folder::RunFolder;
pub use metrics::{EpochMetrics, Metrics, Sums};
pub use options::TrainerOptions;
pub use plan::{MemoryNeed, Plan};
pub use resident::{ResidentDataset, ResidentSplit, SplitLayout, Subset};
pub use run::Run;
pub use run_config::{DEFAULT_CHECKPOINT_MINUTES, RunConfig};
pub use schedule::{LrSchedule, Plateau, ScheduleConfig};
pub use selection::{Best, Selection};
pub use session::Session;
pub use state::TrainState;
pub use task::{Column, Task};
pub use trainer::Trainer;
pub use tune::{Finding, TuneEvent, tune};
pub use tuning_file::TuningFile;
pub use weights::{load_weights, save_weights};
