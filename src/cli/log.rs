//! `--log`: all that is printed goes into a file, too.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use console::strip_ansi_codes;

use crate::error::{Error, Result};
use crate::files::utc_now;

/// The file, where there is one.
static LOG: Mutex<Option<Log>> = Mutex::new(None);

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    /// Why it stopped being written.
    lost: Option<io::Error>,
}

/// Adds what is printed from now on to the file `path`, behind a line that says when, and `what` was called.
///
/// Errors where it cannot be written.
pub(super) fn open(path: &Path, what: &str) -> Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|error| {
        let missing = path.parent().filter(|it| !it.as_os_str().is_empty() && !it.exists());
        let hint = match missing {
            Some(folder) => format!(
                "make the folder {} first, or name a file elsewhere: the folder of a new run is made when the run \
                 begins",
                folder.display()
            ),
            None => "name a file that can be written".to_owned(),
        };
        Error::file(path, format!("cannot be written: {error}"), hint)
    })?;
    *held() = Some(Log {
        path: path.to_path_buf(),
        file,
        lost: None,
    });
    let version = env!("CARGO_PKG_VERSION");
    add(&format!("# {} gpu-train {version}: {what}", utc_now()));
    Ok(())
}

/// Adds lines, without their colours. What is added at once stays together, whoever else adds to the file.
pub(super) fn add(lines: &str) {
    let mut log = held();
    let Some(log) = log.as_mut().filter(|it| it.lost.is_none()) else {
        return;
    };
    let text = format!("{}\n", strip_ansi_codes(lines.trim_end_matches('\n')));
    log.lost = log.file.write_all(text.as_bytes()).err();
}

/// Adds when the process ended, and how.
pub(super) fn close(status: u8) {
    add(&format!("# {} ended with status {status}", utc_now()));
}

/// Errors where not all could be added.
pub(super) fn all_written() -> Result<()> {
    let mut log = held();
    let Some(log) = log.as_mut() else {
        return Ok(());
    };
    log.lost.take().map_or(Ok(()), |error| {
        Err(Error::file(
            &log.path,
            format!("not all that was printed could be added: {error}"),
            "free some space, or name a file elsewhere with --log",
        ))
    })
}

fn held() -> std::sync::MutexGuard<'static, Option<Log>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}
