//! Configurations from files, their own and those that hold one.

use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer};
use toml::Table;

use super::run_config::RunConfig;
use super::task::Task;
use crate::error::{Error, Result};
use crate::files::read_regular;

/// Far more than any configuration needs, the names of ten thousand classes included.
pub(super) const MAX_CONFIG_BYTES: u64 = 1 << 20;

impl RunConfig {
    /// Reads the `config.toml` of a run. One without `data-seed` is of a version that drew pictures by
    /// `seed`, and so it does.
    ///
    /// Errors, naming the file, where it cannot be read, or a value makes no sense.
    pub fn read(path: &Path) -> Result<Self> {
        let hint = "`config` takes the config.toml of a run folder, `resume` the folder";
        let bytes = read_regular(path, MAX_CONFIG_BYTES, hint, hint)?;
        let wrong = |error: toml::de::Error| {
            Error::file(path, format!("is not a configuration: {error}"), hint)
        };
        // Read as a whole first: such errors say the line.
        let _: Self = toml::from_slice(&bytes).map_err(wrong)?;
        let given: Table = toml::from_slice(&bytes).map_err(wrong)?;
        if !given.contains_key("net") {
            return Err(Error::file(
                path,
                "is not a configuration: it has no net",
                hint,
            ));
        }
        let config = Self::from_values(given.clone()).map_err(wrong)?;
        let config = Self {
            data_seed: config.data_seed_in(&given),
            ..config
        };
        config.validate().map_err(|error| {
            let hint = format!("{}; {hint}", error.hint());
            Error::file(path, error.to_string(), hint)
        })?;
        Ok(config)
    }

    /// A configuration that a run recorded within another file. Where it has no `data_seed`, it is of a
    /// version that drew pictures by `seed`, and so it does; where it has no task, of one that knew only
    /// regression, and where it has no scale of targets, of one that learned them as they are.
    pub(crate) fn recorded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = Table::deserialize(deserializer)?;
        let config: Self = table.clone().try_into().map_err(D::Error::custom)?;
        let config = config.with_recorded_scale().map_err(D::Error::custom)?;
        Ok(Self {
            task: config.task.or(Some(Task::Regress)),
            data_seed: config.data_seed_in(&table),
            ..config
        })
    }

    /// What this configuration, read from `given`, draws pictures by.
    fn data_seed_in(&self, given: &Table) -> u64 {
        if self.data.is_drawn() && !given.contains_key("data-seed") {
            self.seed
        } else {
            self.data_seed
        }
    }
}
