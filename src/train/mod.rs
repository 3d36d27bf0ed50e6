//! Floor 5: training. Data sets on the GPU, the trainer, its state, and the folder a run writes.
//! Never prints: it emits [`TrainEvent`]s.

mod advance;
mod checkpoint;
mod environment;
mod evaluation;
mod event;
mod folder;
mod metrics;
mod options;
mod order;
mod place;
mod plan;
mod predictor;
mod replay;
mod resident;
mod run;
mod run_config;
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
pub use evaluation::{Confusion, DigitError, Evaluation};
pub use event::TrainEvent;
pub use folder::RunFolder;
pub use metrics::{EpochMetrics, Metrics, Sums};
pub use options::TrainerOptions;
pub use plan::{MemoryNeed, Plan};
pub use predictor::{Predictions, Predictor, PredictorOptions};
pub use resident::{ResidentDataset, ResidentSplit, SplitLayout};
pub use run::Run;
pub use run_config::{DEFAULT_CHECKPOINT_MINUTES, RunConfig};
pub use session::Session;
pub use state::TrainState;
pub use task::{Column, Task};
pub use trainer::{Subset, Trainer};
pub use tune::{Finding, TuneEvent, tune};
pub use tuning_file::TuningFile;
pub use weights::{load_weights, save_weights};
