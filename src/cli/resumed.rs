//! `--resume`: a run's folder and checkpoint, and whether what there is now can go on with them.

use std::path::Path;

use super::start::refuse_sweep;
use super::style;
use crate::error::{Error, Result};
use crate::ranks::Ranks;
use crate::run::{Checkpoint, DataRecord, Environment, RunConfig, RunFolder};

/// A run that is to go on.
pub(super) struct Resumed {
    /// `None` where another rank writes it.
    pub folder: Option<RunFolder>,
    pub checkpoint: Checkpoint,
}

impl Resumed {
    /// Takes the run in the folder `path`; errors where it is none, or another process has it. Only the first rank
    /// takes the folder, of which the others read.
    pub(super) fn open(path: &Path, ranks: &Ranks) -> Result<Self> {
        if !ranks.is_first() {
            return Ok(Self {
                checkpoint: Checkpoint::read(&RunFolder::checkpoint_of(path))?,
                folder: None,
            });
        }
        refuse_sweep(path)?;
        let folder = RunFolder::open(path)?;
        let checkpoint = folder.checkpoint()?;
        checkpoint.read_config(&RunFolder::config_of(path))?;
        Ok(Self {
            folder: Some(folder),
            checkpoint,
        })
    }

    /// Errors where the run cannot go on as `config`.
    pub(super) fn check_config(&self, config: &RunConfig) -> Result<()> {
        self.checkpoint.config.check_resumed(config)?;
        let state = &self.checkpoint.state;
        let begun = state.epoch + usize::from(state.position > 0);
        if config.epochs >= begun {
            return Ok(());
        }
        let epochs = config.epochs;
        Err(Error::usage(
            format!("--epochs {epochs} is fewer than the {begun} that the run has begun"),
            "omit --epochs, or raise it",
        ))
    }

    /// Errors where the data are not the run's, or the device is of another kind and was not `named`;
    /// says where the run goes on, and warns where it may not be to the same bits.
    pub(super) fn check(
        &self,
        data: &DataRecord,
        environment: &Environment,
        config: &RunConfig,
        [named, quiet]: [bool; 2],
    ) -> Result<()> {
        self.checkpoint.data.check(data)?;
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let record = folder.environment()?;
        if !named {
            record.check_kind(environment)?;
        }
        let differences = record.differences(environment);
        if quiet {
            return Ok(());
        }
        if let Some(note) = self.checkpoint.note {
            style::notice(note);
        }
        if !differences.is_empty() {
            style::notice(&other_bits(&differences));
        }
        let state = &self.checkpoint.state;
        style::tell(format_args!(
            "resuming {} after {} of {} (step {})",
            folder.path().display(),
            self.checkpoint.logs.len(),
            style::epochs(config.epochs),
            state.step,
        ));
        let changes = self.checkpoint.config.free_differences(config);
        if !changes.is_empty() {
            style::tell(format_args!("from here on {}", changes.join(", ")));
        }
        Ok(())
    }
}

/// The warning that a run goes on elsewhere than it began.
pub(super) fn other_bits(differences: &[String]) -> String {
    format!(
        "the run will go on, but its bits will differ from those that it would have had: {}",
        differences.join(", ")
    )
}
