//! Reading and writing files with care: nothing endless is read, nothing is written by half.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::error::{Error, Result};

/// Reads all of a regular file of at most `limit` bytes: devices and pipes may never end.
///
/// Errors say what is wrong with `path`; `missing` is the hint where nothing is there, `wrong`
/// where something else is.
pub(super) fn read_regular(path: &Path, limit: u64, missing: &str, wrong: &str) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => missing,
            _ => wrong,
        };
        Error::file(path, format!("cannot be read: {error}"), hint)
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::file(path, "is no regular file", wrong));
    }
    let mut bytes = Vec::new();
    // A file may grow, or not tell its length: the limit is kept while reading.
    if metadata.len() <= limit {
        let file = File::open(path).map_err(unreadable)?;
        let mut bounded = file.take(limit + 1);
        bounded.read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        let what = format!("is larger than the {limit} bytes that such a file can need");
        return Err(Error::file(path, what, wrong));
    }
    Ok(bytes)
}

/// Writes a file whole or not at all: to a temporary name beside it, then renamed.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error: std::io::Error| {
        let _ = fs::remove_file(&partial);
        unwritable(path, &error)
    })
}

/// `path` cannot be written because of `error`.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::file(
        path,
        format!("cannot be written: {error}"),
        "choose a folder that can be written with --out, and see to free space",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        let read = |path: &Path, limit| read_regular(path, limit, "missing", "wrong");
        let error = read(&path, 9).expect_err("is not there");
        assert_eq!(error.hint(), "missing");
        fs::write(&path, b"nine byte").expect("writes");
        assert_eq!(read(&path, 9).expect("fits"), b"nine byte");
        let error = read(&path, 8).expect_err("is too large");
        assert!(error.to_string().contains("larger than the 8 bytes"));
        assert!(read(folder.path(), 9).is_err(), "a folder is no file");
        if cfg!(unix) {
            let error = read(Path::new("/dev/zero"), 9).expect_err("never ends");
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
    }
}
