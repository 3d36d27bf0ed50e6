//! `--resume`: runs that end early, in every way, go on to the bits that they would have come to.

use std::fs;
use std::thread;

use crate::support::{Workplace, names};

/// A cnn or an mlp that shuffles, of some 50 ms an epoch at most.
pub const NETS: [&[&str]; 2] = [
    &["--net", "cnn", "--channels", "4,4", "--dense-hiddens", "8"],
    &["--net", "mlp", "--dense-hiddens", "16,8"],
];
/// A resnet, whose running statistics go on too, by sgd with momentum.
const RESNET: &[&str] = &[
    "--net",
    "resnet",
    "--channels",
    "4,6",
    "--optimizer",
    "sgd",
    "--momentum",
    "0.9",
    "--nesterov",
];
pub const DATA: [&str; 8] = [
    "--data",
    "house-digits:160,40",
    "--batch-size",
    "16",
    "--lr",
    "1e-3",
    "--seed",
    "4",
];

/// `metrics.csv` without the columns of times.
pub fn timeless(place: &Workplace, run: &str) -> Vec<Vec<String>> {
    let text = place.text(&format!("{run}/metrics.csv"));
    let header = text.lines().next().unwrap_or_default();
    let is_time = |name: &str| ["seconds", "samples_per_second"].contains(&name);
    let columns = |line: &str| {
        let cells = line.split(',').zip(header.split(','));
        let cells = cells.filter(|(_, name)| !is_time(name));
        cells.map(|(cell, _)| cell.to_owned()).collect()
    };
    text.lines().map(columns).collect()
}

/// Asserts that two runs ended with the same bits.
pub fn assert_same(place: &Workplace, one: &str, other: &str) {
    let model = |run: &str| place.read(&format!("{run}/model.safetensors"));
    assert!(model(one) == model(other), "{one} and {other} differ");
    assert_eq!(timeless(place, one), timeless(place, other));
}

