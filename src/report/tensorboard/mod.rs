//! TensorBoard's event files: a scalar per epoch and column of `metrics.csv`, and pictures of
//! predictions at the end.
//!
//! A file is appended to, record by record, so that TensorBoard can watch it grow. A run that goes on
//! writes a new file, which begins by taking back what older files say of the epochs from there on:
//! a killed process may have written an epoch that is not in its checkpoint. TensorBoard reads all
//! files of a folder as one run.

mod framing;
mod messages;

pub use framing::{records, write_record};
pub use messages::{Event, Image, SessionLog, SessionStatus, Summary, Value};

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message as _;

use super::figures::Figure;
use super::page::capitalised;
use super::pictures::Pictures;
use super::run_figures::{of_predictions, sheets};
use super::run_record::RunRecord;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::nn::{Metric, Objective};
use crate::train::{Column, EpochMetrics};

/// What the names of event files begin with; TensorBoard looks for it.
const PREFIX: &str = "events.out.tfevents.";
/// And what ours end in.
const SUFFIX: &str = ".gpu-train";
/// The version of the format, which the first record of a file states.
const VERSION: &str = "brain.Event:2";

/// Appends events to a new event file.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
    objective: Arc<dyn Objective>,
}

impl EventWriter {
    /// Begins an event file in the folder of a run, of which `epochs` epochs are done: what older
    /// event files there say of later ones is taken back. `objective` is what the run is trained for.
    pub fn create(folder: &Path, epochs: usize, objective: Arc<dyn Objective>) -> Result<Self> {
        let (path, file) = new_file(folder).map_err(|it| unwritable(folder, &it))?;
        let mut writer = Self {
            path,
            file,
            objective,
        };
        writer.write(Event {
            file_version: Some(VERSION.to_owned()),
            ..Event::default()
        })?;
        writer.write(Event {
            step: step(epochs) + 1,
            session_log: Some(SessionLog {
                status: SessionStatus::Start.into(),
            }),
            ..Event::default()
        })?;
        Ok(writer)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what was measured of an epoch: a scalar per column of `metrics.csv` that has a value.
    pub fn epoch(&mut self, epoch: &EpochMetrics) -> Result<()> {
        let columns = Column::all(&*self.objective).into_iter();
        let metrics = self.objective.metrics();
        let values = columns.filter(|column| column.name != "epoch");
        let values = values.filter_map(|column| {
            let simple_value = column.value(epoch).parse().ok()?;
            Some(Value {
                tag: tag(metrics, &column.name),
                simple_value: Some(simple_value),
                image: None,
            })
        });
        let values = values.collect();
        self.summary(epoch.epoch, values)
    }

    /// Writes pictures of what the ended run in `folder` predicts: the worst and best predictions,
    /// and predictions against targets. `test` is its test set.
    ///
    /// Errors where the folder's files are damaged. A run without `predictions.csv` has no pictures.
    pub fn predictions(&mut self, folder: &Path, test: &Dataset) -> Result<()> {
        let run = RunRecord::read(folder)?;
        if run.predictions.is_none() {
            return Ok(());
        }
        let pictures = Pictures::of(&run, Some(test));
        let figures = of_predictions(&run)
            .into_iter()
            .chain(sheets(&run, &pictures));
        let figures = figures.map(|it| image(&format!("Predictions/{}", it.name), &it.figure));
        let values = figures.collect::<Result<Vec<_>>>()?;
        self.summary(run.metrics.lines(), values)
    }

    fn summary(&mut self, epoch: usize, value: Vec<Value>) -> Result<()> {
        self.write(Event {
            step: step(epoch),
            summary: Some(Summary { value }),
            ..Event::default()
        })
    }

    fn write(&mut self, event: Event) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let event = Event {
            wall_time: now.map_or(0.0, |it| it.as_secs_f64()),
            ..event
        };
        let mut record = Vec::new();
        write_record(&mut record, &event.encode_to_vec());
        let written = self.file.write_all(&record);
        written.map_err(|it| unwritable(&self.path, &it))
    }
}

/// A new file, whose name sorts behind those that are there: TensorBoard reads them in this order.
fn new_file(folder: &Path) -> io::Result<(PathBuf, File)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut number = now.map_or(0, |it| it.as_secs());
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|it| it.strip_prefix(PREFIX));
        let taken = name.and_then(|it| it.split('.').next()?.parse::<u64>().ok());
        // A clock may have been set back.
        number = number.max(taken.map_or(0, |it| it.saturating_add(1)));
    }
    let path = folder.join(format!("{PREFIX}{number:010}{SUFFIX}"));
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(&path)?;
    Ok((path, file))
}

/// TensorBoard's name for an epoch.
fn step(epoch: usize) -> i64 {
    i64::try_from(epoch).unwrap_or(i64::MAX - 1)
}

/// `test_mae` is `MAE/test`: curves of one metric stand together, as in PyTorch's examples.
fn tag(metrics: &[Metric], column: &str) -> String {
    let set = ["train", "valid", "test"].into_iter().find_map(|set| {
        let metric = column.strip_prefix(set)?.strip_prefix('_')?;
        Some((set, metric))
    });
    let Some((set, name)) = set else {
        return column.to_owned();
    };
    let metric = metrics.iter().find(|it| it.name == name);
    let head = metric.map_or(name.to_owned(), |it| capitalised(it.head));
    format!("{head}/{set}")
}

fn image(tag: &str, figure: &Figure) -> Result<Value> {
    let png = figure.png()?;
    Ok(Value {
        tag: tag.to_owned(),
        simple_value: None,
        image: Some(Image {
            height: png.height.cast_signed(),
            width: png.width.cast_signed(),
            // Red, green, blue and opacity.
            colorspace: 4,
            encoded_image_string: png.bytes,
        }),
    })
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    let hint = "free some space, or train without `tensorboard`";
    Error::file(path, format!("cannot be written: {error}"), hint)
}

#[cfg(test)]
mod tests;
