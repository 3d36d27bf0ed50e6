//! Errors of every floor: what was wrong, where, and what to do about it.

use std::path::{Path, PathBuf};

/// The result of everything that can fail in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. [`Error::hint`] names the flag or command that helps.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration that can never work: a wrong option value, lists of different lengths, …
    #[error("{what}")]
    Usage {
        /// What was wrong.
        what: String,
        /// What helps.
        hint: String,
    },
    /// A layer whose shapes do not fit.
    #[error("{layer}: {what}")]
    Shape {
        /// The layer, counted from 1: "conv layer 2".
        layer: String,
        /// What does not fit, with the shapes.
        what: String,
        /// What helps.
        hint: String,
    },
    /// A file or folder that cannot be read, written or understood.
    #[error("{}: {what}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was wrong with it.
        what: String,
        /// What helps.
        hint: String,
    },
    /// No adapter, an adapter without the limits needed, or a lost device.
    #[error("{what}")]
    Gpu {
        /// What was wrong.
        what: String,
        /// What helps.
        hint: String,
    },
    /// A loss, a gradient or a parameter that became NaN or infinite.
    #[error("{what}")]
    Diverged {
        /// Where, and which value.
        what: String,
        /// The step that showed it, counted from 1.
        step: u64,
        /// What helps.
        hint: String,
    },
    /// Another rank of a job: one that is gone, or that is not as this one.
    #[error("{what}")]
    Ranks {
        /// Which, and what is wrong with it.
        what: String,
        /// What helps.
        hint: String,
    },
    /// The user stopped a run, which was saved.
    #[error("{what}")]
    Interrupted {
        /// Where it stopped.
        what: String,
        /// How to go on.
        hint: String,
    },
}

impl Error {
    /// A configuration that can never work.
    pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// A layer whose shapes do not fit.
    pub fn shape(
        layer: impl Into<String>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Shape {
            layer: layer.into(),
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// A file or folder that cannot be used.
    pub fn file(path: &Path, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::File {
            path: path.to_path_buf(),
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// An adapter or a device that cannot do the work.
    pub fn gpu(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Gpu {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// Another rank that is gone, or not as this one.
    pub fn ranks(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Ranks {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// What to do about it, in one line.
    pub fn hint(&self) -> &str {
        match self {
            Self::Usage { hint, .. }
            | Self::Shape { hint, .. }
            | Self::File { hint, .. }
            | Self::Gpu { hint, .. }
            | Self::Diverged { hint, .. }
            | Self::Ranks { hint, .. }
            | Self::Interrupted { hint, .. } => hint,
        }
    }

    /// The same error, with `more` to do about it.
    #[must_use]
    pub fn and_hint(mut self, more: &str) -> Self {
        match &mut self {
            Self::Usage { hint, .. }
            | Self::Shape { hint, .. }
            | Self::File { hint, .. }
            | Self::Gpu { hint, .. }
            | Self::Diverged { hint, .. }
            | Self::Ranks { hint, .. }
            | Self::Interrupted { hint, .. } => {
                hint.push_str("; ");
                hint.push_str(more);
            }
        }
        self
    }

    /// The exit status of the process: 2 for wrong usage, 130 for a run that was stopped and saved,
    /// 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Interrupted { .. } => 130,
            _ => 1,
        }
    }
}
