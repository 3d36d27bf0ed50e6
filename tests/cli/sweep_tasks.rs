//! A sweep whose runs are trained by several processes at once, as tasks of a cluster.
#![cfg(unix)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::killed::send;
use crate::resume::{NETS, assert_same};
use crate::support::{BINARY, Ended, Workplace, ended, names};

const RUNS: [&str; 6] = [
    "lr-0.01",
    "lr-0.003",
    "lr-0.001",
    "lr-0.0003",
    "lr-0.0001",
    "lr-1000000000000",
];

/// The arguments of a sweep of six runs, the last of which diverges.
fn sweep(epochs: &'static str, out: &'static str) -> Vec<&'static str> {
    let runs = ["--lr", "1e-2,3e-3,1e-3,3e-4,1e-4,1e12"];
    let data = ["--data", "house-digits:1280,160", "--batch-size", "16"];
    let more = ["--epochs", epochs, "--out", out];
    [&["sweep"], NETS[1], &runs, &data, &more].concat()
}

/// A task of the sweep in the folder `parts`, by `arguments` and the variables `set`.
fn task(place: &Workplace, arguments: &[&str], set: &[(&str, &str)]) -> Command {
    let mut command = place.command(BINARY);
    command.args(["sweep", "--resume", "parts"]).args(arguments);
    command.envs(set.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn wait_for_epoch(place: &Workplace, run: &str) {
    let metrics = place.path(&format!("parts/{run}/metrics.csv"));
    let begun = Instant::now();
    while fs::read_to_string(&metrics)
        .unwrap_or_default()
        .lines()
        .count()
        < 2
    {
        assert!(begun.elapsed() < Duration::from_mins(1), "{run} begins");
        sleep(Duration::from_millis(2));
    }
}

/// `summary.csv` without the times.
fn summary(place: &Workplace, sweep: &str) -> Vec<Vec<String>> {
    let text = place.text(&format!("{sweep}/summary.csv"));
    let rows = text.lines().map(|line| line.split(',').map(str::to_owned));
    let mut rows: Vec<Vec<String>> = rows.map(Iterator::collect).collect();
    let seconds = rows[0].iter().position(|it| it == "seconds");
    for row in &mut rows {
        row.remove(seconds.expect("is a column"));
    }
    rows
}

/// Asserts that the sweep in `parts` is the one in `plain`, times aside.
fn assert_same_sweep(place: &Workplace) {
    assert_eq!(summary(place, "parts"), summary(place, "plain"));
    for run in &RUNS[..5] {
        assert_same(place, &format!("plain/{run}"), &format!("parts/{run}"));
        for file in ["predictions.csv", "config.toml"] {
            let read = |sweep: &str| place.read(&format!("{sweep}/{run}/{file}"));
            assert!(read("plain") == read("parts"), "{run}/{file}");
        }
    }
    let shown = |sweep: &str| {
        let mut names = names(&place.path(sweep));
        names.retain(|it| !it.starts_with('.'));
        names
    };
    assert_eq!(shown("parts"), shown("plain"));
    assert_eq!(shown("parts/figures"), shown("plain/figures"));
}

/// The first words of the lines of a table.
fn first_words(table: &str) -> Vec<&str> {
    let words = table.lines().map(|line| line.split_whitespace().next());
    words.flatten().collect()
}

fn done(child: Child) -> Ended {
    let ended = ended(child.wait_with_output().expect("ends"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

#[test]
fn tasks_side_by_side_come_to_what_one_process_comes_to() {
    let place = Workplace::new();
    let plain = place.run(&sweep("12", "plain"));
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    let prepared = place.run(&[sweep("12", "parts"), vec!["--prepare"]].concat());
    let said = &prepared.stderr;
    assert_eq!((prepared.code, &*prepared.stdout), (0, "6\n"), "{said}");
    let how = "`gpu-train sweep --resume parts --only K` trains one, K from 0 to 5";
    assert!(said.contains(how), "{said}");
    let made = [".lock", "summary.csv", "sweep.toml"];
    assert_eq!(names(&place.path("parts")), made);

    let start = |arguments: &[&str], set: &[(&str, &str)]| {
        let mut task = task(&place, arguments, set);
        task.spawn().expect("starts")
    };
    let refused = |arguments: &[&str], set: &[(&str, &str)], says: &str| {
        let refused = task(&place, arguments, set).output().expect("starts");
        let refused = ended(refused);
        assert!([1, 2].contains(&refused.code), "{}", refused.stderr);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    };
    let mut killed = start(&["--only", "2"], &[("SLURM_ARRAY_TASK_ID", "0")]);
    wait_for_epoch(&place, RUNS[2]);
    // Beside it neither the same run is trained, nor the sweep, which no variable makes a part of it.
    let second = [("HQ_TASK_ID", "2")];
    let same = "parts/lr-0.001: another gpu-train is training run 2";
    refused(&["--only"], &second, same);
    refused(&[], &second, "parts: another gpu-train is writing");
    send("-KILL", &killed);
    killed.wait().expect("ends");

    let others = [
        start(&["--only", "0"], &[]),
        start(&["--only"], &[("SLURM_ARRAY_TASK_ID", "1")]),
        start(&["--only", "task"], &[("HQ_TASK_ID", "3")]),
        start(&["--only"], &[("JOB_COMPLETION_INDEX", "4")]),
        start(&["--only", "5", "--quiet"], &[]),
    ];
    for other in others {
        assert_eq!(done(other).stdout, "", "one has not ended");
    }
    assert!(!place.path("parts/report.html").exists());
    let rows = summary(&place, "parts");
    let statuses: Vec<&String> = rows[1..].iter().filter_map(|row| row.last()).collect();
    let expected = ["done", "done", "unfinished", "done", "done", "diverged"];
    assert_eq!(statuses, expected);

    let last = done(start(&["--only", "2"], &[]));
    let said = &last.stderr;
    assert!(said.contains("run lr-0.001 goes on after step"), "{said}");
    assert_eq!(first_words(&last.stdout), first_words(&plain.stdout));
    assert_same_sweep(&place);
    refused(&["--only", "6"], &[], "its 6 runs are 0 to 5");
    refused(&["--only"], &[], "--only has no number");

    // A task that is started once more has nothing to train.
    let model = place.read("parts/lr-0.01/model.safetensors");
    let said = done(start(&["--only", "0"], &[])).stderr;
    assert!(said.contains("run 0 had ended before"), "{said}");
    assert!(place.read("parts/lr-0.01/model.safetensors") == model);
}

/// All end at once: none takes what another recorded away, and one of them draws.
#[test]
fn tasks_that_end_at_once_lose_no_line() {
    let place = Workplace::new();
    let prepared = place.run(&[sweep("1", "parts"), vec!["--prepare", "--quiet"]].concat());
    assert_eq!(
        (prepared.code, &*prepared.stdout),
        (0, ""),
        "{}",
        prepared.stderr
    );
    for _ in 0..3 {
        let numbers = (0..6).map(|number| number.to_string());
        let tasks = numbers.map(|number| {
            let mut task = task(&place, &["--only", &number], &[]);
            task.spawn().expect("starts")
        });
        let tasks: Vec<Child> = tasks.collect();
        let said: Vec<_> = tasks
            .into_iter()
            .map(|it| ended(it.wait_with_output().expect("ends")))
            .collect();
        assert!(said.iter().all(|it| it.code == 0), "{}", said[0].stderr);
        let tables = said
            .iter()
            .filter(|it| it.stdout.contains("report.html"))
            .count();
        assert_eq!(tables, 1);
        let rows = summary(&place, "parts");
        assert!(
            rows[1..]
                .iter()
                .all(|row| row[row.len() - 1] != "unfinished"),
            "{rows:?}"
        );
        assert!(place.path("parts/report.html").exists());
        let left = names(&place.path("parts"));
        assert!(!left.iter().any(|it| it.ends_with(".partial")), "{left:?}");
        for run in RUNS {
            fs::remove_dir_all(place.path(&format!("parts/{run}"))).expect("removes");
        }
    }
}
