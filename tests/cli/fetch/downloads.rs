use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gpu_train::error::Error;
use gpu_train::fetch::{Event, Options, Outcome};

use super::server::{Answer, Server};
use super::{FILE, PART, Place, options};

/// A server of `place`'s file that answers as `answer` says: given the file, the first byte asked
/// for, and the number of requests before.
fn server(
    place: &Place,
    answer: impl Fn(&[u8], Option<usize>, usize) -> Answer + Send + Sync + 'static,
) -> Server {
    let content = place.content.clone();
    Server::new(move |asked| {
        assert_eq!(asked.path, format!("/{FILE}"));
        answer(&content, asked.from, asked.before)
    })
}

fn good(place: &Place) -> Server {
    server(place, |content, from, _| Answer::file(content, from))
}

#[test]
fn a_file_is_fetched_once_and_then_no_server_is_asked() {
    let place = Place::new(300_000);
    let server = good(&place);
    let outcome = place.fetch(&options(&server)).expect("fetches");
    assert_eq!(outcome, Outcome::Fetched);
    place.is_whole();
    let outcome = place.fetch(&options(&server)).expect("is there");
    assert_eq!(outcome, Outcome::AlreadyThere);
    assert_eq!(server.starts(), [0]);
}

#[test]
fn progress_is_reported_up_to_the_whole_file() {
    let place = Place::new(300_000);
    let server = good(&place);
    let (mut last, mut finished) = (0, false);
    let listener = &mut |event: Event<'_>| {
        match event {
            Event::Progress { have, .. } => {
                assert!(have > last);
                last = have;
            }
            Event::Finished { .. } => finished = true,
            _ => {}
        }
        Ok(())
    };
    place.listen(&options(&server), listener).expect("fetches");
    assert_eq!((last, finished), (300_000, true));
}

#[test]
fn transfers_that_break_off_go_on_where_they_stopped() {
    let place = Place::new(300_000);
    // The first answers end after 100,000 bytes.
    let server = server(&place, |content, from, before| {
        let answer = Answer::file(content, from);
        if before < 2 {
            answer.cut(100_000)
        } else {
            answer
        }
    });
    place.fetch(&options(&server)).expect("fetches");
    place.is_whole();
    assert_eq!(server.starts(), [0, 100_000, 200_000]);
}

/// Attempts are counted only while nothing comes: ten broken transfers are not too many.
#[test]
fn attempts_that_get_on_do_not_count() {
    let place = Place::new(10 << 20);
    let server = server(&place, |content, from, _| {
        Answer::file(content, from).cut(1 << 20)
    });
    place.fetch(&options(&server)).expect("fetches");
    place.is_whole();
    assert_eq!(server.starts().len(), 10);
}

#[test]
fn a_later_call_resumes_what_an_earlier_one_left() {
    let place = Place::new(300_000);
    let first = server(&place, |content, from, before| match before {
        0 => Answer::file(content, from).cut(100_000),
        _ => Answer::status("500 Internal Server Error"),
    });
    place.fails(&options(&first), &["500"]);
    assert_eq!(first.starts(), [0, 100_000, 100_000]);
    let second = good(&place);
    place.fetch(&options(&second)).expect("fetches");
    place.is_whole();
    assert_eq!(second.starts(), [100_000]);
}

#[test]
fn a_listener_that_stops_leaves_what_the_next_call_resumes() {
    let place = Place::new(300_000);
    let server = good(&place);
    let stop = &mut |event: Event<'_>| match event {
        Event::Progress { .. } => Err(Error::usage("enough", "--")),
        _ => Ok(()),
    };
    let error = place.listen(&options(&server), stop).expect_err("stops");
    assert_eq!(error.to_string(), "enough");
    let left = place.bytes(PART).expect("a part is left");
    assert!(!left.is_empty() && place.content.starts_with(&left));
    place.fetch(&options(&server)).expect("fetches");
    place.is_whole();
    assert_eq!(server.starts(), [0, left.len()]);
}

#[test]
fn a_part_that_is_whole_needs_no_server() {
    let place = Place::new(300_000);
    place.write(PART, &place.content);
    let server = good(&place);
    place.fetch(&options(&server)).expect("is there");
    place.is_whole();
    assert_eq!(server.starts(), [0; 0]);
}

#[test]
fn a_server_that_does_not_resume_sends_all_again() {
    type Respond = fn(&[u8], usize) -> Answer;
    let others: [(Respond, &[usize]); 5] = [
        // Ignores the range: its first answer is the file.
        (|content, _| Answer::file(content, None), &[1000]),
        (
            |_, _| Answer::status("416 Range Not Satisfiable"),
            &[1000, 0],
        ),
        // Another range than was asked for.
        (
            |content, from| Answer::file(content, Some(from - 1)),
            &[1000, 0],
        ),
        (
            |content, _| Answer::new("206 Partial Content", &[], content),
            &[1000, 0],
        ),
        (
            |content, _| {
                let range = "Content-Range: bytes ?-?/?";
                Answer::new("206 Partial Content", &[range], content)
            },
            &[1000, 0],
        ),
    ];
    for (respond, starts) in others {
        let place = Place::new(300_000);
        place.write(PART, &place.content[..1000]);
        let server = server(&place, move |content, from, _| match from {
            Some(from) => respond(content, from),
            None => Answer::file(content, None),
        });
        place.fetch(&options(&server)).expect("fetches");
        place.is_whole();
        assert_eq!(server.starts(), starts);
    }
}

