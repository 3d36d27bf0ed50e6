//! Training on every format, and what is trained on where nothing is named.

use std::fs;

use crate::cases;
use crate::support::{BINARY, Workplace, ended};

/// A net for images of any size, small enough to train in a moment.
const TINY: &[&str] = &[
    "--net",
    "mlp",
    "--dense-hiddens",
    "4",
    "--batch-size",
    "2",
    "--epochs",
    "1",
    "--out",
    "run",
];

#[test]
fn every_format_trains() {
    for (case, config) in [
        ("mat, compressed", "data = "),
        ("idx, gzipped", "data = "),
        ("cifar10", "data = "),
        ("labels.csv", "data = "),
        ("webp, lossy", "data = "),
        ("npz, deflated", "set.npz"),
        ("npz, fortran", "train.npz"),
    ] {
        let found = cases::all().into_iter().find(|it| it.name == case);
        let data = found.expect("there is such a case").write();
        let place = Workplace::new();
        let mut arguments = data.arguments();
        arguments.extend(TINY.iter().map(|&argument| argument.to_owned()));
        let ended = place.run(&arguments);
        assert_eq!(ended.code, 0, "{case}: {}", ended.stderr);
        let metrics = place.text("run/metrics.csv");
        assert_eq!(metrics.lines().count(), 2, "{case}: {metrics}");
        let recorded = place.text("run/config.toml");
        assert!(recorded.contains(config), "{case}: {recorded}");

        // The record leads to the same data.
        let again = ["--config", "run/config.toml", "--out", "again"];
        let ended = place.run(&again);
        assert_eq!(ended.code, 0, "{case}: {}", ended.stderr);
        let model = |run: &str| place.read(&format!("{run}/model.safetensors"));
        assert_eq!(model("run"), model("again"), "{case}");
    }
}

/// How data were read is said once, and only to who wants words.
#[test]
fn notes_on_the_data_are_printed() {
    let data = |case: &str| {
        let found = cases::all().into_iter().find(|it| it.name == case);
        found.expect("there is such a case").write()
    };
    let place = Workplace::new();
    let run = |arguments: Vec<String>, more: &[&str]| {
        let more = more.iter().map(|&it| it.to_owned());
        let ended = place.run(&arguments.into_iter().chain(more).collect::<Vec<_>>());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stderr
    };
    let npz = data("npz, stored");
    let said = run(npz.arguments(), &["--net", "mlp", "--dry-run"]);
    let note = "note: arrays of shape (N, 5, 4, 3) are read channels last, as images of 3x5x4";
    assert_eq!(said.matches(note).count(), 1, "{said}");
    let sweep = [vec!["sweep".to_owned()], npz.arguments()].concat();
    let said = run(sweep, &[TINY, &["--lr", "1e-3,1e-4"]].concat());
    assert_eq!(said.matches(note).count(), 1, "{said}");
    let said = run(npz.arguments(), &["--net", "mlp", "--dry-run", "--quiet"]);
    assert!(!said.contains("note:"), "{said}");
}

/// What a configuration leaves out is the default, and a cache folder that would be another one in every
/// folder is none.
#[test]
fn little_is_enough() {
    let place = Workplace::new();
    place.write(
        "little.toml",
        b"net = 'mlp'\nepochs = 1\ndata = 'house-digits:32,8'\n",
    );
    let mut command = place.command(BINARY);
    command.args(["--config", "little.toml", "--out", "run"]);
    command
        .env("XDG_CACHE_HOME", "relative")
        .env("HOME", place.cache());
    let ended = ended(command.output().expect("starts"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let config: toml::Table = place.text("run/config.toml").parse().expect("is TOML");
    assert_eq!(config["batch-size"].as_integer(), Some(128));
    assert_eq!(place.names(), ["little.toml", "run"]);
}

#[test]
fn what_was_fetched_for_another_command_is_not_the_default() {
    let place = Workplace::new();
    let mnist = cases::idxs().swap_remove(0);
    fs::create_dir_all(place.path("data/mnist")).expect("makes the folder");
    for (name, bytes) in &mnist.files {
        place.write(&format!("data/mnist/{name}"), bytes);
    }
    let dry = |arguments: &[&str]| place.run(&[arguments, &["--net", "mlp", "--dry-run"]].concat());
    let unnamed = dry(&[]);
    assert!(
        unnamed.stderr.contains("house-digits"),
        "{}",
        unnamed.stderr
    );
    let named = dry(&["--data", "mnist"]);
    assert_eq!(named.code, 0, "{}", named.stderr);
    assert!(named.stdout.contains("Linear(20, 128)"), "{}", named.stdout);
}
