//! Folders of runs that are moved, replaced, or lead elsewhere: nothing is written but into the run's
//! own folder.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::killed::{spawn, wait_for_epoch};
use crate::support::{CPU, Ended, Workplace, ended, names};

const TRAIN: &[&str] = &[
    "--data",
    "house-digits:64,16",
    "--net",
    "mlp",
    "--dense-hiddens",
    "4",
    "--device",
    "cpu",
];

fn train(place: &Workplace, more: &[&str]) -> Ended {
    place.run(&[TRAIN, more].concat())
}

/// Every file below `folder`.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let inner = files(&path).into_iter();
            found.extend(inner.map(|(path, bytes)| (format!("{name}/{path}"), bytes)));
        } else {
            found.insert(name, fs::read(path).expect("reads"));
        }
    }
    found
}

/// Puts the first folder, or a link to it, in the place of the second, or nothing.
type Take = fn(&Path, &Path);

/// The run that was there first stops with an error; what took its place stays as it is.
#[test]
fn a_live_run_writes_into_no_folder_that_took_the_place_of_its_own() {
    let place = Workplace::new();
    let ended_run = train(&place, &["--epochs", "2", "--out", "other"]);
    assert_eq!(ended_run.code, 0, "{}", ended_run.stderr);
    let other = files(&place.path("other"));
    let (run, moved) = (place.path("run"), place.path("moved"));
    let takes: [Take; 3] = [
        |other, run| fs::rename(other, run).expect("moves"),
        |other, run| symlink(other, run).expect("links"),
        |_, _| {},
    ];
    for take in takes {
        let endless = [TRAIN, &["--epochs", "1000000", "--out", "run"]].concat();
        let mut child = spawn(&place, &endless);
        wait_for_epoch(&mut child, 1);
        fs::rename(&run, &moved).expect("moves");
        take(&place.path("other"), &run);
        let said = ended(child.wait_with_output().expect("ends"));
        assert_eq!(said.code, 1, "{}", said.stderr);
        assert!(said.stderr.contains("moved away"), "{}", said.stderr);
        assert!(said.stderr.contains("hint: "), "{}", said.stderr);
        if run.is_symlink() {
            fs::remove_file(&run).expect("removes");
        } else if run.exists() {
            fs::rename(&run, place.path("other")).expect("moves");
        }
        assert!(files(&place.path("other")) == other, "nothing changed");
        // The moved one goes on from its checkpoint.
        let begun = place.text("moved/metrics.csv").lines().count().to_string();
        let resumed = place.run(&["--resume", "moved", "--epochs", &begun]);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        fs::remove_dir_all(&moved).expect("removes");
    }
}

#[test]
fn a_strangers_run_reaches_out_of_itself_nowhere() {
    let place = Workplace::new();
    let run = place.path("run");
    fs::create_dir(place.path("outside")).expect("is made");
    let begin = || {
        let _ = fs::remove_dir_all(&run);
        let ended = train(&place, &["--epochs", "1", "--out", "run"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    };
    let refused = |word: &str| {
        let ended = place.run(&["--resume", "run", "--epochs", "2"]);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        for word in [word, "hint: "] {
            assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
        }
        assert_eq!(names(&place.path("outside")), [""; 0]);
    };

    begin();
    fs::write(place.path("outside.svg.1-0.partial"), "theirs").expect("writes");
    fs::remove_dir_all(run.join("figures")).expect("removes");
    symlink(place.path("outside"), run.join("figures")).expect("links");
    refused("figures: cannot be written: is a link");

    begin();
    fs::remove_file(run.join(".lock")).expect("removes");
    symlink(place.path("outside/made"), run.join(".lock")).expect("links");
    refused(".lock: cannot be written: is not a regular file");

    fs::remove_file(run.join(".lock")).expect("removes");
    let made = Command::new("mkfifo").arg(run.join(".lock")).status();
    assert!(made.expect("runs").success());
    refused(".lock: cannot be written: is not a regular file");

    // Files that are links are replaced, and what they lead to stays.
    begin();
    for name in ["metrics.csv", "report.html", "model.safetensors"] {
        let outside = place.path("theirs");
        fs::write(&outside, "theirs").expect("writes");
        fs::remove_file(run.join(name)).expect("removes");
        symlink(&outside, run.join(name)).expect("links");
    }
    let ended = place.run(&["--resume", "run", "--epochs", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(place.text("theirs"), "theirs");
}

#[test]
fn a_sweeps_run_that_is_a_link_is_refused() {
    let place = Workplace::new();
    let sweep = ["--epochs", "1", "--seed", "0,1", "--out", "sweep"];
    let ended = place.run(&[&["sweep"], TRAIN, &sweep].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let folder = place.path("sweep");
    let run = names(&folder).into_iter().find(|it| it.ends_with('1'));
    let run = folder.join(run.expect("the second run"));
    fs::rename(&run, place.path("outside")).expect("moves");
    fs::remove_file(place.path("outside/predictions.csv")).expect("removes");
    symlink(place.path("outside"), &run).expect("links");
    let before = files(&place.path("outside"));
    let ended = place.run(&["sweep", "--resume", "sweep"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("is a link"), "{}", ended.stderr);
    assert!(files(&place.path("outside")) == before, "nothing changed");
}

/// As a process leaves them that was killed while it drew.
#[test]
fn half_written_figures_are_taken_away() {
    let place = Workplace::new();
    let ended = train(&place, &["--epochs", "1", "--out", "run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    place.write("run/figures/mse.svg.99-0.partial", b"<svg");
    place.write("run/report.html.99-0.partial", b"<html");
    let ended = place.run(&[CPU, &["--resume", "run"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for folder in ["run", "run/figures"] {
        let left = names(&place.path(folder));
        assert!(!left.iter().any(|it| it.ends_with(".partial")), "{left:?}");
    }
}

/// The same of a run of a sweep that had ended.
#[test]
fn half_written_figures_of_a_sweeps_run_are_taken_away() {
    let place = Workplace::new();
    let sweep = ["--epochs", "1", "--seed", "0,1", "--out", "sweep"];
    let ended = place.run(&[&["sweep"], TRAIN, &sweep].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let run = place.path("sweep/seed-1");
    fs::remove_file(run.join("report.html")).expect("removes");
    place.write("sweep/seed-1/figures/mse.svg.99-0.partial", b"<svg");
    let ended = place.run(&["sweep", "--resume", "sweep"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(run.join("report.html").is_file());
    let left = names(&run.join("figures"));
    assert!(!left.iter().any(|it| it.ends_with(".partial")), "{left:?}");
}

#[test]
fn no_page_of_others_is_overwritten_and_none_tells_of_folders() {
    let place = Workplace::new();
    let data = place.path("data");
    fs::create_dir(&data).expect("is made");
    let ended = train(&place, &["--epochs", "1", "--out", "run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    fs::create_dir(place.path("web")).expect("is made");
    place.write("web/report.html", b"<p>A page about something else.</p>");
    let compare = |out: &str| {
        let run = place.path("run").display().to_string();
        place.run(&["compare", &run, &run, "--out", out])
    };
    let ended = compare("web");
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("did not write it"),
        "{}",
        ended.stderr
    );
    assert_eq!(names(&place.path("web")), ["report.html"]);
    for _ in 0..2 {
        let ended = compare("own");
        assert_eq!(ended.code, 0, "our own is written anew: {}", ended.stderr);
    }
    let here = place.path("").display().to_string();
    for page in ["run/report.html", "own/report.html"] {
        assert!(
            !place.text(page).contains(here.trim_end_matches('/')),
            "{page}"
        );
    }
}
