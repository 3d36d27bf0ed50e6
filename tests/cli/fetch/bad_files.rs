//! Servers that send something else than the file: damaged, of another size, without an end, encoded.

use std::sync::atomic::{AtomicUsize, Ordering};

use gpu_train::fetch::Event;

use super::place::{FILE, PART, Place, server};
use super::server::Answer;
use super::{options, sha256};

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
    let (expected, found) = (place.set.files[0].sha256, sha256(&damaged(&place.content)));
    let words = ["damaged", &always.url, "expected SHA-256", expected, &found];
    place.fails(&options(&always), &words);
    assert_eq!(place.bytes(PART), None, "nobody resumes it");
    assert_eq!(always.starts(), [0, 0]);
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
fn a_body_that_is_encoded_is_not_taken() {
    let place = Place::new(1000);
    let server = server(&place, |content, _, _| {
        Answer::new("200 OK", &["Content-Encoding: gzip"], content)
    });
    place.fails(&options(&server), &["encoded", "gzip"]);
}
