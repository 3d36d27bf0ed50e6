//! An HTTP server on this machine that answers as a test says, well or badly.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Path of the URL, with its first `/`.
    pub path: String,
    /// First byte of the `Range` header, where there is one.
    pub from: Option<usize>,
    /// Requests that came before this one.
    pub before: usize,
}

/// Bytes to send, head and body, and what to do then.
pub struct Answer {
    pub bytes: Vec<u8>,
    /// How long to say nothing before the connection is closed.
    pub silence: Duration,
    /// How many of the last bytes are sent one at a time, and the pause before each.
    pub drip: (usize, Duration),
}

impl Answer {
    /// `status` is "200 OK" and the like; `headers` are lines without their ends.
    pub fn new(status: &str, headers: &[&str], body: &[u8]) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for header in headers {
            head.extend([header, "\r\n"]);
        }
        Self::raw(&[head.as_bytes(), b"\r\n", body].concat())
    }

    /// These bytes, whether or not they are HTTP.
    pub fn raw(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            silence: Duration::ZERO,
            drip: (0, Duration::ZERO),
        }
    }

    /// An error's status, and no body.
    pub fn status(status: &str) -> Self {
        Self::new(status, &["Content-Length: 0"], b"")
    }

    /// What a good server answers: the file, or its rest.
    pub fn file(content: &[u8], from: Option<usize>) -> Self {
        let Some(from) = from else {
            let length = format!("Content-Length: {}", content.len());
            return Self::new("200 OK", &[&length], content);
        };
        let total = content.len();
        let length = format!("Content-Length: {}", total - from);
        let range = format!("Content-Range: bytes {from}-{}/{total}", total - 1);
        Self::new("206 Partial Content", &[&length, &range], &content[from..])
    }

    /// The same, broken off so that `body` bytes of the body are sent.
    pub fn cut(mut self, body: usize) -> Self {
        let ends = self.bytes.windows(4).position(|it| it == b"\r\n\r\n");
        let head = ends.expect("a head") + 4;
        self.bytes.truncate(head + body);
        self
    }

    /// The same, with a silence before the end.
    pub fn then_silent(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// The same, with the last `bytes` one at a time.
    pub fn drip(mut self, bytes: usize, pause: Duration) -> Self {
        self.drip = (bytes.min(self.bytes.len()), pause);
        self
    }
}

/// Serves until the test's process ends.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("is bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                std::thread::spawn(move || serve(stream, &*answer, &log));
            }
        });
        Self {
            url: format!("http://{address}"),
            asked,
        }
    }

    /// Everything that was asked for so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic in the server").clone()
    }

    /// First bytes asked for so far, 0 for whole files.
    pub fn starts(&self) -> Vec<usize> {
        let asked = self.asked();
        asked.iter().map(|it| it.from.unwrap_or(0)).collect()
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Asked) -> Answer, log: &Mutex<Vec<Asked>>) {
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let Some(path) = head.first().and_then(|line| line.split(' ').nth(1)) else {
        return;
    };
    let range = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let value = value.strip_prefix("bytes=")?.strip_suffix('-')?;
        (name.eq_ignore_ascii_case("range")).then(|| value.parse().expect("a number"))
    });
    let asked = {
        let mut log = log.lock().expect("no panic in the server");
        let asked = Asked {
            path: path.to_owned(),
            from: range,
            before: log.len(),
        };
        log.push(asked.clone());
        asked
    };
    let answer = answer(&asked);
    // The client may have gone.
    let (drops, pause) = answer.drip;
    let (flow, drops) = answer.bytes.split_at(answer.bytes.len() - drops);
    let _ = stream.write_all(flow);
    for drop in drops.chunks(1) {
        std::thread::sleep(pause);
        if stream.write_all(drop).is_err() {
            return;
        }
    }
    std::thread::sleep(answer.silence);
}
