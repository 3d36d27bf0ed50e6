//! Folders that a process fills and then writes into: whole or not there, and one process at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use super::lock::FolderLock;
use super::{partial_beside, remove_partial_files, rename, replace, unwritable};
use crate::error::{Error, Result};

/// The folder of the figures of a run, a sweep or a comparison, within its own.
pub(crate) const FIGURES: &str = "figures";

/// Makes the folder `path` with `files` in it, all of it at once or nothing at all, and locks it for
/// this process as long as the returned lock lives.
///
/// Errors where it exists and is not empty, since what was written is never overwritten, and where not all
/// of it can be written; then nothing is left behind.
pub(crate) fn create_locked(path: &Path, files: &[(&str, Vec<u8>)]) -> Result<FolderLock> {
    refuse_existing(path)?;
    let above = path.parent().unwrap_or(Path::new(""));
    let made = make_folders(above)?;
    remove_forgotten_folders(above);
    fill(path, files).inspect_err(|_| remove_folders(&made))?;
    FolderLock::hold(path)
}

/// Locks the folder `path`, which is there, for this process as long as the returned file lives;
/// takes away files that a killed process left half written.
///
/// Errors where another process has it.
pub(crate) fn open_locked(path: &Path) -> Result<FolderLock> {
    let lock = FolderLock::hold(path)?;
    remove_left_files(path);
    Ok(lock)
}

/// Takes away files that a killed process left half written in the folder `path`, into which only this one writes.
pub(crate) fn remove_left_files(path: &Path) {
    remove_partial_files(path, Duration::ZERO);
    let figures = path.join(FIGURES);
    // Through a link, files elsewhere would be removed.
    if fs::symlink_metadata(&figures).is_ok_and(|it| it.is_dir()) {
        remove_partial_files(&figures, Duration::ZERO);
    }
}

/// Makes an empty folder: the first of `paths` where nothing is yet, or an empty one.
///
/// Errors where all of them exist, or none can be made.
#[cfg(feature = "cli")]
pub(crate) fn create_plain(paths: impl IntoIterator<Item = PathBuf>) -> Result<PathBuf> {
    let mut taken = PathBuf::new();
    for path in paths {
        make_folders(path.parent().unwrap_or(Path::new("")))?;
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(_) if is_empty_folder(&path) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => taken = path,
            Err(error) => return Err(unwritable(&path, &error)),
        }
    }
    Err(exists(&taken))
}

/// Errors where `path` exists and is no empty folder, before any work is done for it.
pub(crate) fn refuse_existing(path: &Path) -> Result<()> {
    if path.exists() && !is_empty_folder(path) {
        Err(exists(path))
    } else {
        Ok(())
    }
}

/// Whether `path` is a folder, and no link to one, with nothing in it.
fn is_empty_folder(path: &Path) -> bool {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
    is_folder && fs::read_dir(path).is_ok_and(|mut it| it.next().is_none())
}

/// What a new folder is called before it is whole.
const NEW: &str = ".gpu-train-new";
/// After this time nobody is filling a folder any more.
const FORGOTTEN: Duration = Duration::from_hours(1);

/// Makes the folder `path` with `files` in it: filled under another name, then renamed.
fn fill(path: &Path, files: &[(&str, Vec<u8>)]) -> Result<()> {
    let new = partial_beside(&path.with_file_name(NEW));
    let write = || {
        fs::create_dir(&new).map_err(|error| unwritable(path, &error))?;
        for (name, bytes) in files {
            let written = replace(&new.join(name), bytes);
            written.map_err(|error| unwritable(&path.join(name), &error))?;
        }
        // A path may be too long for what is to lie in the folder, though not for the folder.
        for file in files.iter().map(|(name, _)| path.join(name)) {
            if let Err(error) = fs::symlink_metadata(partial_beside(&file))
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(unwritable(&file, &error));
            }
        }
        // An empty folder gives way; a folder with anything in it cannot be removed so.
        if cfg!(windows) {
            let _ = fs::remove_dir(path);
        }
        rename(&new, path).map_err(|error| {
            // Another run may have made it in the meantime.
            if path.exists() && !is_empty_folder(path) {
                exists(path)
            } else {
                unwritable(path, &error)
            }
        })
    };
    write().inspect_err(|_| {
        let _ = fs::remove_dir_all(&new);
    })
}