/// What is left of another file, or of nothing known, costs one more download.
#[test]
fn parts_of_something_else_are_not_built_upon() {
    for (left, starts) in [
        (vec![7; 1000], vec![1000, 0]),
        (vec![7; 400_000], vec![0]),
        (vec![7; 300_000], vec![0]),
    ] {
        let place = Place::new(300_000);
        place.write(PART, &left);
        let server = good(&place);
        place.fetch(&options(&server)).expect("fetches");
        place.is_whole();
        assert_eq!(server.starts(), starts);
    }
}

#[test]
fn a_file_that_arrives_damaged_is_fetched_once_more() {
    let place = Place::new(300_000);
    let damaged = |content: &[u8]| {
        let mut damaged = content.to_vec();
        damaged[150_000] ^= 1;
        damaged
    };
    let once = server(&place, move |content, from, before| match before {
        0 => Answer::file(&damaged(content), from),
        _ => Answer::file(content, from),
    });
    let mut seen = 0;
    let listener = &mut |event: Event<'_>| {
        seen += usize::from(matches!(event, Event::Damaged { .. }));
        Ok(())
    };
    place.listen(&options(&once), listener).expect("fetches");
    place.is_whole();
    assert_eq!((seen, once.starts()), (1, vec![0, 0]));

    let place = Place::new(300_000);
    let always = server(&place, move |content, from, _| {
        Answer::file(&damaged(content), from)
    });
    let (expected, found) = (
        place.set.files[0].sha256,
        super::sha256(&damaged(&place.content)),
    );
    let words = ["damaged", &always.url, "expected SHA-256", expected, &found];
    place.fails(&options(&always), &words);
    assert_eq!(place.bytes(PART), None, "nobody resumes it");
    assert_eq!(always.starts(), [0, 0]);
}

