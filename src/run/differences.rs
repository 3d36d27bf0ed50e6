//! In what configurations differ.

use super::run_config::RunConfig;

impl RunConfig {
    /// The settings that all runs of a sweep have in common.
    #[cfg(feature = "sweep")]
    pub(crate) fn whole(&self) -> toml::Table {
        let mut table = toml::Table::try_from(self).unwrap_or_default();
        let is_whole = |key: &str| {
            let mut settings = Self::SETTINGS.iter();
            settings.any(|it| it.is_whole() && it.key() == key)
        };
        table.retain(|key, _| is_whole(key));
        table
    }

    /// What a run of this configuration that goes on as `now` does otherwise, and may.
    pub fn free_differences(&self, now: &Self) -> Vec<String> {
        differences(self, now, is_free)
    }
}

/// Whether `--resume` may change what stands under `key`.
pub(super) fn is_free(key: &str) -> bool {
    let mut settings = RunConfig::SETTINGS.iter();
    key == "data" || settings.any(|it| it.is_free() && it.key() == key)
}

/// What differs of that which is `asked` for, by the names of the options.
pub(super) fn differences(
    then: &RunConfig,
    now: &RunConfig,
    asked: impl Fn(&str) -> bool,
) -> Vec<String> {
    // Configurations that were read, or written, as TOML before.
    let table = |config| toml::Table::try_from(config).unwrap_or_default();
    let (then, now) = (table(then), table(now));
    let mut keys: Vec<&String> = then.keys().chain(now.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let said =
        |value: Option<&toml::Value>| value.map_or("not given".to_owned(), ToString::to_string);
    // What is found in the data, where one side has not looked at them, or is of a version that recorded
    // nothing of it; and shards, of which the processor has no need to.
    let is_new = |key: &str| match key {
        "classes" | "task" | "shards" | "normalization" | "targets" | "target-scale" => {
            !(then.contains_key(key) && now.contains_key(key))
        }
        "class-counts" => [&then, &now].iter().any(|it| {
            let counts = it.get(key).and_then(toml::Value::as_array);
            counts.is_none_or(Vec::is_empty)
        }),
        _ => false,
    };
    keys.into_iter()
        .filter(|key| asked(key) && !is_new(key) && then.get(*key) != now.get(*key))
        .map(|key| {
            format!(
                "{key} was {}, and is {}",
                said(then.get(key)),
                said(now.get(key))
            )
        })
        .collect()
}
