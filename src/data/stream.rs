//! Reads the bytes of a data file, inflated on the way where they are compressed.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::numbers::Numbers;
use crate::error::{Error, Result};
use crate::files::{hollow, is_hollow};

pub(super) const DAMAGED_HINT: &str =
    "the file is incomplete or damaged: download or copy it again";
/// Bytes that are converted at a time.
const CHUNK: usize = 1 << 16;
/// Values for which there is room at once. More come when these are there: a header may claim a thousand
/// times what a deflated file holds.
const FIRST: usize = 1 << 24;

/// Opens a regular file, and tells its size in bytes. Devices and pipes may never end; `expected`
/// is the hint where `path` is no file.
pub(super) fn open_regular(path: &Path, expected: &str) -> Result<(File, u64)> {
    // Asked before opening: opening a folder fails on some systems, reading it on others, and
    // opening a pipe waits for somebody to write to it.
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "is a folder, not a file"
        } else {
            "is not a regular file"
        };
        return Err(Error::file(path, what, expected));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let bytes = metadata.len();
    match is_hollow(&file, bytes) {
        Ok(false) => Ok((file, bytes)),
        Ok(true) => Err(Error::file(path, hollow(bytes), DAMAGED_HINT)),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// `path` cannot be opened or read because of `error`.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        let hint = "check the spelling; a relative path starts at the current folder";
        return Error::file(path, "no such file", hint);
    }
    Error::file(
        path,
        format!("cannot be read: {error}"),
        "check its permissions",
    )
}

/// What is wrong where reading compressed bytes failed with `error`.
pub(super) fn damage(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "truncated: its bytes end early".to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            format!("corrupted: its compressed bytes do not inflate ({error})")
        }
        _ => format!("cannot be read: {error}"),
    }
}

/// An empty vector with room for `count` values, or an error that says how much memory is missing.
pub(super) fn reserve<T>(path: &Path, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let reserved = values.try_reserve_exact(count);
    reserved.map_err(|_| out_of_memory(path, count * size_of::<T>()))?;
    Ok(values)
}

/// `count` zeros, or an error that says how much memory is missing. Whoever writes a page of them first has the system
/// make it, which takes as long as decoding what it holds: threads share that, too.
#[cfg(feature = "formats")]
pub(super) fn zeroed(path: &Path, count: usize) -> Result<Vec<u8>> {
    let zeros = bytemuck::allocation::try_zeroed_vec(count);
    zeros.map_err(|()| out_of_memory(path, count))
}

fn out_of_memory(path: &Path, bytes: usize) -> Error {
    let what = format!("needs {} MiB more memory", bytes >> 20);
    Error::file(path, what, "close other programs, or train on fewer images")
}

/// The bytes of a file, or of one part of it.
pub(super) struct Stream<'a> {
    path: PathBuf,
    /// What the file calls this part; empty for a whole file.
    part: String,
    reader: Box<dyn Read + 'a>,
}

impl<'a> Stream<'a> {
    /// The file `path`, whose bytes `reader` gives.
    pub(super) fn new(path: &Path, reader: impl Read + 'a) -> Self {
        Self {
            path: path.to_path_buf(),
            part: String::new(),
            reader: Box::new(BufReader::with_capacity(CHUNK, reader)),
        }
    }

    /// A part of the file `path`, which errors call `part`.
    pub(super) fn part(path: &Path, part: &str, reader: impl Read + 'a) -> Self {
        let part = part.to_owned();
        let whole = Self::new(path, reader);
        Self { part, ..whole }
    }

    /// An error about these bytes.
    pub(super) fn error(&self, what: impl fmt::Display, hint: &str) -> Error {
        let what = match &self.part[..] {
            "" => what.to_string(),
            part => format!("{part}: {what}"),
        };
        Error::file(&self.path, what, hint)
    }

    /// Reads exactly `bytes.len()` bytes.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let filled = self.reader.read_exact(bytes);
        filled.map_err(|error| self.error(damage(&error), DAMAGED_HINT))
    }

    /// Reads `count` bytes, a number that was checked against the size of the file.
    pub(super) fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut bytes = reserve(&self.path, count.min(FIRST))?;
        let read = (&mut self.reader)
            .take(count as u64)
            .read_to_end(&mut bytes);
        match read {
            Ok(read) if read == count => {
                bytes.shrink_to_fit();
                Ok(bytes)
            }
            Ok(read) => {
                let what = format!("truncated: {read} of its {count} bytes are there");
                Err(self.error(what, DAMAGED_HINT))
            }
            Err(error) => Err(self.error(damage(&error), DAMAGED_HINT)),
        }
    }

    /// Reads `count` targets, a number that was checked against the size of the file. Fails where
    /// one is not finite.
    pub(super) fn targets(&mut self, numbers: Numbers, count: usize) -> Result<Vec<f32>> {
        let mut targets = reserve(&self.path, count.min(FIRST))?;
        let mut buffer = vec![0; CHUNK];
        while targets.len() < count {
            let some = (CHUNK / numbers.bytes()).min(count - targets.len());
            let bytes = &mut buffer[..some * numbers.bytes()];
            self.fill(bytes)?;
            for number in bytes.chunks_exact(numbers.bytes()) {
                let target = numbers.read(number) as f32;
                if !target.is_finite() {
                    let index = targets.len();
                    let what = format!(
                        "the target of image {index} (counted from 0) is not a finite number"
                    );
                    return Err(
                        self.error(what, "targets are finite numbers: leave out the others")
                    );
                }
                targets.push(target);
            }
        }
        Ok(targets)
    }

    /// Checks that nothing follows what was read. Compressed bytes end with a checksum, which is
    /// verified here.
    pub(super) fn finish(mut self) -> Result<()> {
        let mut byte = [0];
        loop {
            return match self.reader.read(&mut byte) {
                Ok(0) => Ok(()),
                Ok(_) => {
                    let what = "corrupted: more bytes follow than its header says";
                    Err(self.error(what, DAMAGED_HINT))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(self.error(damage(&error), DAMAGED_HINT)),
            };
        }
    }
}
