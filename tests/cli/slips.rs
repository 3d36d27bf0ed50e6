//! What is nearly right: words of other tools, a sweep's folder in the place of a run's, a run that has ended.

use crate::support::{CPU, SMALL, Workplace};

#[test]
fn words_of_other_tools_are_answered_with_ours() {
    let place = Workplace::new();
    for (arguments, code, said) in [
        (
            &["train", "--net", "mlp"][..],
            2,
            "hint: leave the word out",
        ),
        (&["test", "runs/x"], 2, "`gpu-train eval RUN`"),
        (&["--learning-rate", "1e-3"], 2, "hint: use --lr"),
        (&["--workers", "4"], 2, "RAYON_NUM_THREADS"),
        (
            &["--lr", "fast"],
            2,
            "not a number; write it as 0.001 or 1e-3",
        ),
        (&["--epochs", "ten"], 2, "not a whole number"),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}");
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    assert!(place.names().is_empty());
    let help = place.run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("Usage:"));
}

#[test]
fn a_sweeps_folder_is_told_from_a_runs() {
    let place = Workplace::new();
    let sweep = ["sweep", "--seed", "0,1", "--out", "s"];
    let ended = place.run(&[&sweep[..], SMALL, CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for arguments in [
        &["--resume", "s"][..],
        &["eval", "s"],
        &["predict", "s", "x.png"],
        &["export", "s", "--format", "onnx", "--out", "x.onnx"],
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 1, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("s: is the folder of a sweep")
                && ended.stderr.contains("such as s/seed-0"),
            "{}",
            ended.stderr
        );
    }
    let compared = place.run(&["compare", "s", "--out", "c"]);
    assert_eq!(compared.code, 0, "{}", compared.stderr);
    assert!(
        compared.stdout.contains("seed 0") && compared.stdout.contains("seed 1"),
        "{}",
        compared.stdout
    );
    // All of its runs have ended, and each says so.
    let resumed = place.run(&["--resume", "s/seed-0"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(
        resumed
            .stderr
            .contains("nothing is left to train: the run has ended after 2 epochs"),
        "{}",
        resumed.stderr
    );
    let one = place.run(
        &[
            SMALL,
            CPU,
            &["--epochs", "1", "--data-seed", "3", "--out", "one"],
        ]
        .concat(),
    );
    assert!(one.stdout.contains("for 1 epoch in"), "{}", one.stdout);
    let warned = place.run(&["compare", "s/seed-0", "one", "--out", "d"]);
    assert!(
        warned
            .stderr
            .contains("note: these runs were tested on different data sets"),
        "{}",
        warned.stderr
    );
}
