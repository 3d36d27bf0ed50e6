//! Reading and writing files with care: nothing endless is read, nothing is written by half. And
//! the folder for what can be made again.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
pub(crate) use holes::is_hollow;

#[cfg(any(feature = "cli", feature = "sweep"))]
mod clock;
pub(crate) mod folder;
mod holes;
pub(crate) mod lock;

#[cfg(any(feature = "cli", feature = "sweep"))]
pub(crate) use clock::utc_now;
#[cfg(feature = "cli")]
pub(crate) use clock::utc_stamp;

/// Reads all of a regular file of at most `limit` bytes: devices and pipes may never end.
///
/// Errors say what is wrong with `path`; `missing` is the hint where nothing is there, `wrong`
/// where something else is.
pub(crate) fn read_regular(path: &Path, limit: u64, missing: &str, wrong: &str) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => missing,
            _ => wrong,
        };
        Error::file(path, format!("cannot be read: {error}"), hint)
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::file(path, "is not a regular file", wrong));
    }
    let mut bytes = Vec::new();
    // A file may grow, or not tell its length: the limit is kept while reading.
    if metadata.len() <= limit {
        let file = File::open(path).map_err(unreadable)?;
        if is_hollow(&file, metadata.len()).map_err(unreadable)? {
            return Err(Error::file(path, hollow(metadata.len()), wrong));
        }
        let mut bounded = file.take(limit + 1);
        bounded.read_to_end(&mut bytes).map_err(unreadable)?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        let what = format!("is larger than the {limit} bytes that such a file can need");
        return Err(Error::file(path, what, wrong));
    }
    Ok(bytes)
}

/// What is wrong with a file of `bytes` bytes that [`is_hollow`].
pub(crate) fn hollow(bytes: u64) -> String {
    format!("stores next to nothing of its {bytes} bytes: the rest is a hole")
}

/// [`read_regular`] for a file that need not be there: `None` where nothing is. What is there and
/// cannot be read, or looked at, is an error.
pub(crate) fn read_if_there(path: &Path, limit: u64, wrong: &str) -> Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => read_regular(path, limit, wrong, wrong).map(Some),
    }
}

/// What names end in of which not everything is there yet.
const PARTIAL: &str = ".partial";

/// A name beside `path` for what is not yet whole: this call's own, so that several processes, and
/// threads of each, may make the same thing at once.
pub(crate) fn partial_beside(path: &Path) -> PathBuf {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    /// Numbers of processes are not enough: every container has a process 1, and may share this folder.
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{:x}-{call}{PARTIAL}", *PROCESS));
    path.with_file_name(name)
}

/// Removes the files in `folder` that a killed process left half written: those that have not changed
/// for the time `since`. It may be zero where nobody else is writing.
pub(crate) fn remove_partial_files(folder: &Path, since: Duration) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        let is_partial = path.to_string_lossy().ends_with(PARTIAL);
        if is_partial && (since.is_zero() || age().is_some_and(|age| age >= since)) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file whole or not at all: to a temporary name beside it, then renamed. What was there
/// before stays until the new one is safely on the disk.
///
/// Errors, and writes nothing, where `path` lies in a folder of this process that is no longer there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    lock::check_place(path)?;
    let partial = partial_beside(path);
    let write = || {
        // No link is followed.
        let mut file = File::create_new(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename(&partial, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Gives what lies whole in `partial` its name, for good: power failures do not undo it where the
/// file system can sync folders, and this one may be opened.
///
/// Errors where `path` lies in a folder of this process that is no longer there.
pub(crate) fn rename(partial: &Path, path: &Path) -> std::io::Result<()> {
    lock::check_place(path)?;
    fs::rename(partial, path)?;
    if cfg!(unix) {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        // Where it cannot be synced, the file has its name all the same: that is no failure.
        let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// [`replace`] for the files of a run.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes).map_err(|error| unwritable(path, &error))
}

/// [`replace`] for a file of the cache folder, which is made where it is missing.
pub(crate) fn write_cached(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| replace(path, bytes));
    written.map_err(|error| {
        let variable = match std::env::consts::OS {
            "windows" => "LOCALAPPDATA",
            "macos" => "HOME",
            _ => "XDG_CACHE_HOME",
        };
        Error::file(
            path,
            format!("cannot be written: {error}"),
            format!("free some space, or set {variable} to a folder that can be written"),
        )
    })
}

/// `path` cannot be written because of `error`.
pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::file(
        path,
        format!("cannot be written: {error}"),
        "free some space, or check permissions; `out` names another folder for what is new",
    )
}

/// The user's folder for files that can be made or fetched again, where the system has one.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    cache_folder_from(|variable| std::env::var_os(variable).map(PathBuf::from))
}

fn cache_folder_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // A relative path would mean another folder in every current folder.
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Caches"))
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
    }
}

/// The first 64 bits of the SHA-256 of `bytes`: tells files apart, and damaged ones from whole ones.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    let first = digest.first_chunk().expect("a digest has 32 bytes");
    u64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_folder_is_absolute_or_none() {
        assert_eq!(cache_folder_from(|_| None), None);
        assert_eq!(cache_folder_from(|_| Some(PathBuf::from("relative"))), None);
        let root = std::env::current_dir().expect("there is one");
        let cache = cache_folder_from(|_| Some(root.clone())).expect("absolute");
        assert!(cache.starts_with(&root));
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        // The examples of FIPS 180-2.
        assert_eq!(digest(b""), 0xE3B0_C442_98FC_1C14);
        assert_eq!(digest(b"abc"), 0xBA78_16BF_8F01_CFEA);
    }

    #[test]
    fn threads_that_write_the_same_file_do_not_meet() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        let content = |thread: u8| vec![thread; 10_000 * usize::from(thread)];
        for _ in 0..10 {
            std::thread::scope(|scope| {
                for thread in 1..=8 {
                    let path = &path;
                    scope.spawn(move || replace(path, &content(thread)).expect("writes"));
                }
            });
            let got = fs::read(&path).expect("reads");
            assert_eq!(got, content(got[0]), "one thread's, and whole");
        }
        let left = fs::read_dir(folder.path()).expect("readable").count();
        assert_eq!(left, 1, "no temporary file is left");
    }

    /// The superuser, who may run this test, may open every folder.
    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_synced_still_takes_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().join("write only");
        fs::create_dir(&folder).expect("is made");
        let permit = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode));
        permit(0o300).expect("is ours");
        let written = replace(&folder.join("file"), b"bytes");
        permit(0o700).expect("is ours");
        written.expect("writes");
        assert_eq!(fs::read(folder.join("file")).expect("reads"), b"bytes");
    }

    #[test]
    fn only_what_is_missing_need_not_be_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        let read = |path: &Path| read_if_there(path, 9, "wrong");
        assert_eq!(read(&path).expect("need not be there"), None);
        assert_eq!(read(&path.join("a")).expect("need not be there"), None);
        fs::write(&path, b"bytes").expect("writes");
        assert_eq!(read(&path).expect("reads"), Some(b"bytes".to_vec()));
        assert!(read(folder.path()).is_err(), "a folder is no file");
        // As in a folder that cannot be entered, nobody can tell what is there. (The superuser,
        // who may run this test, can enter them all.)
        if cfg!(unix) {
            let error = read(&path.join("a")).expect_err("lies in no folder");
            assert_eq!(error.hint(), "wrong");
        }
    }

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
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
    }
}
