//! Every field of a checkpoint, of `sweep.toml` and of `config.toml`, changed: to extreme values, by one
//! digit, to another run's, or left out. Nothing panics, nothing is taken without a word, and every
//! refusal names the file.

pub mod checkpoint_file;
mod mutants;

use std::fs;
use std::path::{Path, PathBuf};

use gpu_train::error::Error;
use gpu_train::run::{Checkpoint, RunConfig};

use self::checkpoint_file::File;
use self::mutants::mutants;
use crate::support::{CPU, Workplace, open_sweep};

const TRAIN: &[&str] = &[
    "--data",
    "house-digits:64,16",
    "--net",
    "mlp",
    "--dense-hiddens",
    "3",
    "--batch-size",
    "24",
    "--valid-fraction",
    "0.2",
    "--evaluate-train",
    "--lr-schedule",
    "plateau",
];
/// What follows from nothing else that a checkpoint says, so that only its checksum tells whether it was
/// changed: measurements, of which the last and the best ones alone decide something, and times. `*` stands
/// for any one part.
const CHECKED_BY_THE_SUM_ALONE: &[&str] = &[
    "version",
    "clock",
    "clock.*",
    "logs.*.seconds",
    "logs.*.samples_per_second",
    "logs.*.test",
    "logs.*.test.*",
    "logs.*.train",
    "logs.*.train.*",
    "logs.*.train_eval",
    "logs.*.train_eval.*",
    "logs.*.valid",
    "logs.*.valid.*",
];

/// Whether `path` is one of `list`.
fn is_of(path: &str, list: &[&str]) -> bool {
    let fits = |pattern: &&str| {
        let (path, pattern) = (path.split('.'), pattern.split('.'));
        path.clone().count() == pattern.clone().count()
            && path.zip(pattern).all(|(part, it)| it == "*" || it == part)
    };
    list.iter().any(fits)
}

fn assert_names(error: &Error, file: &Path, what: &str) {
    let said = error.to_string();
    assert!(
        said.contains(file.to_str().expect("text")),
        "{what}: {said}"
    );
    assert!(!error.hint().is_empty(), "{what}: {said}");
}

