//! `fetch`, the library's and the command's, against servers that behave badly.

mod archives;
mod bad_files;
mod bad_servers;
mod command;
mod downloads;
mod endless;
mod place;
mod refusals;
mod resuming;
mod server;

use std::fmt::Write as _;
use std::time::Duration;

use gpu_train::fetch::{Member, Options, RemoteFile, RemoteSet};
use sha2::{Digest as _, Sha256};

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