#[test]
fn a_stalled_transfer_is_broken_off_and_resumed() {
    let place = Place::new(300_000);
    let server = server(&place, |content, from, before| {
        let answer = Answer::file(content, from);
        match before {
            0 => answer.cut(100_000).then_silent(Duration::from_mins(1)),
            _ => answer,
        }
    });
    let impatient = Options {
        stall_timeout: Duration::from_millis(300),
        ..options(&server)
    };
    let started = Instant::now();
    place.fetch(&impatient).expect("fetches");
    place.is_whole();
    assert_eq!(server.starts(), [0, 100_000]);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let place = Place::new(1000);
    let server = Server::new(|_| Answer {
        bytes: Vec::new(),
        silence: Duration::from_mins(1),
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
fn a_server_with_another_file_is_told_apart_before_a_byte_is_written() {
    for told in [999, 1001, 1_u64 << 40] {
        let place = Place::new(1000);
        let server = server(&place, move |content, _, _| {
            let length = format!("Content-Length: {told}");
            Answer::new("200 OK", &[&length], content)
        });
        let found = format!("expected 1000, found {told}");
        place.fails(&options(&server), &["another size", &found]);
        assert_eq!(place.bytes(PART), None);
        assert_eq!(server.starts(), [0]);
    }
    let place = Place::new(1000);
    place.write(PART, &place.content[..10]);
    let server = server(&place, |content, _, _| {
        let range = "Content-Range: bytes 10-1999/2000";
        Answer::new("206 Partial Content", &[range], &content[10..])
    });
    place.fails(&options(&server), &["expected 1000, found 2000"]);
}

/// Without Content-Length, only what comes tells how much there is.
#[test]
fn more_bytes_than_the_file_has_are_never_written() {
    let place = Place::new(100_000);
    let server = server(&place, |content, _, _| {
        Answer::new("200 OK", &[], &[content, &vec![0; 1 << 22]].concat())
    });
    let folder = place.folder.path().to_owned();
    let largest = AtomicUsize::new(0);
    let listener = &mut |_: Event<'_>| {
        let there = std::fs::metadata(folder.join(PART)).map_or(0, |it| it.len());
        largest.fetch_max(there as usize, Ordering::Relaxed);
        Ok(())
    };
    let error = place.listen(&options(&server), listener);
    let error = error.expect_err("sends too much").to_string();
    assert!(error.contains("more than the 100000 bytes"), "{error}");
    assert!(largest.into_inner() <= 100_000);
    assert_eq!((place.bytes(FILE), place.bytes(PART)), (None, None));
}

#[test]
fn an_answer_without_a_length_that_ends_early_is_resumed() {
    let place = Place::new(100_000);
    let server = server(&place, |content, from, _| match from {
        None => Answer::new("200 OK", &[], &content[..40_000]),
        from => Answer::file(content, from),
    });
    place.fetch(&options(&server)).expect("fetches");
    place.is_whole();
    assert_eq!(server.starts(), [0, 40_000]);
}

#[test]
fn a_body_that_is_encoded_is_not_taken() {
    let place = Place::new(1000);
    let server = server(&place, |content, _, _| {
        Answer::new("200 OK", &["Content-Encoding: gzip"], content)
    });
    place.fails(&options(&server), &["encoded", "gzip"]);
}

#[test]
fn what_is_no_http_is_an_error() {
    let place = Place::new(1000);
    let server = server(&place, |content, _, _| Answer {
        bytes: content.to_vec(),
        silence: Duration::ZERO,
    });
    place.fails(&options(&server), &[&server.url]);
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
fn sources_are_tried_one_after_the_other() {
    let place = Place::new(300_000);
    let bad = server(&place, |content, from, before| match before {
        0 => Answer::file(content, from).cut(100_000),
        _ => Answer::status("404 Not Found"),
    });
    let other = server(&place, |content, from, before| match before {
        0 => Answer::file(content, from).cut(100_000),
        _ => Answer::file(content, from),
    });
    let mut set = place.set;
    let sources = [&bad, &other].map(|server| &*server.url.clone().leak());
    set.sources = sources.to_vec().leak();
    let options = Options {
        mirror: None,
        ..options(&bad)
    };
    let folder = place.folder.path();
    gpu_train::fetch::fetch(&set, folder, &options, &mut |_| Ok(())).expect("fetches");
    place.is_whole();
    assert_eq!(bad.starts(), [0, 200_000]);
    assert_eq!(other.starts(), [100_000, 200_000]);
}

#[test]
fn a_file_in_the_way_is_replaced_only_where_that_was_allowed() {
    for wrong in [vec![1; 999], vec![1; 1000]] {
        let place = Place::new(1000);
        place.write(FILE, &wrong);
        let server = good(&place);
        let error = place.fetch(&options(&server)).expect_err("is in the way");
        for word in [FILE, "not the official file", "expected", "found"] {
            assert!(error.to_string().contains(word), "no '{word}' in: {error}");
        }
        assert_eq!(place.bytes(FILE), Some(wrong), "is left alone");
        assert_eq!(server.starts(), [0; 0]);
        let replacing = Options {
            replace: true,
            ..options(&server)
        };
        place.fetch(&replacing).expect("fetches");
        place.is_whole();
    }
}

/// Of eight calls at once one downloads, and the others find the file.
#[test]
fn calls_at_once_download_once() {
    let place = Arc::new(Place::new(300_000));
    let server = server(&place, |content, from, _| {
        Answer::file(content, from).then_silent(Duration::from_millis(50))
    });
    let (fetched, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let listener = &mut |event: Event<'_>| {
                    let waits = matches!(event, Event::Waiting { .. });
                    waited.fetch_add(usize::from(waits), Ordering::Relaxed);
                    Ok(())
                };
                let outcome = place.listen(&options(&server), listener).expect("fetches");
                let is_fetched = outcome == Outcome::Fetched;
                fetched.fetch_add(usize::from(is_fetched), Ordering::Relaxed);
            });
        }
    });
    place.is_whole();
    assert_eq!(server.starts(), [0]);
    assert_eq!(fetched.into_inner(), 1);
    assert!(waited.into_inner() <= 7);
}

/// The superuser, who may run this test, can write anywhere; a file is no folder for him either.
#[test]
fn folders_that_cannot_be_written_are_named() {
    let place = Place::new(1000);
    let server = good(&place);
    place.write("taken", b"a file");
    let below = place.folder.path().join("taken").join("folder");
    let error = gpu_train::fetch::fetch(&place.set, &below, &options(&server), &mut |_| Ok(()));
    let error = error.expect_err("is no folder");
    assert!(error.to_string().contains("taken"), "{error}");
    assert!(error.hint().contains("--out"), "{}", error.hint());
    assert_eq!(server.starts(), [0; 0]);
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    let place = Place::new(1000);
    let server = good(&place);
    let target = place.folder.path().join("elsewhere");
    std::fs::write(&target, b"keep me").expect("writes");
    std::os::unix::fs::symlink(&target, place.folder.path().join(PART)).expect("links");
    place.fetch(&options(&server)).expect("fetches");
    assert_eq!(place.bytes("elsewhere"), Some(b"keep me".to_vec()));
    assert_eq!(place.bytes(FILE), Some(place.content.clone()));
}

#[test]
fn mirrors_that_are_no_folder_on_a_server_are_refused() {
    let place = Place::new(1000);
    for mirror in [
        "",
        "example.org",
        "ftp://example.org",
        "file:///etc",
        "http://",
        "http:///x",
        "https://example.org/?x=",
        "https://example.org/#x",
        "https://exa mple.org/",
    ] {
        let options = Options {
            mirror: Some(mirror.to_owned()),
            ..Options::default()
        };
        let error = place.fetch(&options).expect_err(mirror);
        assert_eq!(error.exit_code(), 2, "{mirror}: {error}");
        assert!(error.hint().contains("--mirror"));
    }
    let server = good(&place);
    let slash = Options {
        mirror: Some(format!("{}/", server.url)),
        ..options(&server)
    };
    place.fetch(&slash).expect("a last slash does no harm");
}
