//! `--open`: which page a browser is given, and what is said where there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{BINARY, CPU, Ended, SMALL, Workplace, ended};

/// The variables by which a screen is known.
const SCREENS: [&str; 4] = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];

/// The binary in `place` with nothing in its path but `bin`, and with a screen or without.
fn command(place: &Workplace, bin: &Path, screen: bool) -> Command {
    let mut command = place.command(BINARY);
    for name in SCREENS {
        command.env_remove(name);
    }
    command.env("PATH", bin);
    if screen {
        command.env("DISPLAY", ":77");
    }
    command
}

fn run(mut command: Command, arguments: &[&str]) -> Ended {
    let ended = ended(command.args(arguments).output().expect("starts"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

/// A folder with an opener in it, which writes down what it is given.
fn opener(place: &Workplace, log: &Path) -> std::path::PathBuf {
    let bin = place.path("bin");
    fs::create_dir(&bin).expect("is new");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", log.display());
    let path = bin.join("xdg-open");
    fs::write(&path, script).expect("writes");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("is ours");
    bin
}

/// The lines of `log`, once there are `count`.
fn lines(log: &Path, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if lines.len() >= count || begun.elapsed() > Duration::from_secs(20) {
            return lines;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_report_of_what_ended_is_opened() {
    let place = Workplace::new();
    let log = place.path("opened");
    let bin = opener(&place, &log);
    let sweep = [
        "sweep",
        "--data",
        "house-digits:64,32",
        "--net",
        "mlp",
        "--epochs",
        "1",
        "--lr",
        "1e-3,1e-2",
    ];
    let experiment = [
        "experiment",
        "cnn",
        "--data",
        "house-digits:64,32",
        "--epochs",
        "1",
    ];
    for (count, (arguments, out)) in [(SMALL, "run"), (&sweep, "s"), (&experiment, "e")]
        .into_iter()
        .enumerate()
    {
        let all = [arguments, CPU, &["--open", "--out", out]].concat();
        let ended = run(command(&place, &bin, true), &all);
        assert!(!ended.stderr.contains("browser"), "{}", ended.stderr);
        assert_eq!(
            lines(&log, count + 1)[count..],
            [format!("{out}/report.html")]
        );
    }
    run(
        command(&place, &bin, true),
        &["compare", "s", "run", "--out", "c", "--open"],
    );
    assert_eq!(lines(&log, 4)[3..], ["c/report.html"]);
}

#[test]
fn where_nothing_opens_it_a_note_says_where_it_is() {
    let place = Workplace::new();
    let log = place.path("opened");
    let bin = opener(&place, &log);
    let empty = place.path("empty");
    fs::create_dir(&empty).expect("is new");
    place.train("run", CPU);
    let compare = |bin: &Path, screen, more: &[&str]| {
        let all = [&["compare", "run", "--out", "c", "--open"], more].concat();
        run(command(&place, bin, screen), &all).stderr
    };
    let said = compare(&bin, false, &[]);
    assert!(
        said.contains("note: there is no screen to open it on: the report is c/report.html"),
        "{said}"
    );
    let said = compare(&empty, true, &[]);
    assert!(
        said.contains("no browser could be opened") && said.contains("c/report.html"),
        "{said}"
    );
    assert_eq!(compare(&empty, true, &["--quiet"]), "");
    assert!(!log.exists());
}

#[test]
fn what_has_no_report_has_none_to_open() {
    let place = Workplace::new();
    for arguments in [
        &["--open", "--no-report"][..],
        &["--open", "--dry-run"],
        &["--open", "--find-lr"],
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}");
        assert!(ended.stderr.contains("--open"), "{}", ended.stderr);
    }
}
