//! Servers that are not there, say nothing, are in trouble, send elsewhere, or speak no HTTP.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use gpu_train::fetch::{Event, Options};

use super::options;
use super::place::{FILE, PART, Place, server};
use super::server::{Answer, Server};
use crate::damaged_files::{Numbers, mutants, mutate};

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", port.local_addr().expect("is bound"));
    drop(port);
    let place = Place::new(1000);
    let options = Options {
        mirror: Some(url),
        pause: Duration::from_millis(1),
        ..Options::default()
    };
    let mut retries = Vec::new();
    let listener = &mut |event: Event<'_>| {
        if let Event::Retrying { pause, .. } = event {
            retries.push(pause.as_millis());
        }
        Ok(())
    };
    let error = place.listen(&options, listener).expect_err("no server");
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!(retries, [1, 2, 4, 8], "pauses grow");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let place = Place::new(1000);
    let server = Server::new(|_| Answer {
        silence: Duration::from_mins(1),
        ..Answer::raw(b"")
    });
    let impatient = Options {
        stall_timeout: Duration::from_millis(200),
        attempts: 2,
        ..options(&server)
    };
    place.fails(&impatient, &["sends nothing"]);
    assert_eq!(server.starts(), [0, 0]);
}

#[test]
fn servers_in_trouble_are_asked_again_and_others_are_not() {
    for (status, asks) in [
        ("500 Internal Server Error", 3),
        ("503 Service Unavailable", 3),
        ("429 Too Many Requests", 3),
        ("404 Not Found", 1),
        ("403 Forbidden", 1),
        ("204 No Content", 1),
        ("304 Not Modified", 1),
    ] {
        let place = Place::new(1000);
        let server = server(&place, |_, _, _| Answer::status(status));
        place.fails(&options(&server), &[&status[..3], &server.url]);
        assert_eq!(server.starts().len(), asks, "{status}");
    }
    let place = Place::new(1000);
    let server = server(&place, |content, from, before| match before {
        0 => Answer::status("500 Internal Server Error"),
        1 => Answer::status("503 Service Unavailable"),
        _ => Answer::file(content, from),
    });
    place.fetch(&options(&server)).expect("fetches");
    place.is_whole();
}

#[test]
fn redirects_are_followed_a_few_times_and_to_http_alone() {
    let place = Place::new(100_000);
    let content = place.content.clone();
    let hops = Server::new(move |asked| {
        let hop: usize = asked.path.trim_matches('/').parse().unwrap_or(0);
        if hop == 3 {
            return Answer::file(&content, asked.from).cut(50_000);
        }
        let location = format!("Location: /{}", hop + 1);
        Answer::new("302 Found", &[&location, "Content-Length: 0"], b"")
    });
    place.fetch(&options(&hops)).expect("fetches");
    place.is_whole();
    let resumed = hops
        .asked()
        .into_iter()
        .find(|it| it.path == "/3" && it.before > 4);
    assert_eq!(
        resumed.and_then(|it| it.from),
        Some(50_000),
        "the range travels"
    );

    let place = Place::new(1000);
    let around = Server::new(|_| {
        let to = format!("Location: /{FILE}");
        Answer::new("302 Found", &[&to, "Content-Length: 0"], b"")
    });
    place.fails(&options(&around), &["too many redirects"]);
    assert_eq!(around.starts().len(), 6);

    for to in ["file:///etc/passwd", "ftp://127.0.0.1/file.bin"] {
        let place = Place::new(1000);
        let away = Server::new(move |_| {
            let location = format!("Location: {to}");
            Answer::new("302 Found", &[&location, "Content-Length: 0"], b"")
        });
        place.fails(&options(&away), &[]);
        assert_eq!(place.bytes(PART), None);
    }
}

#[test]
fn what_is_no_http_is_an_error() {
    let place = Place::new(1000);
    let server = server(&place, |content, _, _| Answer::raw(content));
    place.fails(&options(&server), &[&server.url]);
}

/// Answers of every kind that mean something, changed at random: the file is whole, or there is an error.
#[test]
fn damaged_answers_give_the_file_or_an_error() {
    let mut place = Place::new(300);
    let whole = Answer::file(&place.content, None).bytes;
    let rest = Answer::file(&place.content, Some(100)).bytes;
    let chunked = [
        &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n12c\r\n"[..],
        &place.content,
        b"\r\n0\r\n\r\n",
    ];
    let to = format!("Location: /{FILE}");
    let kinds = [
        whole,
        rest,
        chunked.concat(),
        Answer::new("302 Found", &[&to, "Content-Length: 0"], b"").bytes,
        Answer::new("503 Busy", &["Retry-After: 0", "Content-Length: 0"], b"").bytes,
    ];
    let numbers = Mutex::new(Numbers(17));
    let server = Server::new(move |asked| {
        let mut numbers = numbers.lock().expect("no panic in the server");
        Answer::raw(&mutate(&kinds[asked.before % kinds.len()], &mut numbers))
    });
    let options = Options {
        attempts: 1,
        stall_timeout: Duration::from_millis(500),
        ..options(&server)
    };
    let mut failed = 0;
    for round in 0..mutants() / 4 {
        if round % 2 == 0 {
            place = Place::new(300);
        } else {
            // What an earlier transfer left.
            place.write(PART, &place.content[..100]);
        }
        match place.fetch(&options) {
            Ok(_) => assert_eq!(place.bytes(FILE).as_ref(), Some(&place.content)),
            Err(error) => {
                assert!(!error.hint().is_empty(), "{error}");
                assert_eq!(place.bytes(FILE), None, "{error}");
                failed += 1;
            }
        }
        let _ = std::fs::remove_file(place.folder.path().join(FILE));
    }
    assert!(failed > mutants() / 16, "{failed} failed");
}
