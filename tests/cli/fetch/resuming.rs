//! Transfers that break off, and what is built upon what they left.

use std::time::{Duration, Instant};

use gpu_train::error::Error;
use gpu_train::fetch::{Event, Options};

use super::options;
use super::place::{PART, Place, good_server, server};
use super::server::Answer;

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
fn a_later_call_resumes_what_an_earlier_one_left() {
    let place = Place::new(300_000);
    let first = server(&place, |content, from, before| match before {
        0 => Answer::file(content, from).cut(100_000),
        _ => Answer::status("500 Internal Server Error"),
    });
    place.fails(&options(&first), &["500"]);
    assert_eq!(first.starts(), [0, 100_000, 100_000]);
    let second = good_server(&place);
    place.fetch(&options(&second)).expect("fetches");
    place.is_whole();
    assert_eq!(second.starts(), [100_000]);
}

#[test]
fn a_listener_that_stops_leaves_what_the_next_call_resumes() {
    let place = Place::new(300_000);
    let server = good_server(&place);
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
    let server = good_server(&place);
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
        let server = good_server(&place);
        place.fetch(&options(&server)).expect("fetches");
        place.is_whole();
        assert_eq!(server.starts(), starts);
    }
}