/// A finished run of `epochs` epochs.
pub fn straight(place: &Workplace, net: &[&str], epochs: &str, out: &str) {
    let ended = place.run(&[net, &DATA, &["--epochs", epochs, "--out", out]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn more_epochs_are_those_of_a_longer_run() {
    let place = Workplace::new();
    for net in NETS.into_iter().chain([RESNET]) {
        straight(&place, net, "4", "long");
        straight(&place, net, "2", "short");
        let ended = place.run(&["--resume", "short", "--epochs", "4"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let said = &ended.stderr;
        assert!(said.contains("resuming short after 2 of 4"), "{said}");
        assert!(ended.stdout.contains("4/4"), "{}", ended.stdout);
        assert!(ended.stdout.contains("for 4 epochs"), "{}", ended.stdout);
        assert_same(&place, "long", "short");
        assert!(place.text("short/config.toml").contains("epochs = 4"));
        let environment = place.text("short/environment.toml");
        assert!(environment.contains("[[resumed]]"), "{environment}");
        assert!(environment.contains("step = 20"), "{environment}");
        for run in ["long", "short"] {
            fs::remove_dir_all(place.path(run)).expect("removes");
        }
    }
}

#[test]
fn a_finished_run_has_nothing_left_to_do() {
    let place = Workplace::new();
    straight(&place, NETS[1], "2", "run");
    let before = (place.read("run/model.safetensors"), timeless(&place, "run"));
    // What a killed process leaves, and a line that it did not write whole.
    place.write("run/metrics.csv.77-0.partial", b"epo");
    place.write("run/metrics.csv", b"epoch,train_loss\n1,2.5,\n2,1");
    let ended = place.run(&["--resume", "run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let after = (place.read("run/model.safetensors"), timeless(&place, "run"));
    assert!(before == after);
    assert!(!names(&place.path("run")).contains(&"metrics.csv.77-0.partial".to_owned()));
}

#[test]
fn what_is_not_the_run_is_refused_by_name() {
    let place = Workplace::new();
    straight(&place, NETS[0], "2", "run");
    let unchanged = (
        place.read("run/checkpoint.safetensors"),
        place.text("run/config.toml"),
    );
    for (arguments, code, words) in [
        (
            &["--net", "mlp"][..],
            2,
            &["net was \"cnn\", and is \"mlp\""][..],
        ),
        (&["--lr", "1e-2"], 2, &["lr was 0.001, and is 0.01"]),
        (
            &["--batch-size", "32", "--seed", "5"],
            2,
            &["batch-size was 16", "seed was 4, and is 5"],
        ),
        (&["--activation", "tanh"], 2, &["activation was \"relu\""]),
        (&["--no-shuffle"], 2, &["no-shuffle was false, and is true"]),
        (
            &["--epochs", "1"],
            2,
            &["fewer than the 2 that the run has begun"],
        ),
        (
            &["--data", "house-digits:161,40"],
            2,
            &["training set", "160 images", "161 images"],
        ),
        (
            &["--data", "house-digits:160,41"],
            2,
            &["test set", "40 images", "41 images"],
        ),
        (&["--out", "other"], 2, &["--out", "cannot be used with"]),
        (
            &["--config", "run/config.toml"],
            2,
            &["cannot be used with"],
        ),
    ] {
        let ended = place.run(&[&["--resume", "run"], arguments].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        for word in words {
            assert!(
                ended.stderr.contains(word),
                "{arguments:?}: {}",
                ended.stderr
            );
        }
    }
    for (folder, words) in [
        ("no/such/run", "is not a run folder"),
        (".", "holds no checkpoint"),
        ("run/config.toml", "is not a run folder"),
    ] {
        let ended = place.run(&["--resume", folder]);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("hint: --resume takes"),
            "{}",
            ended.stderr
        );
    }
    let after = (
        place.read("run/checkpoint.safetensors"),
        place.text("run/config.toml"),
    );
    assert!(unchanged == after);
}

/// The data may lie elsewhere than they did.
#[test]
fn the_same_data_under_another_name_are_the_same_data() {
    let place = Workplace::new();
    straight(&place, NETS[1], "1", "run");
    let same = [
        "--resume",
        "run",
        "--data",
        "house-digits:160,40",
        "--epochs",
        "2",
    ];
    assert_eq!(place.run(&same).code, 0);
}

#[test]
fn damaged_checkpoints_are_refused() {
    let place = Workplace::new();
    straight(&place, NETS[1], "1", "run");
    let whole = place.read("run/checkpoint.safetensors");
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("not empty") ^= 1;
    let text = |from: &str, to: &str| {
        let at = whole
            .windows(from.len())
            .position(|it| it == from.as_bytes());
        let mut changed = whole.clone();
        let at = at.expect(from);
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        changed
    };
    for (bytes, words) in [
        (whole[..whole.len() - 9].to_vec(), "is not a checkpoint"),
        (whole[..5].to_vec(), "is not a checkpoint"),
        (Vec::new(), "is not a checkpoint"),
        (
            place.read("run/model.safetensors"),
            "not a checkpoint of gpu-train",
        ),
        (flipped, "checksum"),
        (text("format = 2", "format = 9"), "is of format 9"),
        (
            text("step = 10", "steq = 10"),
            "is not a checkpoint: missing field `step`",
        ),
        (
            text("shape = [3, 3", "shape = [0, 3"),
            "is for images of 0x32x32",
        ),
    ] {
        place.write("run/checkpoint.safetensors", &bytes);
        let ended = place.run(&["--resume", "run", "--epochs", "2"]);
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        let said = &ended.stderr;
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains("checkpoint.safetensors"), "{said}");
        assert!(said.contains("hint: "), "{said}");
    }
}

/// Another version, driver or adapter is worth a warning; kernel choices are the run's own.
#[test]
fn another_environment_is_warned_about() {
    let place = Workplace::new();
    straight(&place, NETS[1], "1", "run");
    let recorded = place.text("run/environment.toml");
    let version = concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"");
    let older = recorded.replacen(version, "version = \"0.0.1\"", 1);
    assert_ne!(older, recorded);
    place.write("run/environment.toml", older.as_bytes());
    let ended = place.run(&["--resume", "run", "--epochs", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = &ended.stderr;
    assert!(said.contains("gpu-train was 0.0.1, and is"), "{said}");
    assert!(place.text("run/environment.toml").contains("0.0.1"));
    fs::remove_file(place.path("run/environment.toml")).expect("removes");
    let ended = place.run(&["--resume", "run", "--epochs", "3"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("kernel choices"), "{}", ended.stderr);
}

#[test]
fn runs_that_begin_at_once_have_folders_of_their_own() {
    let place = Workplace::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let ended = place.run(&[NETS[1], &DATA, &["--epochs", "1"]].concat());
                assert_eq!(ended.code, 0, "{}", ended.stderr);
            });
        }
    });
    let runs = place.runs();
    assert_eq!(runs.len(), 3, "{runs:?}");
    for run in runs {
        let files = names(&place.path(&format!("runs/{run}")));
        assert!(files.contains(&"model.safetensors".to_owned()), "{files:?}");
    }
}

#[test]
fn checkpoints_within_an_epoch_change_nothing() {
    let place = Workplace::new();
    straight(&place, NETS[0], "2", "straight");
    // Every 6 milliseconds.
    let often = [
        "--checkpoint-minutes",
        "1e-4",
        "--epochs",
        "2",
        "--out",
        "often",
    ];
    let ended = place.run(&[NETS[0], &DATA, &often].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_same(&place, "straight", "often");
    for minutes in ["-1", "nan", "1e9"] {
        let ended = place.run(&["--checkpoint-minutes", minutes, "--dry-run"]);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("--checkpoint-minutes"),
            "{}",
            ended.stderr
        );
    }
}
