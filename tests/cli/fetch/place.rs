//! A folder to fetch one file into, and the servers of that file.

use gpu_train::error::{Error, Result};
use gpu_train::fetch::{Event, Options, Outcome, RemoteSet, fetch};
use tempfile::TempDir;

use super::server::{Answer, Server};
use super::{content, set_of};

/// Name of the file.
pub const FILE: &str = "file.bin";
/// What a transfer that breaks off leaves.
pub const PART: &str = "file.bin.part";

/// A set of one file, and the folder that it is fetched into.
pub struct Place {
    pub folder: TempDir,
    pub set: RemoteSet,
    pub content: Vec<u8>,
}

impl Place {
    pub fn new(length: usize) -> Self {
        let content = content(length);
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            set: set_of(&[(FILE, &content, &[])]),
            content,
        }
    }

    pub fn fetch(&self, options: &Options) -> Result<Outcome> {
        self.listen(options, &mut |_| Ok(()))
    }

    pub fn listen(
        &self,
        options: &Options,
        listener: &mut dyn FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Outcome> {
        fetch(&self.set, self.folder.path(), options, listener)
    }

    /// Expects the file, and nothing else but the lock.
    pub fn is_whole(&self) {
        assert!(self.bytes(FILE) == Some(self.content.clone()), "is whole");
        let names = crate::support::names(self.folder.path());
        assert_eq!(names, [".fetch.lock", FILE]);
    }

    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(name)).ok()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).expect("writes");
    }

    /// Fetches, and expects an error that names the file and `words`, and no file.
    pub fn fails(&self, options: &Options, words: &[&str]) -> Error {
        let error = self.fetch(options).expect_err("cannot be fetched");
        for word in [&[FILE], words].concat() {
            assert!(error.to_string().contains(word), "no '{word}' in: {error}");
        }
        assert!(error.hint().contains('`'), "{}", error.hint());
        assert_eq!(self.bytes(FILE), None);
        error
    }
}

/// A server of `place`'s file that answers as `answer` says: given the file, the first byte asked
/// for, and the number of requests before.
pub fn server(
    place: &Place,
    answer: impl Fn(&[u8], Option<usize>, usize) -> Answer + Send + Sync + 'static,
) -> Server {
    let content = place.content.clone();
    Server::new(move |asked| {
        assert_eq!(asked.path, format!("/{FILE}"));
        answer(&content, asked.from, asked.before)
    })
}

/// A server that does all right.
pub fn good_server(place: &Place) -> Server {
    server(place, |content, from, _| Answer::file(content, from))
}
