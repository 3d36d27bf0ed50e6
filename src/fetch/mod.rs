//! Floor 1: downloads the official files of known data sets. Knows where they are, how large they
//! are and their SHA-256; reports through a listener and prints nothing. What the files mean is for
//! `data/` to know.
//!
//! A file is downloaded to `NAME.part` beside its place, which a later call resumes, and renamed
//! only when its size and checksum are right. A lock file in the folder makes several calls at
//! once, of threads or processes, wait for each other.

mod archive;
pub mod catalogue;
mod check;
mod download;
mod lock;
mod pace;
mod response;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files;
use check::Found;

/// A data set that can be fetched.
#[derive(Debug, Clone, Copy)]
pub struct RemoteSet {
    /// Its name: on the command line, and of its folder.
    pub name: &'static str,
    /// What the set may be used for, in one line.
    pub terms: &'static str,
    /// Folders on servers that hold the files, without the last `/`, best first.
    pub sources: &'static [&'static str],
    /// What has to be downloaded.
    pub files: &'static [RemoteFile],
}

/// One file of a [`RemoteSet`].
#[derive(Debug, Clone, Copy)]
pub struct RemoteFile {
    /// Its name, on the servers and here.
    pub name: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Where it is a `.tar.gz`, or a `.zip` of gzipped files: the members to unpack; the archive itself is then
    /// removed. Empty for a file that is kept as it is.
    pub members: &'static [Member],
}

/// A member of an archive that is unpacked; all others are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its path inside the archive, compared and not followed.
    pub path: &'static str,
    /// Its name in the data set's folder.
    pub name: &'static str,
    /// Its size in bytes, unpacked.
    pub bytes: u64,
}

/// How [`fetch`] goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder on another server to take the files from, in place of the set's own sources:
    /// `http://` or `https://`. Sizes and checksums stay what they are.
    pub mirror: Option<String>,
    /// Whether a file that stands where one of the set belongs, and is another, is replaced. False
    /// for folders of the user's own: such a file is then an error.
    pub replace: bool,
    /// How long a connection may take to be made, the look-up of the server's address included.
    pub connect_timeout: Duration,
    /// How long a server may send nothing before the transfer is broken off.
    pub stall_timeout: Duration,
    /// The bytes a second that a server must send at least, on average over [`Self::rate_over`].
    pub least_rate: u64,
    /// How long a server may be slower than [`Self::least_rate`], or take to begin its answer, before
    /// the transfer is broken off.
    pub rate_over: Duration,
    /// How often in a row a file is asked for without getting on, at least once. To get on is to come
    /// 1 MiB further than any attempt before.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles before each further one, up to 30 s.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mirror: None,
            replace: false,
            connect_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            least_rate: 1024,
            rate_over: Duration::from_mins(1),
            attempts: 5,
            pause: Duration::from_secs(1),
        }
    }
}

/// What [`fetch`] is doing.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another call fetches into this folder; this one goes on when that one has ended.
    Waiting {
        /// The folder.
        folder: &'a Path,
    },
    /// A file is asked for.
    Started {
        /// The file.
        file: &'a RemoteFile,
        /// Where it is asked for.
        url: &'a str,
        /// Bytes that are here from an earlier attempt or call.
        have: u64,
    },
    /// More of it has come.
    Progress {
        /// The file.
        file: &'a RemoteFile,
        /// Bytes that are here.
        have: u64,
    },
    /// An attempt failed; the next one follows.
    Retrying {
        /// The file.
        file: &'a RemoteFile,
        /// Why it failed.
        why: &'a str,
        /// How long is waited first.
        pause: Duration,
    },
    /// A file came whole, but its checksum is wrong: it is fetched anew.
    Damaged {
        /// The file.
        file: &'a RemoteFile,
    },
    /// A file is whole, and in its place (an archive: beside it, about to be unpacked).
    Finished {
        /// The file.
        file: &'a RemoteFile,
    },
    /// Members of an archive are written.
    Unpacking {
        /// The archive.
        file: &'a RemoteFile,
    },
}

/// How [`fetch`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was there and whole.
    AlreadyThere,
    /// Files were fetched, and all is there now.
    Fetched,
}

/// Sees to it that `folder` holds every file of `set`, whole; makes the folder where it is missing.
/// Where all is there, nothing is written and no server is asked.
///
/// An error of `listener` ends the call; what has come by then is resumed by the next one. Fails
/// where no source gives a file, where every source gives a wrong one, where the folder cannot be
/// written, and where a file that is not the set's stands in the way ([`Options::replace`]).
pub fn fetch(
    set: &RemoteSet,
    folder: &Path,
    options: &Options,
    listener: &mut dyn FnMut(Event<'_>) -> Result<()>,
) -> Result<Outcome> {
    let sources = sources(set, options)?;
    if missing(set, folder, true)?.is_empty() {
        return Ok(Outcome::AlreadyThere);
    }
    fs::create_dir_all(folder).map_err(|error| files::unwritable(folder, &error))?;
    let _lock = lock::hold(folder, listener)?;
    let missing = missing(set, folder, options.replace)?;
    if missing.is_empty() {
        return Ok(Outcome::AlreadyThere);
    }
    for file in missing {
        let path = folder.join(file.name);
        // The archive of a call that was stopped while it unpacked.
        let there = !file.members.is_empty() && check::file(&path, file)? == Found::Whole;
        if !there {
            download::download(file, &path, &sources, options, listener)?;
        }
        listener(Event::Finished { file })?;
        if !file.members.is_empty() {
            listener(Event::Unpacking { file })?;
            archive::unpack(file, folder)?;
        }
    }
    Ok(Outcome::Fetched)
}

/// The files of `set` that `folder` does not hold. A file that stands in the place of one of them is
/// an error, unless it may be replaced.
fn missing(set: &RemoteSet, folder: &Path, replace: bool) -> Result<Vec<&'static RemoteFile>> {
    let mut missing = Vec::new();
    for file in set.files {
        let found = if file.members.is_empty() {
            let path = folder.join(file.name);
            check::file(&path, file)?.at(path)
        } else {
            check::members(folder, file)?
        };
        if let Some((path, what)) = found.in_the_way
            && !replace
        {
            return Err(Error::file(
                &path,
                format!(
                    "is there, but is not the official file of {}: {what}",
                    set.name
                ),
                "move it away, or fetch into another folder with `out` DIR",
            ));
        }
        if !found.whole {
            missing.push(file);
        }
    }
    Ok(missing)
}

/// What stands where a file of a set belongs.
struct Standing {
    whole: bool,
    /// Another file, and how it differs.
    in_the_way: Option<(PathBuf, String)>,
}

impl Found {
    fn at(self, path: PathBuf) -> Standing {
        Standing {
            whole: self == Self::Whole,
            in_the_way: match self {
                Self::Other(what) => Some((path, what)),
                _ => None,
            },
        }
    }
}

/// The folders on servers to ask, without the last `/`.
fn sources(set: &RemoteSet, options: &Options) -> Result<Vec<String>> {
    let Some(mirror) = &options.mirror else {
        return Ok(set.sources.iter().map(|&source| source.into()).collect());
    };
    let uri: Option<ureq::http::Uri> = mirror.parse().ok();
    let valid = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    // A fragment is dropped where a URL is parsed, and would hide the file's name here.
    if !valid || mirror.contains('#') {
        return Err(Error::usage(
            format!("`{mirror}` is not a folder on a server"),
            "`mirror` takes the URL that the file names follow, for example \
             https://example.org/data-sets/svhn",
        ));
    }
    Ok(vec![mirror.trim_end_matches('/').to_owned()])
}
