//! Floor 7: sweeps. Which runs a list of values per option means, the nets of the known experiments,
//! the folder of a sweep, and the loop that trains one run after the other on one device. Never
//! prints: it emits [`SweepEvent`]s.

mod axes;
mod description;
mod execute;
mod folder;
mod halving;
mod nets_file;
mod presets;
mod range;
mod samples;
mod summary;

pub use axes::{Axis, Choice, Combination, Drawn, MOST_RUNS, combinations, plan};
pub use description::{PlannedRun, Sweep};
pub use execute::{Execution, SweepEvent};
pub use folder::SweepFolder;
pub use halving::{Rung, rungs};
pub use nets_file::read_nets;
pub use presets::{Experiment, Match};
pub use range::Range;
pub use samples::samples;
pub use summary::{Outcome, Status, Summary};
