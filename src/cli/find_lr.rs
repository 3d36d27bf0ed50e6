//! `--find-lr`: the learning-rate range test.

use std::path::PathBuf;

use super::style::{self, say};
use crate::data::DataSource;
use crate::error::Result;
use crate::files::write_whole;
use crate::report::figures::{RangePoint, range_test};
use crate::report::write_figure;
use crate::run::RunConfig;
use crate::train::{LrPoint, LrRange, Trainer, suggest_lr};

/// Lines of the printed table.
const LINES: usize = 15;

/// Runs the test, prints a table and a suggestion, and writes `find-lr.csv` and the figure into the
/// folder that `create` then makes: a test that fails leaves none.
pub(super) fn run(
    trainer: &mut Trainer<'_>,
    config: &RunConfig,
    create: impl FnOnce() -> Result<PathBuf>,
) -> Result<()> {
    let points = trainer.find_lr(&LrRange::default())?;
    let folder = create()?;
    say(format_args!("{:>10} {:>12}", "lr", "loss"));
    let every = points.len().div_ceil(LINES).max(1);
    for point in points.iter().step_by(every) {
        let loss = style::measured(point.smoothed);
        say(format_args!("{:>10.1e} {loss:>12}", point.lr));
    }
    let file = folder.join("find-lr.csv");
    write_whole(&file, &to_csv(&points))?;
    let suggestion = suggest_lr(&points);
    let drawn = points.iter().map(|it| RangePoint {
        lr: it.lr,
        loss: it.loss,
        smoothed: it.smoothed,
    });
    let loss = trainer.objective().metrics()[0].short;
    let marked = suggestion.map_or(Vec::new(), |it| {
        vec![
            (it.valley, "valley"),
            (it.tenth_of_minimum, "a tenth of the minimum"),
        ]
    });
    let figure = range_test(&drawn.collect::<Vec<_>>(), &of(config), loss, &marked);
    write_figure(&folder, "find-lr", &figure)?;
    match suggestion {
        Some(it) => say(format_args!(
            "\ntry --lr {:.1e}, a tenth of where the loss is lowest; more cautious: --lr {:.1e}, its valley",
            it.tenth_of_minimum, it.valley
        )),
        None => say(format_args!(
            "\nno fall of the loss is to be seen in these {} steps",
            points.len()
        )),
    }
    say(format_args!(
        "every step in {}, the figure beside it",
        file.display()
    ));
    Ok(())
}

/// Net and data, as the figures of a run name them: `cnn on svhn`.
fn of(config: &RunConfig) -> String {
    let data = match &config.data {
        DataSource::Path(path) => path
            .file_name()
            .unwrap_or(path.as_os_str())
            .display()
            .to_string(),
        other => other.to_string(),
    };
    format!("{} on {data}", config.net.name())
}

fn to_csv(points: &[LrPoint]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = points.iter().try_for_each(|point| writer.serialize(point));
    written.expect("plain numbers, in memory");
    writer.into_inner().expect("in memory")
}
