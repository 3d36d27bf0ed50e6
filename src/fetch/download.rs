//! Gets one file, over as many attempts as it takes.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;

use super::check::{self, Found};
use super::pace::{self, Pace};
use super::response::{self, Failure, Then};
use super::{Event, Options, RemoteFile};
use crate::error::{Error, Result};
use crate::files;

/// An attempt that came this much further than every attempt before counts as a success: bad lines get
/// through a large file in the end, and a server that sends the same bytes again and again, or a byte
/// at a time, does not keep us for ever.
const PROGRESS: u64 = 1 << 20;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const REDIRECTS: u32 = 5;

type Listener<'a> = &'a mut dyn FnMut(Event<'_>) -> Result<()>;

/// Gets `file` from one of `sources` to `path`, whole and verified. `path` with `.part` holds what
/// has come, and is resumed.
pub(super) fn download(
    file: &RemoteFile,
    path: &Path,
    sources: &[String],
    options: &Options,
    listener: Listener<'_>,
) -> Result<()> {
    let urls = sources.iter().map(|it| format!("{it}/{}", file.name));
    let mut download = Download {
        file,
        path,
        part: path.with_file_name(format!("{}.part", file.name)),
        urls: urls.collect(),
        turn: 0,
        failures: 0,
        furthest: 0,
        agent: agent(file, sources, options),
        options,
        listener,
    };
    download.get()?;
    if let Found::Other(_) = download.check()? {
        // Damage on the way, or an old .part of something else: once more, from the first byte.
        (download.listener)(Event::Damaged { file })?;
        download.turn += 1;
        download.furthest = 0;
        download.get()?;
        if let Found::Other(what) = download.check()? {
            return Err(Error::file(
                path,
                format!("arrives damaged from {}: {what}", download.url()),
                "take the file from another server with `mirror` URL",
            ));
        }
    }
    let part = &download.part;
    fs::rename(part, path).map_err(|error| files::unwritable(path, &error))
}

fn agent(file: &RemoteFile, sources: &[String], options: &Options) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(REDIRECTS)
        .user_agent(concat!("gpu-train/", env!("CARGO_PKG_VERSION")))
        // What is resumed and summed are the file's own bytes.
        .accept_encoding("identity")
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_per_read(Some(options.stall_timeout))
        .timeout_per_write(Some(options.stall_timeout))
        .timeout_recv_response(Some(options.rate_over))
        .timeout_recv_body(Some(pace::longest(file.bytes, options)));
    // No proxy knows the way to this machine itself.
    if sources.iter().all(|source| is_this_machine(source)) {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

fn is_this_machine(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

/// The state of getting one file.
struct Download<'a> {
    file: &'a RemoteFile,
    path: &'a Path,
    part: PathBuf,
    /// Where to ask; those that cannot help leave the list.
    urls: Vec<String>,
    /// Which URL is next, counted on and on.
    turn: usize,
    /// Failed attempts in a row.
    failures: u32,
    /// The most bytes that were here after an attempt, whether or not they still are.
    furthest: u64,
    agent: Agent,
    options: &'a Options,
    listener: Listener<'a>,
}

impl Download<'_> {
    fn url(&self) -> &str {
        &self.urls[self.turn % self.urls.len()]
    }

    /// Attempt after attempt, until the part is as long as the file.
    fn get(&mut self) -> Result<()> {
        loop {
            let have = self.have()?;
            if have == self.file.bytes {
                return Ok(());
            }
            // What an earlier call left is no merit of this one.
            self.furthest = self.furthest.max(have);
            let Err(failure) = self.attempt(have)? else {
                continue;
            };
            if failure.then == Then::Anew {
                self.discard()?;
            }
            if self.have()? >= self.furthest.saturating_add(PROGRESS) {
                self.failures = 0;
            }
            self.failed(&failure)?;
        }
    }

    /// Bytes that are here. A part that is no part of this file is removed.
    fn have(&self) -> Result<u64> {
        match fs::symlink_metadata(&self.part) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= self.file.bytes => {
                Ok(metadata.len())
            }
            Ok(_) => self.discard().map(|()| 0),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(files::unwritable(&self.part, &error)),
        }
    }

    fn discard(&self) -> Result<()> {
        match fs::remove_file(&self.part) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(files::unwritable(&self.part, &error))
            }
            _ => Ok(()),
        }
    }

    /// Asks once for what is missing, and appends what comes. The outer error ends the call.
    fn attempt(&mut self, have: u64) -> Result<Result<(), Failure>> {
        let (file, url) = (self.file, self.url().to_owned());
        let url = url.as_str();
        (self.listener)(Event::Started { file, url, have })?;
        let mut request = self.agent.get(url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(error) => return Ok(Err(Failure::of_request(&error))),
        };
        match response::start(&response, have, file.bytes) {
            Ok(start) => self.receive(response.into_body(), start),
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Writes `body` from byte `at` of the part on, and never more than the file has.
    fn receive(&mut self, body: ureq::Body, mut at: u64) -> Result<Result<(), Failure>> {
        let file = self.file;
        let unwritable = |error| files::unwritable(&self.part, &error);
        let mut part = self.open(at).map_err(unwritable)?;
        let mut reader = body.into_reader();
        let mut buffer = vec![0; 1 << 16];
        let mut pace = Pace::begin(self.options);
        let ended = loop {
            let length = match reader.read(&mut buffer) {
                Ok(0) if at < file.bytes => {
                    let why = format!("the transfer ends after {at} of {} bytes", file.bytes);
                    break Err(Failure::new(why, Then::Again));
                }
                Ok(0) => break Ok(()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => break Err(Failure::of_request(&ureq::Error::from(error))),
            };
            if at + length as u64 > file.bytes {
                let why = format!("the server sends more than the {} bytes", file.bytes);
                break Err(Failure::new(why, Then::GiveUp));
            }
            part.write_all(&buffer[..length]).map_err(unwritable)?;
            at += length as u64;
            (self.listener)(Event::Progress { file, have: at })?;
            if at < file.bytes && !pace.keeps_up(length) {
                let least = self.options.least_rate;
                let why = format!("the server sends less than {least} bytes a second");
                break Err(Failure::new(why, Then::Again));
            }
        };
        part.sync_all().map_err(unwritable)?;
        drop(part);
        if ended.as_ref().is_err_and(|it| it.then == Then::GiveUp) {
            // What such a server sent before is worth nothing either.
            self.discard()?;
        }
        Ok(ended)
    }

    /// The part, open for writing at byte `at`, where it ends.
    fn open(&self, at: u64) -> std::io::Result<File> {
        if at == 0 {
            return File::create(&self.part);
        }
        let part = File::options().append(true).open(&self.part)?;
        part.set_len(at)?;
        Ok(part)
    }

    /// Takes the next source, after a pause; fails where there is none, or no attempt left.
    fn failed(&mut self, failure: &Failure) -> Result<()> {
        let url = self.url().to_owned();
        if failure.then == Then::GiveUp {
            self.urls.remove(self.turn % self.urls.len());
        } else {
            self.turn += 1;
            self.failures += 1;
        }
        if self.urls.is_empty() || self.failures >= self.options.attempts {
            return Err(Error::file(
                self.path,
                format!("cannot be fetched from {url}: {}", failure.why),
                "check the network and run the same command again: it goes on where this one \
                 stopped; `mirror` URL takes the files from another server",
            ));
        }
        let (file, why) = (self.file, failure.why.as_str());
        // Another server need not be given time.
        let pause = match failure.then {
            Then::GiveUp => Duration::ZERO,
            _ => self.pause(),
        };
        (self.listener)(Event::Retrying { file, why, pause })?;
        std::thread::sleep(pause);
        Ok(())
    }

    fn pause(&self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures - 1).unwrap_or(u32::MAX);
        self.options
            .pause
            .saturating_mul(doubled)
            .min(LONGEST_PAUSE)
    }

    /// Compares the part with what it should be; removes it where it is not.
    fn check(&self) -> Result<Found> {
        let found = check::file(&self.part, self.file)?;
        if found != Found::Whole {
            self.discard()?;
        }
        Ok(found)
    }
}
