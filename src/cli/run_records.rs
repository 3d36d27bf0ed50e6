//! What training and sweeps tell programs on standard output while they work: lines of CSV, or an object of JSON
//! a line.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::model_args::Format;
use super::records::{Object, parsed};
use super::style;
use crate::error::{Error, Result};
use crate::gpu::AdapterDescription;
use crate::nn::Objective;
use crate::run::{Environment, Run};
use crate::train::{Column, EpochMetrics};

/// What one run, or one of a sweep, tells.
#[derive(Debug)]
pub(super) struct RunRecords {
    format: Format,
    columns: Vec<Column>,
    /// Its name in a sweep.
    run: Option<String>,
}

impl RunRecords {
    /// In `format`, of a run that is trained for `objective`; `run` is its name in a sweep.
    pub(super) fn new(format: Format, objective: &dyn Objective, run: Option<String>) -> Self {
        Self {
            format,
            columns: Column::all(objective),
            run,
        }
    }

    /// What `run` is, before its first step.
    pub(super) fn begin(&self, run: &Run<'_>, environment: &Environment) -> Result<()> {
        let trainer = run.trainer();
        match self.format {
            Format::Table => {}
            Format::Csv => {
                let names: Vec<&str> = self.columns.iter().map(|it| it.name.as_str()).collect();
                style::say_bytes(format!("{}\n", names.join(",")).as_bytes());
            }
            Format::Json => {
                say(&Object::of("run")
                    .with("version", environment.version.as_str())
                    .with("started", environment.started.as_str())
                    .with("folder", run.folder().map(|it| text(it.path())))
                    .with("parameters", trainer.network().parameters.elements())
                    .with("epochs_done", trainer.logs().len())
                    .with("device", device(&environment.adapter)?)
                    .with("config", value(run.config())?))?;
            }
        }
        Ok(())
    }

    /// An epoch that ended.
    pub(super) fn epoch(&self, epoch: &EpochMetrics) -> Result<()> {
        let values = || self.columns.iter().map(|it| it.value(epoch));
        match self.format {
            Format::Table => Ok(()),
            Format::Csv => {
                let line = values().collect::<Vec<_>>().join(",");
                style::say_bytes(format!("{line}\n").as_bytes());
                Ok(())
            }
            Format::Json => {
                let event = Object::of("epoch");
                let event = match &self.run {
                    Some(run) => event.with("run", run.as_str()),
                    None => event,
                };
                let named = self.columns.iter().zip(values());
                say(&named.fold(event, |event, (column, value)| {
                    event.with(column.name.as_str(), parsed(&value))
                }))
            }
        }
    }

    /// How `run` ended, and where its `report` is, if it has one.
    pub(super) fn end(
        &self,
        run: &Run<'_>,
        ended: &Result<()>,
        report: Option<&Path>,
    ) -> Result<()> {
        if self.format != Format::Json {
            return Ok(());
        }
        let trainer = run.trainer();
        let status = match ended {
            Err(error) => status_of(error),
            Ok(()) if trainer.has_stopped_early() => "stopped-early",
            Ok(()) if trainer.logs().len() < run.epochs() => "out-of-time",
            Ok(()) => "done",
        };
        let seconds: f64 = trainer.logs().iter().map(|it| it.seconds).sum();
        let event = Object::of("end")
            .with("status", status)
            .with("folder", run.folder().map(|it| text(it.path())))
            .with("epochs", trainer.logs().len())
            .with("seconds", seconds);
        let last = trainer.logs().last();
        let test = self
            .columns
            .iter()
            .filter(|it| it.name.starts_with("test_"));
        let event = test.fold(event, |event, column| {
            let value = last.map_or(String::new(), |it| column.value(it));
            event.with(column.name.as_str(), parsed(&value))
        });
        let event = event
            .with("best_epoch", trainer.best().map(|it| it.epoch))
            .with("report", report.map(text));
        say(&event.and(error_of(ended)))
    }
}

/// In a word how something ended that did not end well.
pub(super) fn status_of(error: &Error) -> &'static str {
    match error {
        Error::Interrupted { .. } => "interrupted",
        Error::Diverged { .. } => "diverged",
        _ => "failed",
    }
}

/// What went wrong and what helps, where something did.
pub(super) fn error_of(ended: &Result<()>) -> Object {
    match ended {
        Ok(()) => Object::default(),
        Err(error) => Object::default()
            .with("error", error.to_string())
            .with("hint", style::with_flags(error.hint())),
    }
}

/// Prints `object` in one line.
pub(super) fn say(object: &Object) -> Result<()> {
    style::say_json_line(object)
}

/// What of an adapter tells it from others.
fn device(adapter: &AdapterDescription) -> Result<Value> {
    value(
        &Object::default()
            .with("name", adapter.name.as_str())
            .with("kind", adapter.kind.as_str())
            .with("backend", adapter.backend.as_str())
            .with("driver", adapter.driver.as_str())
            .with("driver_version", adapter.driver_version.as_str()),
    )
}

/// `data` as JSON.
pub(super) fn value(data: &impl Serialize) -> Result<Value> {
    serde_json::to_value(data).map_err(|error| style::not_json(&error))
}

/// A path as a text.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}
