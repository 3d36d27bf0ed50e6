//! Servers that would keep a download busy for ever.

use std::time::{Duration, Instant};

use gpu_train::fetch::Options;

use super::options;
use super::place::{Place, server};
use super::server::Answer;

const MEBIBYTE: usize = 1 << 20;

/// A part of a second in the place of a minute.
fn hurried(options: Options) -> Options {
    Options {
        rate_over: Duration::from_millis(300),
        attempts: 2,
        ..options
    }
}

/// Each pair of requests brings 1 MiB and throws it away again: that is no progress.
#[test]
fn what_is_lost_and_comes_again_is_no_progress() {
    type Respond = fn(&[u8], usize) -> Answer;
    let wrong: [Respond; 4] = [
        |content, from| Answer::file(content, Some(from - 1)),
        |_, _| Answer::status("416 Range Not Satisfiable"),
        |content, _| Answer::new("206 Partial Content", &[], content),
        // Does not resume, and breaks off again.
        |content, _| Answer::file(content, None).cut(MEBIBYTE),
    ];
    for respond in wrong {
        let place = Place::new(4 * MEBIBYTE);
        let server = server(&place, move |content, from, _| match from {
            Some(from) => respond(content, from),
            None => Answer::file(content, None).cut(MEBIBYTE),
        });
        place.fails(&options(&server), &[&server.url]);
        assert!(server.starts().len() <= 4, "{:?}", server.starts());
    }
}

/// A part from an earlier call, too, is thrown away once and not counted again.
#[test]
fn an_old_part_that_comes_again_is_no_progress() {
    let place = Place::new(8 * MEBIBYTE);
    place.write(super::place::PART, &place.content[..4 * MEBIBYTE]);
    let server = server(&place, |content, from, _| match from {
        Some(_) => Answer::status("416 Range Not Satisfiable"),
        None => Answer::file(content, None).cut(3 * MEBIBYTE),
    });
    place.fails(&options(&server), &["does not resume"]);
    assert_eq!(server.starts().len(), 3);
}

#[test]
fn a_drip_ends_and_what_came_is_kept() {
    let place = Place::new(100_000);
    let server = server(&place, |content, from, before| {
        let answer = Answer::file(content, from);
        match before {
            0 => answer.drip(60_000, Duration::from_millis(20)),
            _ => answer,
        }
    });
    let started = Instant::now();
    place.fetch(&hurried(options(&server))).expect("fetches");
    place.is_whole();
    assert!(started.elapsed() < Duration::from_secs(30));
    let starts = server.starts();
    assert!(starts.len() == 2 && starts[1] >= 40_000, "{starts:?}");
}

#[test]
fn a_server_that_only_drips_is_given_up() {
    let place = Place::new(100_000);
    let server = server(&place, |content, from, _| {
        let rest = content.len() - from.unwrap_or(0);
        Answer::file(content, from).drip(rest - 10, Duration::from_millis(20))
    });
    place.fails(
        &hurried(options(&server)),
        &["less than 1024 bytes a second"],
    );
    assert_eq!(server.starts().len(), 2);
}

/// Headers, and what stands between the chunks of a body, are no bytes of the file.
#[test]
fn drips_of_what_is_no_file_end() {
    let heads = [
        "HTTP/1.1 200 OK\r\nX-Long: ",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ];
    for head in heads {
        let place = Place::new(1000);
        let server = server(&place, move |_, _, _| {
            let endless = [head.as_bytes(), &[b'x'; 5000]].concat();
            Answer::raw(&endless).drip(5000, Duration::from_millis(20))
        });
        let started = Instant::now();
        place.fails(&hurried(options(&server)), &[]);
        assert!(started.elapsed() < Duration::from_secs(30), "{head}");
    }
}
