//! One call at a time fetches into a folder.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use super::Event;
use crate::error::{Error, Result};
use crate::files::lock::open_plain;

/// Stays in the folder: whoever removed it could take it from a call that just opened it.
const LOCK_FILE: &str = ".fetch.lock";

/// Waits until no other call, of this process or another, fetches into `folder`. Dropping the file
/// lets the next one in; so does the end of the process, however it ends.
pub(super) fn hold(
    folder: &Path,
    listener: &mut dyn FnMut(Event<'_>) -> Result<()>,
) -> Result<File> {
    let path = folder.join(LOCK_FILE);
    let failed = |error: io::Error| {
        Error::file(
            &path,
            format!("cannot be locked: {error}"),
            "choose a folder that can be written, on a file system with locks, with `out` DIR",
        )
    };
    let file = open_plain(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            listener(Event::Waiting { folder })?;
            file.lock().map_err(failed)?;
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}
