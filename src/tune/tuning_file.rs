//! The file that keeps what was tuned on one adapter: `tuned/<adapter and driver>.toml` in
//! gpu-train's part of the user's cache folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::{cache_folder, digest, read_if_there, write_cached};
use crate::gpu::AdapterDescription;
use crate::kernel::tuning::Tuning;

/// Far more than all nets that anyone tunes.
const MAX_BYTES: u64 = 4 << 20;
/// Bytes of a file's name that tell people which adapter it is of.
const NAME_BYTES: usize = 120;
const BROKEN: &str = "run `gpu-train tune` again, which writes it anew, or remove it";
const UNREADABLE: &str =
    "make sure that it is a readable file of a normal size, or train with `no_tuned`";

/// Where the tuning of one adapter, driver and version of gpu-train is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TuningFile {
    path: PathBuf,
    key: Key,
}

/// What a tuning holds for: another driver or other kernels have other fastest tiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Key {
    version: String,
    adapter: String,
    backend: String,
    driver: String,
    driver_version: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    #[serde(flatten)]
    key: Key,
    #[serde(default)]
    choices: Tuning,
}

impl TuningFile {
    /// The file of `adapter` in the user's cache folder; `None` where the system has no such
    /// folder.
    pub fn of(adapter: &AdapterDescription) -> Option<Self> {
        Some(Self::within(&cache_folder()?.join("gpu-train"), adapter))
    }

    /// The file of `adapter` in gpu-train's folder `folder`.
    pub fn within(folder: &Path, adapter: &AdapterDescription) -> Self {
        let key = Key {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            adapter: adapter.name.clone(),
            backend: adapter.backend.clone(),
            driver: adapter.driver.clone(),
            driver_version: adapter.driver_version.clone(),
        };
        Self {
            path: folder.join("tuned").join(key.file_name()),
            key,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was tuned; nothing where there is no such file.
    ///
    /// Errors where it cannot be read or understood, or is of another adapter, driver or version.
    pub fn read(&self) -> Result<Tuning> {
        let Some(bytes) = read_if_there(&self.path, MAX_BYTES, UNREADABLE)? else {
            return Ok(Tuning::default());
        };
        let wrong = |what: String| Error::file(&self.path, what, BROKEN);
        let content: Content = toml::from_slice(&bytes)
            .map_err(|error| wrong(format!("is not a tuning: {}", error.message())))?;
        if content.key != self.key {
            let Key {
                version, adapter, ..
            } = &content.key;
            return Err(wrong(format!(
                "is the tuning of gpu-train {version} on {adapter}, or of another driver"
            )));
        }
        Ok(content.choices)
    }

    /// Writes `choices`, whole or not at all.
    pub fn write(&self, choices: Tuning) -> Result<()> {
        let content = Content {
            key: self.key.clone(),
            choices,
        };
        let text = toml::to_string(&content).map_err(|error| {
            Error::file(
                &self.path,
                format!("cannot be written as TOML: {error}"),
                "this is a bug in gpu-train; please report it",
            )
        })?;
        write_cached(&self.path, text.as_bytes())
    }
}

impl Key {
    /// Readable as far as it goes, and never the same for two keys.
    fn file_name(&self) -> String {
        let parts = [
            &self.adapter,
            &self.backend,
            &self.driver,
            &self.driver_version,
            &self.version,
        ];
        let whole = parts.map(String::as_str).join("\n");
        let mut name = String::new();
        for c in whole.chars() {
            if c.is_ascii_alphanumeric() {
                name.push(c.to_ascii_lowercase());
            } else if !name.ends_with('-') {
                name.push('-');
            }
        }
        name.truncate(NAME_BYTES);
        format!("{name}-{:016x}.toml", digest(whole.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::kernel::target::{AdapterKind, Target};
    use crate::kernel::tuning::{Problem, TileValues};

    fn adapter(name: &str) -> AdapterDescription {
        AdapterDescription {
            index: 0,
            name: name.to_owned(),
            backend: "vulkan".to_owned(),
            kind: "software".to_owned(),
            driver: "driver".to_owned(),
            driver_version: "1.2 (é)".to_owned(),
            target: Target::portable(AdapterKind::Software),
        }
    }

    fn tuning() -> Tuning {
        let problem = Problem {
            kernel: "linear_forward".to_owned(),
            batch: 128,
            shape: vec![1, 64, 10],
        };
        let tile = TileValues::new(&[("ROWS", 8)]);
        [(problem, tile)].into_iter().collect()
    }

    #[test]
    fn every_adapter_and_driver_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| TuningFile::within(folder.path(), &adapter(name));
        let long = "x".repeat(500);
        file("one").write(tuning()).expect("writes");
        file(&long).write(tuning()).expect("writes");
        assert_eq!(file("one").read().expect("reads"), tuning());
        assert_eq!(file(&long).read().expect("reads"), tuning());
        for other in ["One", "one ", "two", &(long + "x")] {
            assert!(file(other).read().expect("is not there").is_empty());
        }
    }

    #[test]
    fn broken_files_and_those_of_others_are_refused_by_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| TuningFile::within(folder.path(), &adapter(name));
        file("one").write(tuning()).expect("writes");
        let whole = fs::read_to_string(file("one").path()).expect("reads");
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        for (text, what) in [
            (
                whole.replace("adapter = \"one\"", "adapter = \"two\""),
                "on two",
            ),
            (whole.replace(&version, "version = \"0.0.1\""), "0.0.1"),
            (whole.replace("1.2", "1.3"), "another driver"),
            (whole.replace("ROWS = 8", "ROWS = -8"), "is not a tuning"),
            (whole.replace("[[choices]]", "[[choices"), "is not a tuning"),
            ("\u{fe}".to_owned(), "is not a tuning"),
        ] {
            fs::write(file("one").path(), &text).expect("writes");
            let error = file("one").read().expect_err(&text);
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.to_string().contains("one-vulkan"), "{error}");
            assert!(error.hint().contains("gpu-train tune"));
        }
        if cfg!(unix) {
            let folder = folder.path().join("no folder");
            fs::create_dir(&folder).expect("is made");
            fs::write(folder.join("tuned"), "a file").expect("writes");
            let lost = TuningFile::within(&folder, &adapter("one"));
            let error = lost.read().expect_err("nobody can tell what is there");
            assert!(error.hint().contains("`no_tuned`"), "{error}");
        }
        fs::write(file("one").path(), [0xFF, 0xFE]).expect("writes");
        assert!(file("one").read().is_err());
        file("one").write(tuning()).expect("is written anew");
        assert_eq!(file("one").read().expect("reads"), tuning());
    }
}