/// Removes folders in `above` that a killed process left before they were runs.
fn remove_forgotten_folders(above: &Path) {
    let above = if above.as_os_str().is_empty() {
        Path::new(".")
    } else {
        above
    };
    let entries = fs::read_dir(above).into_iter().flatten().flatten();
    for entry in entries {
        let forgotten = || {
            let age = entry.metadata().ok()?.modified().ok()?.elapsed().ok()?;
            Some(age > FORGOTTEN)
        };
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(NEW) && forgotten() == Some(true) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes what is missing of the folder `path`, which may exist; returns what it made, the outermost
/// first. Where it fails, it takes away again what it made.
fn make_folders(path: &Path) -> Result<Vec<PathBuf>> {
    let mut missing: Vec<&Path> = path
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    missing.reverse();
    let mut made = Vec::new();
    for folder in missing {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder.to_path_buf()),
            // Another run may have made it in the meantime.
            Err(_) if folder.is_dir() => {}
            Err(error) => {
                remove_folders(&made);
                return Err(unwritable(folder, &error));
            }
        }
    }
    Ok(made)
}

/// Removes what [`make_folders`] made, as far as it is still empty.
fn remove_folders(made: &[PathBuf]) {
    for folder in made.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

fn exists(path: &Path) -> Error {
    Error::file(
        path,
        "exists already, and a run is never overwritten",
        "give another folder with `out`, or omit `out`",
    )
}

/// Makes the link `link` to the folder of this `name` beside it, in place of the one that was there: made under another
/// name and then renamed, so that processes that do so at once do no harm to each other.
///
/// Errors where there cannot be one, as on some systems.
#[cfg(feature = "cli")]
pub(crate) fn link_beside(link: &Path, name: &Path) -> std::io::Result<()> {
    let new = partial_beside(&link.with_file_name(NEW));
    let made = symlink(name, &new).and_then(|()| {
        // A folder, which the link is one of there, is not renamed over.
        if cfg!(windows) {
            let _ = fs::remove_dir(link);
        }
        rename(&new, link)
    });
    made.inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(all(feature = "cli", unix))]
fn symlink(to: &Path, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

#[cfg(all(feature = "cli", windows))]
fn symlink(to: &Path, path: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_dir(to, path)
}

#[cfg(all(feature = "cli", not(any(unix, windows))))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Errors where `path`, which lies in a folder that others may have made, is a link to another place.
#[cfg(feature = "sweep")]
pub(crate) fn refuse_link(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Err(Error::file(
            path,
            "is a link, and nothing is written through it",
            "remove the link, or put the folder in its place",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_cannot_all_be_made_leave_none() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let names = || fs::read_dir(place.path()).expect("readable").count();
        let long = "x".repeat(300);
        let error = make_folders(&place.path().join("a/b").join(&long).join("c"));
        assert!(error.is_err(), "no system has such long names");
        assert_eq!(names(), 0);
        let made = make_folders(&place.path().join("a/b/c")).expect("can be made");
        assert_eq!(made.len(), 3);
        assert_eq!(make_folders(&place.path().join("a/b/c")).ok(), Some(vec![]));
        remove_folders(&made);
        assert_eq!(names(), 0);
    }

    #[test]
    fn a_folder_has_all_of_its_files_or_is_not_there() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let run = place.path().join("run");
        let names = || fs::read_dir(place.path()).expect("readable").count();
        let error = fill(&run, &[("a", vec![1]), ("no/such/folder", vec![2])]);
        assert!(error.is_err());
        assert_eq!(names(), 0);
        fill(&run, &[("a", vec![1]), ("b", vec![2])]).expect("can be written");
        assert_eq!(fs::read(run.join("b")).ok(), Some(vec![2]));
        // As by a second run that found the name free a moment ago.
        let error = fill(&run, &[("a", vec![3])]).expect_err("is there");
        assert!(error.to_string().contains("never overwritten"), "{error}");
        assert_eq!(fs::read(run.join("a")).ok(), Some(vec![1]));
        assert_eq!(names(), 1);
    }
}
