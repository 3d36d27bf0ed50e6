//! What `gpu-train tune` found, in use: loading it, and saying so.

use std::sync::Arc;

use super::style;
use crate::gpu::AdapterDescription;
use crate::train::{Plan, TuningFile};
use crate::tuning::Tuning;

/// What was tuned on `adapter`, if anything; a file that cannot be used is ignored with a warning.
pub(super) fn load(adapter: &AdapterDescription, quiet: bool) -> Option<Arc<Tuning>> {
    let tuning = read(&TuningFile::of(adapter)?, quiet);
    (!tuning.is_empty()).then(|| Arc::new(tuning))
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

/// Says on stderr that `plan` uses tuned kernels, if it does.
pub(super) fn announce(plan: &Plan, quiet: bool) {
    let count = plan.tuning().len();
    if count > 0 && !quiet {
        let kernels = if count == 1 { "kernel" } else { "kernels" };
        eprintln!("with {count} {kernels} as `gpu-train tune` chose; --no-tuned ignores it");
    }
}
