use std::sync::mpsc;
use std::time::{Duration, Instant};

use gpu_train::fetch::{Event, catalogue};

use super::options;
use super::place::{FILE, Place};
use super::server::{Answer, Server};
use crate::support::{BINARY, Workplace};

/// The command, its exit status, and what is on stderr.
fn refuses(place: &Workplace, arguments: &[&str], code: i32, words: &[&str]) {
    let ended = place.run(&[&["fetch"], arguments].concat());
    let said = &ended.stderr;
    assert_eq!(ended.code, code, "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: no '{word}' in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn what_cannot_be_fetched_is_refused_with_what_can() {
    let place = Workplace::new();
    refuses(&place, &[], 2, &["<NAME>"]);
    refuses(&place, &["imagenet"], 2, &["svhn, mnist, cifar10"]);
    let mirror = ["mnist", "--mirror", "example.org"];
    refuses(&place, &mirror, 2, &["example.org", "hint: --mirror"]);
    assert!(place.names().is_empty());
}

#[test]
fn every_file_is_asked_for_at_the_mirror_by_its_official_name() {
    for set in catalogue::SETS {
        let place = Workplace::new();
        let server = Server::new(|_| Answer::status("404 Not Found"));
        let mirror = format!("{}/data/{}/", server.url, set.name);
        let words = ["404", set.files[0].name, "hint: ", "--mirror"];
        refuses(&place, &[set.name, "--mirror", &mirror], 1, &words);
        let asked: Vec<String> = server.asked().into_iter().map(|it| it.path).collect();
        assert_eq!(asked, [format!("/data/{}/{}", set.name, set.files[0].name)]);
        // The cache folder, where --data looks; the current one is left alone.
        assert!(place.cache().join(set.name).is_dir());
        assert!(place.names().is_empty());
    }
}

#[test]
fn what_comes_is_measured_against_the_official_size() {
    let place = Workplace::new();
    let server = Server::new(|asked| Answer::file(b"not the digits", asked.from));
    let arguments = ["mnist", "--out", "digits", "--mirror", &server.url];
    let words = ["train-images", "expected 9912422, found 14"];
    refuses(&place, &arguments, 1, &words);
    assert_eq!(place.names(), ["digits"]);
    // An own file of that name stays.
    place.write("digits/train-labels-idx1-ubyte.gz", b"my own");
    refuses(
        &place,
        &arguments,
        1,
        &[
            "train-labels",
            "not the official",
            "expected 28881 bytes, found 6",
        ],
    );
    assert_eq!(place.read("digits/train-labels-idx1-ubyte.gz"), b"my own");
}

#[test]
fn quiet_is_quiet_about_all_but_errors() {
    let place = Workplace::new();
    let server = Server::new(|_| Answer::status("404 Not Found"));
    let ended = place.run(&["fetch", "svhn", "--quiet", "--mirror", &server.url]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
}

/// Of the size of MNIST's first file, and nothing else.
const ZEROS: usize = 9_912_422;
const FIRST_PART: &str = "digits/train-images-idx3-ubyte.gz.part";

/// Killed without notice, a call leaves what the next one goes on from.
#[test]
fn a_killed_process_leaves_what_the_next_one_resumes() {
    let place = Workplace::new();
    let server = Server::new(|asked| match asked.before {
        0 => Answer::file(&vec![0; ZEROS], None)
            .cut(1_000_000)
            .then_silent(Duration::from_mins(1)),
        _ => Answer::status("404 Not Found"),
    });
    let arguments = ["fetch", "mnist", "--out", "digits", "--mirror", &server.url];
    let mut child = place
        .command(BINARY)
        .args(arguments)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let part = place.path(FIRST_PART);
    let length = || std::fs::metadata(&part).map_or(0, |it| it.len());
    let deadline = Instant::now() + Duration::from_secs(20);
    while length() < 1_000_000 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("is ours");
    child.wait().expect("ends");
    assert_eq!(length(), 1_000_000);
    let ended = place.run(&arguments);
    assert!(
        ended.stderr.contains("1000000 bytes are here"),
        "{}",
        ended.stderr
    );
    assert_eq!(server.starts(), [0, 1_000_000]);
}

/// A limit on the size of files stands in for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_no_more_is_an_error_with_the_path() {
    let place = Workplace::new();
    let server = Server::new(|asked| Answer::file(&vec![0; ZEROS], asked.from));
    let shell = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"";
    let ended = place
        .command("sh")
        .args(["-c", shell, BINARY])
        .args(["fetch", "mnist", "--out", "digits", "--mirror", &server.url])
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for word in [
        "train-images-idx3-ubyte.gz.part: cannot be written",
        "free some space",
        "--out",
    ] {
        assert!(said.contains(word), "no '{word}' in: {said}");
    }
    // Where there is room again, the next call goes on.
    let ended = place.run(&["fetch", "mnist", "--out", "digits", "--mirror", &server.url]);
    assert!(
        ended.stderr.contains("512000 bytes are here"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("arrives damaged"), "{}", ended.stderr);
}

/// The lock of the folder holds between processes: the command waits until the library, here, has
/// ended.
#[test]
fn a_second_process_waits_for_the_first() {
    let place = Workplace::new();
    let small = Place::new(1000);
    let content = small.content.clone();
    let (ended, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let good = Server::new(move |asked| {
        let wait = wait.lock().expect("asked once");
        // Ended by the sender's end, after the second process has started and waits.
        let _ = wait.recv_timeout(Duration::from_secs(20));
        Answer::file(&content, asked.from)
    });
    let bad = Server::new(|_| Answer::status("404 Not Found"));
    let folder = place.path("shared");
    let (started, is_started) = mpsc::channel();
    std::thread::scope(|scope| {
        let fetched = scope.spawn(|| {
            let listener = &mut |event: Event<'_>| {
                if let Event::Started { .. } = event {
                    started.send(()).expect("is waited for");
                }
                Ok(())
            };
            gpu_train::fetch::fetch(&small.set, &folder, &options(&good), listener)
        });
        is_started.recv().expect("starts");
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            drop(ended);
        });
        let arguments = ["mnist", "--out", "shared", "--mirror", &bad.url];
        let words = ["another fetch into shared is at work", "404"];
        refuses(&place, &arguments, 1, &words);
        let fetched = fetched.join().expect("does not panic");
        fetched.expect("fetches");
        assert_eq!(bad.starts().len(), 1);
    });
    assert!(folder.join(FILE).is_file(), "the first ended first");
}

/// All of MNIST, where this machine has it beside the repository: two processes at once, then what
/// training finds.
#[test]
fn mnist_is_fetched_whole() {
    let official = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mnist");
    if !official.join("train-images-idx3-ubyte.gz").is_file() {
        return;
    }
    let place = Workplace::new();
    let server = Server::new(move |asked| {
        let file = official.join(asked.path.trim_start_matches('/'));
        Answer::file(&std::fs::read(file).expect("is there"), asked.from)
    });
    let arguments = ["fetch", "mnist", "--mirror", &server.url];
    let ended = std::thread::scope(|scope| {
        let other = scope.spawn(|| place.run(&arguments));
        [place.run(&arguments), other.join().expect("ends")]
    });
    for ended in ended {
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.starts_with("mnist is "), "{}", ended.stdout);
        assert!(ended.stderr.contains("CC BY-SA"), "{}", ended.stderr);
    }
    assert_eq!(server.starts(), [0; 4], "one download of each file");
    let again = place.run(&arguments);
    assert!(again.stdout.contains("already there"), "{}", again.stdout);
    assert_eq!(server.starts().len(), 4);
}
