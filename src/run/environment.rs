//! What a run ran on: `environment.toml`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::files::{read_if_there, read_regular};
use crate::gpu::AdapterDescription;
use crate::kernel::tuning::Tuning;

/// Far more than any environment with its tiles needs.
const MAX_BYTES: u64 = 4 << 20;
const RESUME_HINT: &str = "it records the kernel choices of the run, which `resume` goes on with: \
                           restore it from a copy, or begin a new run; `init` takes weights along";

/// What a run ran on: results are the same bits where these are the same. Its tuning can be given
/// back as [`TrainerOptions::tuning`](crate::train::TrainerOptions::tuning).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of gpu-train.
    pub version: String,
    /// Operating system and processor.
    pub platform: String,
    /// When the run began, in UTC.
    pub started: String,
    /// Fingerprint of the training set.
    pub train_fingerprint: String,
    /// Fingerprint of the test set.
    pub test_fingerprint: String,
    /// Images of the training set, before any are held out.
    #[serde(default)]
    pub train_images: usize,
    /// Images of the test set.
    #[serde(default)]
    pub test_images: usize,
    /// Channels, rows and columns of an image.
    #[serde(default)]
    pub image_shape: [usize; 3],
    /// The adapter.
    pub adapter: AdapterDescription,
    /// Measured tiles that kernels used instead of their defaults.
    #[serde(default, skip_serializing_if = "Tuning::is_empty")]
    pub tuning: Tuning,
}

impl Environment {
    /// Where the run of the configuration file `config` says what it ran on.
    pub fn beside(config: &Path) -> PathBuf {
        config.with_file_name("environment.toml")
    }

    /// The measured tiles that a run recorded in `path`, an `environment.toml` of this version or
    /// of another; `None` where there is no such file.
    ///
    /// Errors where it cannot be read or understood.
    pub fn read_tuning(path: &Path) -> Result<Option<Tuning>> {
        #[derive(Deserialize)]
        struct Recorded {
            #[serde(default)]
            tuning: Tuning,
        }
        let hint = "it tells the tiles of the run that `config` names; `no_tuned` trains without";
        let Some(bytes) = read_if_there(path, MAX_BYTES, hint)? else {
            return Ok(None);
        };
        let recorded: Recorded = toml::from_slice(&bytes).map_err(|error| {
            let what = format!("is not the environment of a run: {}", error.message());
            Error::file(path, what, hint)
        })?;
        Ok(Some(recorded.tuning))
    }
}

/// An `environment.toml`, of this version or of another, to which a resumed run adds.
#[derive(Debug, Clone)]
pub struct EnvironmentRecord {
    table: toml::Table,
}

/// That a run went on here, as its `environment.toml` records it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Resumption<'a> {
    /// Steps taken before.
    step: u64,
    resumed: &'a str,
    version: &'a str,
    platform: &'a str,
    adapter: &'a str,
    kind: &'a str,
    backend: &'a str,
    driver: &'a str,
    driver_version: &'a str,
}

impl EnvironmentRecord {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = read_regular(path, MAX_BYTES, RESUME_HINT, RESUME_HINT)?;
        let table = toml::from_slice(&bytes).map_err(|error| {
            let what = format!("is not the environment of a run: {}", error.message());
            Error::file(path, what, RESUME_HINT)
        })?;
        Ok(Self { table })
    }

    /// What of `now` is not as the run recorded it, and may change what it computes.
    pub fn differences(&self, now: &Environment) -> Vec<String> {
        let adapter = &now.adapter;
        let all = [
            (&["version"][..], "gpu-train", &now.version),
            (&["platform"], "platform", &now.platform),
            (&["adapter", "name"], "adapter", &adapter.name),
            (&["adapter", "backend"], "backend", &adapter.backend),
            (&["adapter", "driver"], "driver", &adapter.driver),
            (
                &["adapter", "driver_version"],
                "driver version",
                &adapter.driver_version,
            ),
        ];
        let differing = all.into_iter().filter_map(|(keys, name, now)| {
            let then = self.text(keys);
            (then != now).then(|| format!("{name} was {then}, and is {now}"))
        });
        differing.collect()
    }

    /// Errors where the run was last on another kind of device than `now`, naming both: a GPU, a
    /// software driver or the processor.
    pub fn check_kind(&self, now: &Environment) -> Result<()> {
        let (then, now) = (self.last_kind(), &now.adapter.kind);
        if then == "unknown" || family(then) == family(now) {
            return Ok(());
        }
        Err(Error::usage(
            format!(
                "the run was on {} so far, and this is {}",
                family(then),
                family(now)
            ),
            "name the device with `device`, such as `device` cpu: the run then goes on there, but \
             not to the bits that it would have come to; `gpu-train devices` lists them",
        ))
    }

    /// The kind of device that the run was on when it was last begun or resumed.
    fn last_kind(&self) -> &str {
        let resumed = self.table.get("resumed").and_then(toml::Value::as_array);
        let resumed = resumed.into_iter().flatten().rev();
        let mut kinds = resumed.filter_map(|it| it.get("kind")?.as_str());
        kinds
            .next()
            .unwrap_or_else(|| self.text(&["adapter", "kind"]))
    }

    /// The text at the end of `keys`; "unknown" where there is none.
    fn text(&self, keys: &[&str]) -> &str {
        let (last, path) = keys.split_last().expect("keys are not empty");
        let mut table = Some(&self.table);
        for key in path {
            table = table.and_then(|it| it.get(*key)?.as_table());
        }
        let text = table.and_then(|it| it.get(*last)?.as_str());
        text.unwrap_or("unknown")
    }

    /// Adds that the run went on from `checkpoint` as `now` says.
    pub fn resumed(&mut self, checkpoint: &Checkpoint, now: &Environment) {
        let entry = Resumption {
            step: checkpoint.state.step,
            resumed: &now.started,
            version: &now.version,
            platform: &now.platform,
            adapter: &now.adapter.name,
            kind: &now.adapter.kind,
            backend: &now.adapter.backend,
            driver: &now.adapter.driver,
            driver_version: &now.adapter.driver_version,
        };
        let list = self.table.entry("resumed");
        let list = list.or_insert_with(|| toml::Value::Array(Vec::new()));
        if let (Some(list), Ok(entry)) = (list.as_array_mut(), toml::Value::try_from(entry)) {
            list.push(entry);
        }
    }
}

/// What devices of that kind are, in a sentence: those of one family round in much the same way.
fn family(kind: &str) -> &'static str {
    match kind {
        "processor" => "the processor",
        "software" => "software Vulkan",
        _ => "a GPU",
    }
}

impl fmt::Display for EnvironmentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}
