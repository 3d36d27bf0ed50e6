//! What a server's answer means for the part of a file that is here.

use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode, header};

/// Why an attempt gave no file.
#[derive(Debug)]
pub(super) struct Failure {
    /// In words.
    pub(super) why: String,
    /// What it means for the next attempt.
    pub(super) then: Then,
}

/// What to do after a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Ask again, for what is missing.
    Again,
    /// Ask again, for the whole file.
    Anew,
    /// Never ask this source again.
    GiveUp,
}

impl Failure {
    pub(super) fn new(why: impl Into<String>, then: Then) -> Self {
        let why = why.into();
        Self { why, then }
    }

    /// Trouble on the way passes; a server that cannot be understood stays so.
    pub(super) fn of_request(error: &ureq::Error) -> Self {
        use ureq::Error as E;
        let passing = matches!(
            error,
            E::Io(_)
                | E::Timeout(_)
                | E::HostNotFound
                | E::ConnectionFailed
                | E::ConnectProxyFailed(_)
                | E::Protocol(_)
        );
        let then = if passing { Then::Again } else { Then::GiveUp };
        Self::new(words(error), then)
    }
}

fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "the server's name is not known".to_owned(),
        ureq::Error::TooManyRedirects => "too many redirects".to_owned(),
        ureq::Error::Timeout(ureq::Timeout::PerRead) => "the server sends nothing".to_owned(),
        ureq::Error::Timeout(ureq::Timeout::RecvResponse) => {
            "the server takes too long to begin its answer".to_owned()
        }
        ureq::Error::Timeout(ureq::Timeout::RecvBody) => "the server is too slow".to_owned(),
        other => other.to_string(),
    }
}

/// Where in a file of `bytes` the answer's body starts: `have`, or 0 from a server that does not
/// resume.
pub(super) fn start(response: &Response<Body>, have: u64, bytes: u64) -> Result<u64, Failure> {
    let headers = response.headers();
    let status = response.status();
    let start = match status {
        StatusCode::OK => {
            size(number(headers.get(header::CONTENT_LENGTH)), bytes)?;
            0
        }
        StatusCode::PARTIAL_CONTENT => {
            let (start, total) = content_range(headers).ok_or_else(|| {
                Failure::new("the server resumes without saying where", Then::Anew)
            })?;
            size(total, bytes)?;
            if start != have {
                let why = format!("the server resumes at byte {start}, not at {have}");
                return Err(Failure::new(why, Then::Anew));
            }
            have
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            return Err(Failure::new("the server does not resume", Then::Anew));
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            return Err(Failure::new(answered(status), Then::Again));
        }
        _ if status.is_server_error() => {
            return Err(Failure::new(answered(status), Then::Again));
        }
        _ => return Err(Failure::new(answered(status), Then::GiveUp)),
    };
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            let why = format!("the server sends the file encoded ({encoding:?})");
            Err(Failure::new(why, Then::GiveUp))
        }
        _ => Ok(start),
    }
}

fn answered(status: StatusCode) -> String {
    format!("the server answers {status}")
}

/// Fails where the server tells a size that is not the file's: it holds another file.
fn size(told: Option<u64>, bytes: u64) -> Result<(), Failure> {
    match told {
        Some(told) if told != bytes => {
            let why = format!("the server's file has another size: expected {bytes}, found {told}");
            Err(Failure::new(why, Then::GiveUp))
        }
        _ => Ok(()),
    }
}

/// First byte, and size of the whole file where it is told, of `Content-Range: bytes 5-9/10`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _last) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

fn number(value: Option<&header::HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.trim().parse().ok()
}
