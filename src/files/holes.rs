//! Files that claim more bytes than they store: a hole of gigabytes costs whoever made it nothing.

use std::fs::File;
use std::io;

/// Bytes that any file may have, whatever it stores of them.
const ALLOWANCE: u64 = 32 << 20;
/// Bytes that it may have above that for each one that it stores.
const PER_BYTE: u64 = 64;

/// Whether `file`, of `bytes` bytes, stores too few of them to be what somebody wrote. A file system that
/// knows no holes stores all. Leaves the file at its beginning.
pub(crate) fn is_hollow(file: &File, bytes: u64) -> io::Result<bool> {
    let mut granted = ALLOWANCE;
    let mut end = 0;
    while granted < bytes {
        let Some(stored) = next_stored(file, end)? else {
            return Ok(true);
        };
        granted = granted.saturating_add((stored.end - stored.start).saturating_mul(PER_BYTE));
        end = stored.end;
    }
    Ok(false)
}

/// The next bytes from `from` on that are stored; `None` where there are none.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn next_stored(file: &File, from: u64) -> io::Result<Option<std::ops::Range<u64>>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    let found = match seek(file, SeekFrom::Data(from)) {
        Ok(start) => {
            let end = seek(file, SeekFrom::Hole(start))?.max(start + 1);
            Some(start..end)
        }
        Err(Errno::NXIO) => None,
        // The file system does not tell.
        Err(_) => Some(from..u64::MAX),
    };
    seek(file, SeekFrom::Start(0))?;
    Ok(found)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn next_stored(_: &File, from: u64) -> io::Result<Option<std::ops::Range<u64>>> {
    Ok(Some(from..u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

    #[test]
    fn holes_are_found_and_files_that_store_enough_are_not_hollow() {
        let mut file = tempfile::tempfile().expect("a file");
        let mut is_hollow = |bytes: u64, stored: &[u8]| {
            file.set_len(0).expect("ours");
            file.set_len(bytes).expect("ours");
            file.seek(SeekFrom::Start(bytes / 2)).expect("ours");
            file.write_all(stored).expect("writes");
            let found = is_hollow(&file, bytes).expect("can be asked");
            let mut first = [1];
            file.read_exact(&mut first)
                .expect("stands at its beginning");
            found
        };
        let knows = cfg!(any(target_os = "linux", target_vendor = "apple"));
        assert!(!is_hollow(ALLOWANCE, b"x"));
        assert_eq!(is_hollow(4 << 30, b""), knows);
        assert_eq!(is_hollow(4 << 30, b"x"), knows);
        assert!(!is_hollow(256 << 20, &vec![1; 4 << 20]));
    }
}
