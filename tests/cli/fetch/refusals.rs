//! What is refused on this side: files and folders in the way, links, and mirrors that are none.

use gpu_train::fetch::Options;

use super::options;
use super::place::{FILE, PART, Place, good_server};

#[test]
fn a_file_in_the_way_is_replaced_only_where_that_was_allowed() {
    for wrong in [vec![1; 999], vec![1; 1000]] {
        let place = Place::new(1000);
        place.write(FILE, &wrong);
        let server = good_server(&place);
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

/// The superuser, who may run this test, can write anywhere; a file is no folder for him either.
#[test]
fn folders_that_cannot_be_written_are_named() {
    let place = Place::new(1000);
    let server = good_server(&place);
    place.write("taken", b"a file");
    let below = place.folder.path().join("taken").join("folder");
    let error = gpu_train::fetch::fetch(&place.set, &below, &options(&server), &mut |_| Ok(()));
    let error = error.expect_err("is no folder");
    assert!(error.to_string().contains("taken"), "{error}");
    assert!(error.hint().contains("`out`"), "{}", error.hint());
    assert_eq!(server.starts(), [0; 0]);
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    let place = Place::new(1000);
    let server = good_server(&place);
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
        assert!(error.hint().contains("`mirror`"));
    }
    let server = good_server(&place);
    let slash = Options {
        mirror: Some(format!("{}/", server.url)),
        ..options(&server)
    };
    place.fetch(&slash).expect("a last slash does no harm");
}
