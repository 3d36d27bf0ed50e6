//! From arguments and an optional config file to a resolved [`RunConfig`].

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Serialize;
use toml::Table;

use super::args::ConfigArgs;
use crate::data::source::{DataSource, Resolved};
use crate::error::{Error, Result};
use crate::run::{RunArgs, RunConfig};
use crate::shape::ImageShape;

/// Sizes separated by commas; `none` or nothing at all is the empty list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SizeList(Vec<usize>);

impl FromStr for SizeList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text == "none" {
            return Ok(Self(Vec::new()));
        }
        let size = |entry: &str| {
            let entry = entry.trim();
            let parsed = entry.parse();
            parsed.map_err(|_| format!("'{entry}' is not a whole number; write a list as 16,32,45"))
        };
        text.split(',')
            .map(size)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Sizes of an image, written `3x32x32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ImageSize(pub(super) ImageShape);

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sizes: Option<Vec<usize>> = text.split('x').map(|it| it.parse().ok()).collect();
        // More than any data set has, and far from overflowing.
        let sane = |&size: &usize| (1..=1 << 10).contains(&size);
        match sizes.as_deref() {
            Some(&[channels, height, width]) if [channels, height, width].iter().all(sane) => {
                Ok(Self(ImageShape::new(channels, height, width)))
            }
            _ => Err(format!(
                "'{text}' is not channels x rows x columns of 1 to 1024, such as 3x32x32"
            )),
        }
    }
}

/// What the command line asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The configuration of --config or --resume, or the default one, with the data.
    pub base: RunConfig,
    /// What else is asked for, by the keys of `config.toml`.
    pub values: Table,
    /// Whether drawn pictures stand in for a data set that nobody named.
    pub fallback: bool,
}

impl Asked {
    /// What `args` ask for, laid over the configuration in `file` if there is one.
    pub(super) fn new(args: &ConfigArgs, file: Option<&Path>) -> Result<Self> {
        let base = file.map(RunConfig::read).transpose()?;
        let data = resolve_data(args, base.as_ref())?;
        let run = RunArgs {
            init: args.run.init.as_deref().map(absolute).transpose()?,
            ..args.run.clone()
        };
        let mut values = args.net.values()?;
        values.extend(run.values()?);
        values.extend(args.schedule.values()?);
        Ok(Self {
            base: RunConfig {
                data: absolute_source(data.source)?,
                ..base.unwrap_or_default()
            },
            values,
            fallback: data.fallback,
        })
    }

    /// All of it as one configuration.
    pub(super) fn config(&self) -> Result<RunConfig> {
        let config = self.base.asked(&self.values)?;
        config.validate()?;
        Ok(config)
    }
}

/// The path that a config file, which is UTF-8, can be read back with from any folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if absolute.to_str().is_some() {
        return Ok(absolute);
    }
    Err(Error::file(
        &absolute,
        "is not a UTF-8 path, and cannot be recorded in config.toml",
        "give the file, or the folder it is in, another name",
    ))
}

/// The same by absolute paths.
pub(super) fn absolute_source(source: DataSource) -> Result<DataSource> {
    Ok(match source {
        DataSource::Path(path) => DataSource::Path(absolute(&path)?),
        DataSource::Files { train, test } => DataSource::Files {
            train: absolute(&train)?,
            test: absolute(&test)?,
        },
        other => other,
    })
}

fn resolve_data(args: &ConfigArgs, base: Option<&RunConfig>) -> Result<Resolved> {
    let named = args.data.is_some() || args.train.is_some() || args.test.is_some();
    match base {
        Some(base) if !named => Ok(Resolved {
            source: base.data.clone(),
            fallback: false,
        }),
        _ => DataSource::resolve(
            args.data.as_deref(),
            args.train.as_deref(),
            args.test.as_deref(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_parse() {
        let list = |text: &str| text.parse::<SizeList>().map(|SizeList(list)| list);
        assert_eq!(list("16,32, 45"), Ok(vec![16, 32, 45]));
        assert_eq!(list("none"), Ok(vec![]));
        assert_eq!(list(""), Ok(vec![]));
        let image = |text: &str| text.parse().map(|ImageSize(shape)| shape);
        assert_eq!(image("3x32x48"), Ok(ImageShape::new(3, 32, 48)));
        for wrong in ["3x32", "3x0x32", "3x32x32x1", "3x-1x2", "", "1x99999999x1"] {
            assert!(image(wrong).is_err(), "{wrong}");
        }
        assert!(list("16,,3").is_err() && list("-1").is_err() && list("3.5").is_err());
    }
}
