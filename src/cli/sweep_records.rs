//! What a sweep tells programs on standard output: its summary as CSV at the end, or an object of JSON a line, of the
//! sweep, of every epoch, of every run that ends, and of how the sweep ended.

use super::model_args::Format;
use super::records::{Object, Records, parsed};
use super::run_records::{RunRecords, error_of, say, status_of, text, value};
use crate::error::Result;
use crate::report::PAGE;
use crate::sweep::{Status, SweepEvent, SweepFolder};
use crate::train::TrainEvent;

/// What one sweep tells.
#[derive(Debug)]
pub(super) struct SweepRecords {
    format: Format,
    /// Names of the runs.
    names: Vec<String>,
    /// The run that trains.
    run: Option<RunRecords>,
}

impl SweepRecords {
    /// Tells in `format` which sweep begins or goes on.
    pub(super) fn begin(folder: &SweepFolder, format: Format) -> Result<Self> {
        let sweep = folder.sweep();
        let names: Vec<String> = sweep.runs.iter().map(|it| it.name.clone()).collect();
        if format == Format::Json {
            say(&Object::of("sweep")
                .with("version", sweep.version.as_str())
                .with("title", sweep.title.as_str())
                .with("folder", text(folder.path()))
                .with("runs", names.clone()))?;
        }
        Ok(Self {
            format,
            names,
            run: None,
        })
    }

    /// Tells what `event` tells.
    pub(super) fn write(&mut self, event: &SweepEvent<'_>) -> Result<()> {
        if self.format != Format::Json {
            return Ok(());
        }
        match event {
            SweepEvent::RunStarted { run, .. } => {
                let objective = run.config.objective();
                let name = Some(run.name.clone());
                self.run = Some(RunRecords::new(self.format, &*objective, name));
            }
            SweepEvent::Train(TrainEvent::EpochEnded(epoch)) => {
                if let Some(run) = &self.run {
                    run.epoch(epoch)?;
                }
            }
            SweepEvent::RungEnded {
                rung,
                rungs,
                epochs,
                kept,
                dropped,
            } => {
                let names = |runs: &[usize]| -> Vec<&str> {
                    runs.iter().map(|&run| self.names[run].as_str()).collect()
                };
                say(&Object::of("rung")
                    .with("rung", *rung)
                    .with("rungs", *rungs)
                    .with("epochs", *epochs)
                    .with("kept", names(kept))
                    .with("dropped", names(dropped)))?;
            }
            SweepEvent::RunEnded {
                run,
                path,
                outcome,
                diverged,
                ..
            } => {
                let event = Object::of("run-end")
                    .with("run", run.name.as_str())
                    .with("status", outcome.status.name())
                    .with("folder", text(path))
                    .with("epochs", outcome.last.as_ref().map_or(0, |it| it.epoch))
                    .with("seconds", outcome.seconds);
                let ended = diverged.map_or(Ok(()), |error| Err(error.clone()));
                say(&event.and(error_of(&ended)))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells how the sweep in `folder` `ended`, with a line or an object for every run, and whether all of it was `drawn`.
    pub(super) fn end(&self, folder: &SweepFolder, ended: &Result<()>, drawn: bool) -> Result<()> {
        let summary = folder.summary();
        let mut records = Records::new(summary.columns().iter().cloned());
        for run in 0..summary.len() {
            let cells = summary.columns().iter().map(|column| {
                let cell = summary.value(run, column);
                match column.as_str() {
                    "run" => cell.into(),
                    _ => parsed(cell),
                }
            });
            records.push(cells);
        }
        match self.format {
            Format::Table => {}
            Format::Csv => records.say_csv(),
            Format::Json => {
                let left = (0..summary.len()).any(|it| summary.status(it) == Status::Unfinished);
                let status = match ended {
                    Err(error) => status_of(error),
                    Ok(()) if left => Status::Unfinished.name(),
                    Ok(()) => Status::Done.name(),
                };
                let runs = value(&records.objects())?;
                let best_by = folder.sweep().runs[0].config.best_by;
                let best = summary.best(best_by).map(|(run, _)| &self.names[run][..]);
                let page = drawn.then(|| text(&folder.path().join(PAGE)));
                let event = Object::of("end")
                    .with("status", status)
                    .with("folder", text(folder.path()))
                    .with("runs", runs)
                    .with("best", best)
                    .with("report", page);
                say(&event.and(error_of(ended)))?;
            }
        }
        Ok(())
    }
}
