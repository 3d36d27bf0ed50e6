//! Whole downloads: from the first source that has the file, once, and told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gpu_train::fetch::{Event, Options, Outcome};

use super::options;
use super::place::{Place, good_server, server};
use super::server::Answer;

#[test]
fn a_file_is_fetched_once_and_then_no_server_is_asked() {
    let place = Place::new(300_000);
    let server = good_server(&place);
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
    let server = good_server(&place);
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
