//! Options of training: what they write, when they end a run, and that it can be resumed.

use std::fs;

use crate::resume::{DATA, NETS, assert_same};
use crate::support::{Workplace, names};

/// The column `name` of `metrics.csv`.
fn column(place: &Workplace, run: &str, name: &str) -> Vec<f64> {
    let text = place.text(&format!("{run}/metrics.csv"));
    let mut lines = text.lines();
    let header = lines.next().expect("a header");
    let at = header.split(',').position(|it| it == name).expect(name);
    let value = |line: &str| line.split(',').nth(at).map(str::parse);
    lines
        .map(|line| value(line).expect(name).expect(line))
        .collect()
}

fn train(place: &Workplace, more: &[&str]) {
    let ended = place.run(&[NETS[1], &DATA, more].concat());
    assert_eq!(ended.code, 0, "{more:?}: {}", ended.stderr);
}

#[test]
fn the_best_model_is_that_of_the_lowest_validation_loss() {
    let place = Workplace::new();
    let held_out = ["--valid-fraction", "0.2", "--lr", "2e-2"];
    train(
        &place,
        &[&held_out[..], &["--epochs", "6", "--out", "run"]].concat(),
    );
    let losses = column(&place, "run", "valid_loss");
    assert_eq!(losses.len(), 6);
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let best = 1 + losses.iter().position(|it| *it == best).expect("is there");
    // The same run up to that epoch ends with the weights that were kept.
    let epochs = best.to_string();
    train(
        &place,
        &[&held_out[..], &["--epochs", &epochs, "--out", "again"]].concat(),
    );
    assert_eq!(
        place.read("run/best.safetensors"),
        place.read("again/model.safetensors")
    );
    // Held out of the training set alone.
    assert_ne!(losses, column(&place, "run", "test_loss"));
}

#[test]
fn patience_ends_a_run() {
    let place = Workplace::new();
    let impatient = ["--valid-fraction", "0.2", "--lr", "5e-2", "--patience", "2"];
    train(
        &place,
        &[&impatient[..], &["--epochs", "60", "--out", "run"]].concat(),
    );
    let ended = place.run(&["--resume", "run"]);
    assert!(
        ended.stdout.contains("ended by --patience"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("best.safetensors"),
        "{}",
        ended.stdout
    );
    let losses = column(&place, "run", "valid_loss");
    let (last, before) = losses.split_at(losses.len() - 2);
    let best = last.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        losses.len() < 60 && before.iter().all(|it| *it >= best),
        "{losses:?}"
    );
    // Resuming it has nothing to do; more patience has.
    assert_eq!(place.run(&["--resume", "run"]).code, 0);
    assert_eq!(column(&place, "run", "valid_loss"), losses);
    let patient = ["--resume", "run", "--patience", "50", "--epochs"];
    let more = (losses.len() + 1).to_string();
    assert_eq!(place.run(&[&patient[..], &[&more]].concat()).code, 0);
    assert_eq!(column(&place, "run", "valid_loss").len(), losses.len() + 1);
}

