//! `sweep --tensorboard`: an event file in the folder of every run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::nn::Objective;
use crate::report::RunRecord;
use crate::report::tensorboard::EventWriter;
use crate::sweep::SweepEvent;
use crate::train::TrainEvent;

/// The event file of the run that trains.
#[derive(Debug)]
pub(super) struct SweepEvents {
    /// The sweep's folder.
    folder: PathBuf,
    /// The run's, and what it is trained for.
    run: Option<(PathBuf, Arc<dyn Objective>)>,
    writer: Option<EventWriter>,
}

impl SweepEvents {
    /// For the runs of the sweep in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            run: None,
            writer: None,
        }
    }

    /// Writes what `event` tells of a run.
    pub(super) fn write(&mut self, event: &SweepEvent<'_>) -> Result<()> {
        match event {
            SweepEvent::RunStarted { run, .. } => {
                self.run = Some((self.folder.join(&run.name), run.config.objective()));
                self.writer = None;
            }
            SweepEvent::Train(TrainEvent::EpochEnded(epoch)) => {
                // The run's folder is there when its first epoch has ended, and not before.
                if let (None, Some((folder, objective))) = (&self.writer, self.run.take()) {
                    let writer = EventWriter::create(&folder, epoch.epoch - 1, objective)?;
                    self.writer = Some(writer);
                }
                let Some(writer) = &mut self.writer else {
                    return Ok(());
                };
                writer.epoch(epoch)?;
            }
            SweepEvent::RunEnded { path, diverged, .. } => {
                if let (Some(writer), None) = (&mut self.writer, diverged) {
                    let test = RunRecord::read(path)?.load_test_set()?;
                    writer.predictions(path, &test)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
