//! Whether files are what they should be: size and SHA-256.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{RemoteFile, Standing};
use crate::error::{Error, Result};
use crate::files;

/// The record of unpacked files, in the format of `sha256sum`: an archive's members have no
/// published checksums, so those of the members of the verified archive are written down.
pub(super) const RECORD: &str = "SHA256SUMS";
/// More than any record of ours needs.
const RECORD_LIMIT: u64 = 1 << 16;

/// What stands at a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Whole,
    /// Another file: how it differs.
    Other(String),
}

/// Compares what stands at `path` with `file`.
pub(super) fn file(path: &Path, file: &RemoteFile) -> Result<Found> {
    compare(path, file.bytes, Some(file.sha256))
}

/// Whether `folder` holds every unpacked member of `archive`, as the record says.
pub(super) fn members(folder: &Path, archive: &RemoteFile) -> Result<Standing> {
    let hint = "remove the file, and fetch again";
    let record = files::read_if_there(&folder.join(RECORD), RECORD_LIMIT, hint)?;
    let record = String::from_utf8(record.unwrap_or_default()).unwrap_or_default();
    let mut whole = true;
    for member in archive.members {
        let path = folder.join(member.name);
        let sum = record.lines().find_map(|line| {
            let (sum, name) = line.split_once("  ")?;
            (name == member.name).then_some(sum)
        });
        let standing = compare(&path, member.bytes, sum)?.at(path);
        whole &= standing.whole;
        if standing.in_the_way.is_some() {
            return Ok(standing);
        }
    }
    Ok(Standing {
        whole,
        in_the_way: None,
    })
}

/// `sha256` is `None` where it is not known: then nothing is whole.
fn compare(path: &Path, bytes: u64, sha256: Option<&str>) -> Result<Found> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if !metadata.is_file() {
        return Ok(Found::Other("it is not a regular file".to_owned()));
    }
    if metadata.len() != bytes {
        let found = metadata.len();
        return Ok(Found::Other(format!(
            "expected {bytes} bytes, found {found}"
        )));
    }
    let Some(expected) = sha256 else {
        return Ok(Found::Other(format!(
            "no {RECORD} beside it says what it should be"
        )));
    };
    let found = sum(path).map_err(|error| unreadable(path, &error))?;
    Ok(if found == expected {
        Found::Whole
    } else {
        Found::Other(format!("expected SHA-256 {expected}, found {found}"))
    })
}

/// The SHA-256 of a file in lower-case hexadecimal.
fn sum(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(&hasher.finalize())),
            Ok(length) => hasher.update(&buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::file(
        path,
        format!("cannot be read: {error}"),
        "fetch into a folder that can be read and written, with `out` DIR",
    )
}
