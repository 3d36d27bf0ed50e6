//! Floor 5: training. Data sets on the device, the trainer and its state; no disk, no command line.
//! Never prints: it emits [`TrainEvent`]s.

mod advance;
mod builder;
mod classification;
mod evaluation;
mod event;
mod find_lr;
mod history;
mod metrics;
mod moment;
mod options;
mod order;
mod place;
mod plan;
mod predictor;
mod ranks;
mod replay;
mod resident;
mod schedule;
mod selection;
mod session;
mod sheet;
mod state;
mod trainer;

pub use advance::Activity;
pub(crate) use advance::Clock;
pub use builder::TrainerBuilder;
pub use classification::{ClassCounts, ClassScore, Guess, softmax};
pub use evaluation::{Confusion, DigitError, Evaluation, QuantileError};
pub use event::TrainEvent;
pub use find_lr::{LrPoint, LrRange, LrSuggestion, suggest_lr};
pub(crate) use history::HistoryCheck;
pub use metrics::{Column, EpochMetrics, Metrics, Sums};
pub use options::TrainerOptions;
pub use plan::{MemoryNeed, Plan};
pub use predictor::{Predictions, Predictor, PredictorOptions};
pub(crate) use resident::lay_out;
pub use resident::{ResidentDataset, ResidentSplit, SplitLayout, Subset};
pub use schedule::{LrSchedule, Plateau, ScheduleArgs, ScheduleConfig};
pub use selection::{Best, BestBy, Selection};
pub use session::Session;
pub use state::TrainState;
pub use trainer::Trainer;
