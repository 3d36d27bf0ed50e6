//! What `gpu-train tune` found, in use: loading it, or what a run recorded of it, and saying so.

use std::path::Path;
use std::sync::Arc;

use super::style;
use crate::error::Result;
use crate::gpu::AdapterDescription;
use crate::kernel::tuning::Tuning;
use crate::run::{Environment, RunConfig};
use crate::train::Plan;
use crate::tune::TuningFile;

/// The measured tiles that a run is to use.
pub(super) struct Tuned {
    /// The tiles, if there are any.
    pub tuning: Option<Arc<Tuning>>,
    /// Who says so, for a sentence that begins "as".
    says: String,
}

impl Tuned {
    /// None with --no-tuned, and on the processor. Else those that are recorded beside the configuration
    /// `file` of a run, even if none are; without such a record, what is tuned on `adapter` today.
    ///
    /// Errors where the record cannot be read: with other tiles it would not be the same run.
    pub fn load(
        file: Option<&Path>,
        config: &RunConfig,
        adapter: &AdapterDescription,
        quiet: bool,
    ) -> Result<Self> {
        let tuned = |tuning: Tuning, says: String| Self {
            tuning: (!tuning.is_empty()).then(|| Arc::new(tuning)),
            says,
        };
        if config.no_tuned || adapter.target.is_cpu() {
            return Ok(tuned(Tuning::default(), String::new()));
        }
        if let Some(path) = file.map(Environment::beside)
            && let Some(recorded) = Environment::read_tuning(&path)?
        {
            return Ok(tuned(recorded, format!("{} recorded", path.display())));
        }
        let file = TuningFile::of(adapter);
        let today = file.map(|file| read(&file, quiet));
        let says = "`gpu-train tune` chose".to_owned();
        Ok(tuned(today.unwrap_or_default(), says))
    }

    /// Says on stderr that `plan` uses tuned kernels, if it does.
    pub fn announce(&self, plan: &Plan, quiet: bool) {
        let count = plan.tuning().len();
        if count > 0 && !quiet {
            let kernels = if count == 1 { "kernel" } else { "kernels" };
            let says = &self.says;
            style::tell(format_args!(
                "with {count} {kernels} as {says}; --no-tuned ignores it"
            ));
        }
    }
}

/// What `file` holds; nothing, with a warning, where it cannot be used.
pub(super) fn read(file: &TuningFile, quiet: bool) -> Tuning {
    file.read().unwrap_or_else(|error| {
        if !quiet {
            style::notice(&format!(
                "ignored what was tuned: {error}; {}",
                error.hint()
            ));
        }
        Tuning::default()
    })
}
