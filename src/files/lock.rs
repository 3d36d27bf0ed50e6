//! Locks of folders: one process at a time writes into one, or several that share it, and only while it is still
//! the same one.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Locked by the process that writes into the folder.
const LOCK: &str = ".lock";

/// The folders that this process holds. Whoever writes a file below one of them, be it a report or a
/// figure, is asked whether the folder is still there: no writer can forget it.
static HELD: Mutex<Vec<(PathBuf, Arc<File>)>> = Mutex::new(Vec::new());

/// A folder that this process writes into as long as this lives, alone or with others that share it.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: Arc<File>,
}

impl FolderLock {
    /// Locks `folder`. Where the file system knows no locks, there is none.
    ///
    /// Errors where another process holds it, or where its lock is no file of its own.
    pub(super) fn hold(folder: &Path) -> Result<Self> {
        Self::with(folder, File::try_lock)
    }

    /// Locks `folder` together with others that do so.
    ///
    /// Errors where another process holds it alone.
    #[cfg(feature = "sweep")]
    pub(crate) fn share(folder: &Path) -> Result<Self> {
        Self::with(folder, File::try_lock_shared)
    }

    fn with(folder: &Path, lock: fn(&File) -> Result<(), TryLockError>) -> Result<Self> {
        let path = folder.join(LOCK);
        let file = open_plain(&path).map_err(|error| super::unwritable(&path, &error))?;
        if let Err(TryLockError::WouldBlock) = lock(&file) {
            return Err(Error::file(
                folder,
                "another gpu-train is writing into this run",
                "wait until it has ended, or stop it; a new run needs no `out`",
            ));
        }
        let file = Arc::new(file);
        held().push((folder.to_path_buf(), Arc::clone(&file)));
        Ok(Self { file })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        held().retain(|(_, file)| !Arc::ptr_eq(file, &self.file));
    }
}

/// A part of a shared folder that one process at a time has, as long as this lives. It stays in the folder: whoever
/// removed it could take it from a process that just opened it.
#[cfg(feature = "sweep")]
#[derive(Debug)]
pub(crate) struct PartLock {
    _file: File,
}

#[cfg(feature = "sweep")]
impl PartLock {
    /// Locks the file `path`; `None` where another process has it.
    ///
    /// Errors where it is no file of its own.
    pub(crate) fn hold(path: &Path) -> Result<Option<Self>> {
        let file = open_plain(path).map_err(|error| super::unwritable(path, &error))?;
        let is_free = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        Ok(is_free.then_some(Self { _file: file }))
    }

    /// Locks the file `path` as soon as no other process has it.
    ///
    /// Errors where it is no file of its own.
    pub(crate) fn wait(path: &Path) -> Result<Self> {
        let file = open_plain(path).map_err(|error| super::unwritable(path, &error))?;
        // As above: where the file system knows no locks, there is none.
        let _ = file.lock();
        Ok(Self { _file: file })
    }
}

fn held() -> std::sync::MutexGuard<'static, Vec<(PathBuf, Arc<File>)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Errors where `path` lies in a folder that this process holds, and another folder stands there now:
/// one that was moved takes its lock along.
pub(super) fn check_place(path: &Path) -> io::Result<()> {
    let moved = held().iter().any(|(folder, lock)| {
        path != folder && path.starts_with(folder) && !is_at(lock, &folder.join(LOCK))
    });
    if moved {
        return Err(io::Error::other(
            "the folder was moved away, or another took its place; nothing was written into that one",
        ));
    }
    Ok(())
}

/// Whether `file` is what stands at `path`, not following a link. A lock that cannot be looked at is
/// as good as none.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(there)) => there.is_file() && is_same(&open, &there),
        _ => false,
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Windows moves no folder in which a file is open.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Opens the file `path` to be locked, and makes it where it is missing. Nothing is ever written to it.
///
/// Errors where something else stands there: a link would make or lock a file elsewhere, and a pipe
/// would wait for a reader.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    // Windows locks no file that is open for appending alone, and NFS shares none that cannot be read.
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => options.open(path),
        Ok(_) => Err(io::Error::other("is not a regular file: remove it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = options.clone().create_new(true).open(path);
            match made {
                // Another process made it in the meantime.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
                made => made,
            }
        }
        Err(error) => Err(error),
    }
}

/// Makes the folder `path` within another where it is missing.
///
/// Errors where something else stands there: through a link, files would be written elsewhere.
#[cfg(feature = "report")]
pub(crate) fn make_plain_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::other("is a link, or no folder: remove it")),
        Err(_) => fs::create_dir_all(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_whole;

    #[test]
    fn one_process_at_a_time_writes_into_a_run() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let lock = || FolderLock::hold(place.path());
        let held = lock().expect("is free");
        let error = lock().expect_err("is held");
        assert!(error.to_string().contains("another gpu-train"), "{error}");
        drop(held);
        assert!(lock().is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_into_what_took_the_place_of_a_folder() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (run, moved) = (place.path().join("run"), place.path().join("moved"));
        let file = run.join("figures/file");
        let make = || fs::create_dir_all(run.join("figures")).expect("is made");
        make();
        let held = FolderLock::hold(&run).expect("is free");
        write_whole(&file, b"first").expect("writes");
        fs::rename(&run, &moved).expect("moves");
        let others: [fn(&Path, &Path); 4] = [
            |run, _| drop(FolderLock::hold(run).expect("is another")),
            |_, _| {},
            |run, moved| {
                std::os::unix::fs::symlink(moved.join(LOCK), run.join(LOCK)).expect("links");
            },
            |run, _| fs::create_dir(run.join(LOCK)).expect("is made"),
        ];
        for other in others {
            make();
            other(&run, &moved);
            let error = write_whole(&file, b"second").expect_err("is not ours");
            assert!(error.to_string().contains("moved away"), "{error}");
            let left = fs::read_dir(run.join("figures")).expect("readable");
            assert_eq!(left.count(), 0);
            fs::remove_dir_all(&run).expect("removes");
        }
        // A link to where it is now leads to the same folder.
        std::os::unix::fs::symlink(&moved, &run).expect("links");
        write_whole(&file, b"third").expect("writes");
        assert_eq!(
            fs::read(moved.join("figures/file")).ok(),
            Some(b"third".to_vec())
        );
        drop(held);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_opened_for_a_lock() {
        use std::os::unix::{fs::symlink, net::UnixListener};
        let place = tempfile::tempdir().expect("a temporary folder");
        let lock = place.path().join(LOCK);
        let target = place.path().join("elsewhere");
        symlink(&target, &lock).expect("links");
        let error = FolderLock::hold(place.path()).expect_err("leads elsewhere");
        assert!(error.to_string().contains("not a regular file"), "{error}");
        assert!(!target.exists(), "nothing was made there");
        fs::remove_file(&lock).expect("removes");
        let _socket = UnixListener::bind(&lock).expect("binds");
        assert!(FolderLock::hold(place.path()).is_err());
    }
}