/// A run of two epochs, and another of three with another seed and net.
fn runs() -> (Workplace, PathBuf, PathBuf) {
    let place = Workplace::new();
    let train = |more: &[&str]| {
        let ended = place.run(&[TRAIN, CPU, more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    };
    train(&["--epochs", "2", "--out", "run"]);
    train(&[
        "--epochs", "3", "--seed", "5", "--lr", "1e-2", "--out", "other",
    ]);
    let [run, other] = ["run", "other"].map(|it| place.path(it));
    (place, run, other)
}

#[test]
fn no_changed_field_of_a_checkpoint_is_taken() {
    let (_place, run, other) = runs();
    let path = run.join("checkpoint.safetensors");
    let whole = File::read(&path);
    let other = File::read(&other.join("checkpoint.safetensors"));
    let refused = |what: &str| {
        let error = Checkpoint::read(&path).expect_err(what);
        assert_names(&error, &path, what);
    };
    let all = mutants(&whole.text, &other.text);
    assert!(all.len() > 1000, "{}", all.len());
    for (what, text) in all {
        let mutant = File {
            text,
            sum: whole.sum.clone(),
            tensors: whole.tensors.clone(),
        };
        mutant.write(&path);
        refused(&what);
    }
    let changed = |change: fn(&mut File), what: &str| {
        let mut file = whole.forged(&whole.text);
        change(&mut file);
        file.write(&path);
        refused(what);
    };
    changed(|file| file.sum = None, "no checksum");
    changed(|file| file.sum = Some("0".to_owned()), "another checksum");
    changed(|file| file.tensors[0].3[2] ^= 1, "a bit of a weight");
    changed(|file| drop(file.tensors.pop()), "a tensor less");
    changed(|file| file.tensors[1].0.push('x'), "a name");
    changed(
        |file| {
            let mut more = file.tensors[0].clone();
            more.0.push('x');
            file.tensors.push(more);
        },
        "a tensor more",
    );
    // Its own is read, and so is that of which only the checksum was computed here.
    whole.write(&path);
    assert_eq!(Checkpoint::read(&path).expect("is whole").note, None);
    whole.forged(&whole.text).write(&path);
    Checkpoint::read(&path).expect("is whole");
}

/// What a checkpoint says is checked also where its checksum fits, or is of an earlier version's kind: what
/// is taken is either a setting that the run's configuration refuses, or nothing else depends on it.
#[test]
fn what_a_checkpoint_says_fits_together() {
    let (_place, run, other) = runs();
    let path = run.join("checkpoint.safetensors");
    let config = run.join("config.toml");
    let whole = File::read(&path);
    let other = File::read(&other.join("checkpoint.safetensors")).text;
    let original = Checkpoint::read(&path).expect("is whole");
    let tensors = format!("format = 1\nchecksum = {}", whole.in_order(None));
    let old = whole.text.replacen("format = 2", &tensors, 1);
    let mut taken = 0;
    for (version, text) in [(2, &whole.text), (1, &old)] {
        for (what, text) in mutants(text, &other) {
            let mut mutant = whole.forged(&text);
            mutant.sum = mutant.sum.filter(|_| version == 2);
            mutant.write(&path);
            let checked = Checkpoint::read(&path).and_then(|checkpoint| {
                assert_eq!(checkpoint.note.is_some(), version == 1, "{what}");
                checkpoint.data.check(&original.data)?;
                checkpoint
                    .read_config(&config)
                    .map(|config| (checkpoint, config))
            });
            let Ok((checkpoint, config)) = checked else {
                continue;
            };
            let changes = checkpoint.config.free_differences(&config);
            let known = is_of(&what, CHECKED_BY_THE_SUM_ALONE) || what.is_empty();
            let mut as_it_was = original.clone();
            as_it_was.note = checkpoint.note;
            let same = checkpoint == as_it_was;
            assert!(
                !changes.is_empty() || known || same,
                "{version}: {what}\n{text}"
            );
            taken += 1;
        }
    }
    // The list above is no pretext: what it names is some of what was tried.
    assert!((50..2000).contains(&taken), "{taken}");
}

#[test]
fn a_changed_configuration_is_refused_or_told() {
    let (_place, run, other) = runs();
    let path = run.join("config.toml");
    let checkpoint = Checkpoint::read(&run.join("checkpoint.safetensors")).expect("is whole");
    let [text, other] =
        [&run, &other].map(|it| fs::read_to_string(it.join("config.toml")).expect("reads"));
    let (mut refused, mut told) = (0, 0);
    for (what, text) in mutants(&text, &other) {
        fs::write(&path, &text).expect("writes");
        match checkpoint.read_config(&path) {
            Err(error) => {
                assert_names(&error, &path, &what);
                refused += 1;
            }
            Ok(config) => {
                // What it says otherwise is what a run that goes on says; or it says the same in other
                // words, or by leaving a default away.
                let changes = checkpoint.config.free_differences(&config);
                let same = config == checkpoint.config;
                assert!(same == changes.is_empty(), "{what}: {changes:?}\n{text}");
                told += usize::from(!changes.is_empty());
            }
        }
    }
    assert!(refused > 200 && told > 10, "{refused} refused, {told} told");
}

#[test]
fn no_changed_field_of_a_sweep_is_taken() {
    let place = Workplace::new();
    for (name, seeds) in [("sweep", "0,1"), ("other", "2,3")] {
        let own = ["--epochs", "1", "--seed", seeds, "--out", name];
        let ended = place.run(&[&["sweep"], TRAIN, CPU, &own].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let folder = place.path("sweep");
    let path = folder.join("sweep.toml");
    let (whole, other) = (
        place.text("sweep/sweep.toml"),
        place.text("other/sweep.toml"),
    );
    assert_eq!(open_sweep(&folder).expect("is whole").note(), None);
    let (sum, text) = whole.split_once('\n').expect("a line");
    let all = mutants(text, &other);
    assert!(all.len() > 1000, "{}", all.len());
    for (what, text) in &all {
        fs::write(&path, format!("{sum}\n{text}")).expect("writes");
        let error = open_sweep(&folder).expect_err(what);
        assert_names(&error, &path, what);
    }
    for sum in ["", "checksum = 0\n", "checksum = \n", "checksum"] {
        fs::write(&path, format!("{sum}{text}")).expect("writes");
        let error = open_sweep(&folder).expect_err(sum);
        assert_names(&error, &path, sum);
    }
    // As an earlier version wrote it: what can be checked is, and that not all can is said.
    let old = text.replacen("format = 2\n", "", 1);
    let mut refused = 0;
    for (what, text) in mutants(&old, &other) {
        fs::write(&path, text).expect("writes");
        match open_sweep(&folder) {
            Ok(sweep) => assert!(sweep.note().is_some(), "{what}"),
            Err(error) => {
                assert_names(&error, &path, &what);
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "{refused}");
    // Another sweep's file is whole, and the runs are not its own.
    fs::write(&path, other).expect("writes");
    fs::remove_file(folder.join("summary.csv")).expect("removes");
    fs::rename(folder.join("seed-0"), folder.join("seed-2")).expect("moves");
    let ended = place.run(&["sweep", "--resume", "sweep"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("sweep/seed-2: this is not"),
        "{}",
        ended.stderr
    );
}

/// The binary says what the library found.
#[test]
fn resumed_runs_say_what_was_changed() {
    let (place, run, other) = runs();
    let resume = || place.run(&[CPU, &["--resume", "run"]].concat());
    let config = place.text("run/config.toml");
    place.write(
        "run/config.toml",
        config.replace("epochs = 2", "epochs = 3").as_bytes(),
    );
    let ended = resume();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = "from here on epochs was 2, and is 3";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);

    let refused = |word: &str| {
        for arguments in [&["--resume", "run"][..], &["eval", "run"]] {
            let ended = place.run(arguments);
            assert_eq!(ended.code, 1, "{}", ended.stderr);
            assert!(ended.stderr.contains(word), "{}", ended.stderr);
        }
    };
    place.write(
        "run/config.toml",
        config.replace("\"relu\"", "\"tanh\"").as_bytes(),
    );
    refused("run/config.toml: this is not the run's configuration: activation was");
    place.write(
        "run/config.toml",
        config.replace("lr = 0.001", "lr = -1").as_bytes(),
    );
    refused("run/config.toml: ");
    place.write("run/config.toml", config.as_bytes());
    let checkpoint = |folder: &Path| folder.join("checkpoint.safetensors");
    fs::copy(checkpoint(&other), checkpoint(&run)).expect("copies");
    refused("run/config.toml: this is not the run's configuration: lr was 0.01");

    // A checkpoint of before goes on, with a word.
    let whole = File::read(&checkpoint(&run));
    let tensors = format!("format = 1\nchecksum = {}", whole.in_order(None));
    let old = File {
        text: whole.text.replacen("format = 2", &tensors, 1),
        sum: None,
        tensors: whole.tensors,
    };
    old.write(&checkpoint(&other));
    let ended = place.run(&["--resume", "other", "--epochs", "4"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("earlier version"), "{}", ended.stderr);
    let new = Checkpoint::read(&checkpoint(&other)).expect("is written anew");
    assert_eq!((new.note, new.logs.len()), (None, 4));
    let config = RunConfig::read(&other.join("config.toml")).expect("reads");
    assert_eq!(config.epochs, 4);
}
