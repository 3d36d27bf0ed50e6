//! `fetch`, the library's and the command's, against servers that behave badly.

mod archives;
mod command;
mod downloads;
mod server;

use std::fmt::Write as _;
use std::time::Duration;

use gpu_train::error::{Error, Result};
use gpu_train::fetch::{Event, Member, Options, Outcome, RemoteFile, RemoteSet, fetch};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use server::Server;

/// Bytes that repeat nowhere near.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text takes all");
            text
        })
}

/// A set of these files, each with the members that are to be unpacked.
fn set_of(files: &[(&'static str, &[u8], &[Member])]) -> RemoteSet {
    let files = files.iter().map(|&(name, bytes, members)| RemoteFile {
        name,
        bytes: bytes.len() as u64,
        sha256: sha256(bytes).leak(),
        members: members.to_vec().leak(),
    });
    RemoteSet {
        name: "small",
        terms: "for tests",
        sources: &["http://127.0.0.1:1"],
        files: files.collect::<Vec<_>>().leak(),
    }
}

/// Options for `server`, with times that tests can wait for.
fn options(server: &Server) -> Options {
    Options {
        mirror: Some(server.url.clone()),
        connect_timeout: Duration::from_secs(10),
        stall_timeout: Duration::from_secs(10),
        attempts: 3,
        pause: Duration::from_millis(1),
        ..Options::default()
    }
}

/// A set of one file, and the folder that it is fetched into.
struct Place {
    folder: TempDir,
    set: RemoteSet,
    content: Vec<u8>,
}

const FILE: &str = "file.bin";
const PART: &str = "file.bin.part";

impl Place {
    fn new(length: usize) -> Self {
        let content = content(length);
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            set: set_of(&[(FILE, &content, &[])]),
            content,
        }
    }

    fn fetch(&self, options: &Options) -> Result<Outcome> {
        self.listen(options, &mut |_| Ok(()))
    }

    fn listen(
        &self,
        options: &Options,
        listener: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Outcome> {
        fetch(&self.set, self.folder.path(), options, listener)
    }

    /// Expects the file, and nothing else but the lock.
    fn is_whole(&self) {
        assert!(self.bytes(FILE) == Some(self.content.clone()), "is whole");
        let names = crate::support::names(self.folder.path());
        assert_eq!(names, [".fetch.lock", FILE]);
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(name)).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).expect("writes");
    }

    /// Fetches, and expects an error that names the file and `words`, and no file.
    fn fails(&self, options: &Options, words: &[&str]) -> Error {
        let error = self.fetch(options).expect_err("cannot be fetched");
        for word in [&[FILE], words].concat() {
            assert!(error.to_string().contains(word), "no '{word}' in: {error}");
        }
        assert!(error.hint().contains("--"), "{}", error.hint());
        assert_eq!(self.bytes(FILE), None);
        error
    }
}