#[test]
fn every_option_resumes_bit_for_bit() {
    let place = Workplace::new();
    let options = [
        &[
            "--lr-schedule",
            "plateau",
            "--lr-patience",
            "0",
            "--lr-gamma",
            "0.5",
            "--lr",
            "0.1",
        ][..],
        &[
            "--lr-schedule",
            "step",
            "--lr-step-size",
            "1",
            "--warmup",
            "1",
        ],
        &[
            "--valid-fraction",
            "0.3",
            "--weight-decay",
            "0.5",
            "--clip-grad-norm",
            "3",
        ],
    ];
    for options in options {
        train(
            &place,
            &[options, &["--epochs", "5", "--out", "whole"]].concat(),
        );
        train(
            &place,
            &[options, &["--epochs", "2", "--out", "short"]].concat(),
        );
        let ended = place.run(&["--resume", "short", "--epochs", "5"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_same(&place, "whole", "short");
        for run in ["whole", "short"] {
            fs::remove_dir_all(place.path(run)).expect("removes");
        }
    }
}

#[test]
fn learning_rates_follow_their_schedule() {
    let place = Workplace::new();
    let cosine = ["--lr-schedule", "cosine", "--epochs", "4", "--out", "run"];
    train(&place, &cosine);
    let rates = column(&place, "run", "lr");
    assert!(
        rates.is_sorted_by(|a, b| a > b) && rates[3] < 1e-5,
        "{rates:?}"
    );
    // What a cosine has come to depends on how many epochs there were to be.
    let ended = place.run(&["--resume", "run", "--epochs", "8"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let said = &ended.stderr;
    assert!(
        said.contains("epochs, on which its learning rates depend"),
        "{said}"
    );
}

#[test]
fn time_ends_a_run_which_goes_on_later() {
    let place = Workplace::new();
    // A hundredth of a minute; a hundred thousand epochs take more.
    train(
        &place,
        &["--epochs", "100000", "--max-time", "0.01", "--out", "run"],
    );
    let files = names(&place.path("run"));
    assert!(files.contains(&"model.safetensors".to_owned()), "{files:?}");
    let before = column(&place, "run", "epoch").len();
    assert!(before < 100_000);
    let ended = place.run(&["--resume", "run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(column(&place, "run", "epoch").len() > before);
}

/// Time that is up before an epoch has ended leaves a run that goes on, alone and in a sweep.
#[test]
fn time_may_end_before_an_epoch_does() {
    let place = Workplace::new();
    let data = ["--data", "house-digits:4096,64", "--max-time", "0.00001"];
    let ended = place.run(&[NETS[1], &data, &["--out", "run"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("--resume run"), "{}", ended.stdout);
    let sweep = ["sweep", "--seed", "0,1", "--out", "sweep"];
    let ended = place.run(&[&sweep[..], NETS[1], &data].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        place
            .text("sweep/summary.csv")
            .matches(",unfinished")
            .count(),
        2
    );
    assert!(!ended.stdout.contains("report.html"), "{}", ended.stdout);
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let place = Workplace::new();
    for (arguments, word) in [
        (&["--valid-fraction", "1"][..], "--valid-fraction"),
        (&["--valid-fraction", "-0.1"], "--valid-fraction"),
        (&["--patience", "3"], "--valid-fraction"),
        (&["--weight-decay", "-1"], "--weight-decay"),
        (&["--weight-decay", "nan"], "--weight-decay"),
        (&["--clip-grad-norm", "0"], "--clip-grad-norm"),
        (&["--momentum", "0.9"], "--optimizer sgd"),
        (&["--nesterov"], "--optimizer sgd"),
        (&["--optimizer", "sgd", "--nesterov"], "--momentum"),
        (&["--optimizer", "sgd", "--momentum", "1"], "--momentum"),
        (
            &["--optimizer", "sgd", "--weight-decay", "-1"],
            "--weight-decay",
        ),
        (&["--optimizer", "rmsprop"], "rmsprop"),
        (&["--blocks", "2"], "--blocks"),
        (&["--net", "resnet", "--blocks", "0"], "--blocks"),
        (&["--net", "resnet", "--strides", "2"], "--strides"),
        (
            &["--lr-schedule", "step", "--lr-gamma", "2"],
            "--lr-gamma 2",
        ),
        (
            &["--lr-schedule", "step", "--lr-step-size", "0"],
            "--lr-step-size 0",
        ),
        // What nothing would read.
        (&["--lr-gamma", "0.5"], "--lr-gamma"),
        (
            &["--lr-schedule", "step", "--lr-patience", "3"],
            "--lr-patience",
        ),
        (
            &["--lr-schedule", "plateau", "--lr-step-size", "3"],
            "--lr-step-size",
        ),
        (&["--warmup", "3", "--epochs", "2"], "--warmup 3"),
        (&["--seed", "9223372036854775808"], "--seed"),
        (&["--find-lr", "--lr", "1e-3"], "--find-lr"),
        (&["--find-lr", "--tensorboard"], "--find-lr"),
        (&["--lr-schedule", "linear"], "--lr-schedule"),
        (&["--max-time", "0"], "--max-time"),
    ] {
        let ended = place.run(&[arguments, &["--dry-run"]].concat());
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(word),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_range_test_suggests_a_learning_rate_and_trains_nothing() {
    let place = Workplace::new();
    let net = ["--net", "mlp", "--dense-hiddens", "8", "--find-lr"];
    let data = ["--data", "house-digits:640,160", "--batch-size", "16"];
    let arguments = [&net[..], &data, &["--out", "found"]].concat();
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("try --lr "), "{}", ended.stdout);
    assert!(ended.stdout.contains("its valley"), "{}", ended.stdout);
    let files = ["find-lr.csv", "find-lr.png", "find-lr.svg"];
    assert_eq!(names(&place.path("found")), files);
    let csv = place.text("found/find-lr.csv");
    assert!(csv.starts_with("lr,loss,smoothed\n"), "{csv}");
    let figure = place.text("found/find-lr.svg");
    assert!(figure.contains("mlp on house-digits:640,160"), "{figure}");
    assert!(csv.lines().count() > 100, "{csv}");
    let again = place.run(&arguments);
    assert_eq!(again.code, 1, "{}", again.stderr);
}

/// Several processes that know nothing of each other would each train the same.
#[cfg(not(feature = "mpi"))]
#[test]
fn a_build_without_mpi_refuses_to_be_one_of_several_processes() {
    for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] {
        let place = Workplace::new();
        let mut command = place.command(env!("CARGO_BIN_EXE_gpu-train"));
        command.args(DATA).args(["--epochs", "1", "--out", "run"]);
        let output = command.env(variable, "2").output().expect("starts");
        let refused = crate::support::ended(output);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(
            refused.stderr.contains("built without MPI"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("make mpi"), "{}", refused.stderr);
        assert!(!place.path("run").exists());
    }
}

/// The net that the README spells out for PyTorch is the default one.
#[test]
fn the_readme_spells_out_the_default_cnn() {
    let readme = include_str!("../../README.md");
    let spelled = readme.split("net = Sequential(").nth(1).expect("is there");
    let spelled = spelled.split("\n)\n").next().expect("has an end");
    let layers = spelled
        .lines()
        .map(|line| line.trim().trim_end_matches(','));
    let layers: Vec<&str> = layers.filter(|line| !line.is_empty()).collect();
    let place = Workplace::new();
    let ended = place.run(&[
        "--dry-run",
        "--device",
        "cpu",
        "--data",
        "house-digits:20,10",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // Behind its number: `0  Conv2d(3, 16, kernel_size=3, stride=1)  16x30x30  448`.
    let layer = |line: &str| {
        let (number, rest) = line.trim().split_once("  ")?;
        number.parse::<usize>().ok()?;
        Some(rest.trim().split("  ").next()?.to_owned())
    };
    let printed: Vec<String> = ended.stdout.lines().filter_map(layer).collect();
    assert_eq!(printed, layers);
}
