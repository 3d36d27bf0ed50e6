//! Unpacks the members that a set names from a verified `.tar.gz` or `.zip`, and nothing else. No path of the
//! archive is followed: members are known by their whole path, and written by names of ours. Those of a `.zip` are
//! gzipped files, and inflated.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;
use zip::result::ZipError;

use super::check::{RECORD, hexadecimal};
use super::{Member, RemoteFile};
use crate::error::{Error, Result};
use crate::files;

/// What other members and the archive's own structure may inflate to, beside the members wanted.
const SLACK: u64 = 1 << 26;

/// Unpacks every member of `archive`, which lies in `folder`; records their checksums; removes the
/// archive. Members get their names when all are unpacked and the record of them is written: a call
/// that was stopped leaves nothing that the next one would not know.
pub(super) fn unpack(archive: &RemoteFile, folder: &Path) -> Result<()> {
    let path = folder.join(archive.name);
    let sums = if path.extension().is_some_and(|it| it == "zip") {
        unzip(archive, &path, folder)?
    } else {
        untar(archive, &path, folder)?
    };
    let mut record = String::new();
    for (member, sum) in archive.members.iter().zip(sums) {
        let sum = sum.ok_or_else(|| damaged(&path, format!("holds no {}", member.path)))?;
        record.extend([&sum, "  ", member.name, "\n"]);
    }
    files::write_whole(&folder.join(RECORD), record.as_bytes())?;
    for member in archive.members {
        let path = folder.join(member.name);
        fs::rename(part(member, folder), &path)
            .map_err(|error| files::unwritable(&path, &error))?;
    }
    fs::remove_file(&path).map_err(|error| files::unwritable(&path, &error))
}

/// Checksums of members, by their places; none of those that are not there.
type Sums = Vec<Option<String>>;

fn damaged(archive: &Path, what: String) -> Error {
    let hint = "remove the archive and fetch again; `mirror` URL takes it from another server";
    Error::file(archive, what, hint)
}

fn unreadable(archive: &Path, error: impl std::fmt::Display) -> Error {
    damaged(archive, format!("cannot be unpacked: {error}"))
}

fn untar(archive: &RemoteFile, path: &Path, folder: &Path) -> Result<Sums> {
    let unreadable = |error: io::Error| unreadable(path, error);
    let file = File::open(path).map_err(unreadable)?;
    let wanted: u64 = archive.members.iter().map(|member| member.bytes).sum();
    let inflated = GzDecoder::new(BufReader::new(file)).take(wanted + SLACK);
    let mut tar = tar::Archive::new(inflated);
    let mut sums = vec![None; archive.members.len()];
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = entry.path_bytes();
        let at = archive
            .members
            .iter()
            .position(|member| member.path.as_bytes() == &*name);
        let Some(at) = at.filter(|_| entry.header().entry_type().is_file()) else {
            continue;
        };
        let member = &archive.members[at];
        if entry.size() != member.bytes {
            let (member, bytes, found) = (member.path, member.bytes, entry.size());
            return Err(damaged(
                path,
                format!("its {member} has {found} bytes, not {bytes}"),
            ));
        }
        let sum = write(member, &mut entry, folder)?.map_err(unreadable)?;
        sums[at] = Some(sum);
    }
    Ok(sums)
}

fn unzip(archive: &RemoteFile, path: &Path, folder: &Path) -> Result<Sums> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let zip = ZipArchive::new(BufReader::new(file));
    let mut zip = zip.map_err(|error| unreadable(path, error))?;
    let mut sums = vec![None; archive.members.len()];
    for (member, sum) in archive.members.iter().zip(&mut sums) {
        let entry = match zip.by_name(member.path) {
            Ok(entry) if entry.is_file() => entry,
            Ok(_) | Err(ZipError::FileNotFound) => continue,
            Err(error) => return Err(unreadable(path, error)),
        };
        let mut inflated = GzDecoder::new(entry);
        let written = write(member, &mut inflated, folder)?;
        // Nothing may be left, and the gzip's own checksum is read.
        let ended = written.and_then(|sum| match inflated.read(&mut [0])? {
            0 => Ok(sum),
            _ => Err(io::Error::other(format!(
                "its {} has more than {} bytes",
                member.path, member.bytes
            ))),
        });
        *sum = Some(ended.map_err(|error| unreadable(path, error))?);
    }
    Ok(sums)
}

/// Where a member is written to until all are.
fn part(member: &Member, folder: &Path) -> PathBuf {
    folder.join(format!("{}.part", member.name))
}

/// Copies a member to its part, and gives its SHA-256. The inner error is the archive's.
fn write(member: &Member, content: &mut impl Read, folder: &Path) -> Result<io::Result<String>> {
    let path = part(member, folder);
    let unwritable = |error: io::Error| files::unwritable(&path, &error);
    let mut file = File::create(&path).map_err(unwritable)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut content = content.take(member.bytes);
    let mut written = 0;
    loop {
        let length = match content.read(&mut buffer) {
            Ok(0) if written == member.bytes => break,
            Ok(0) => return Ok(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(length) => length,
            Err(error) => return Ok(Err(error)),
        };
        hasher.update(&buffer[..length]);
        file.write_all(&buffer[..length]).map_err(unwritable)?;
        written += length as u64;
    }
    file.sync_all().map_err(unwritable)?;
    Ok(Ok(hexadecimal(&hasher.finalize())))
}
