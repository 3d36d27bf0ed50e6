//! `gpu-train sweep` and `gpu-train experiment`: what they write, print and refuse.

use crate::resume::{DATA, NETS, assert_same};
use crate::support::{CPU, Workplace, names};

/// Three runs of some 50 ms an epoch.
const RUNS: [&str; 4] = ["--lr", "1e-2,1e-3,1e-4", "--epochs", "2"];

fn sweep(place: &Workplace, out: &str) {
    let data = DATA.iter().filter(|it| !["--lr", "1e-3"].contains(it));
    let data: Vec<&str> = data.copied().collect();
    let ended = place.run(&[&["sweep"], NETS[1], &data, &RUNS, &["--out", out]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_sweep_is_a_folder_of_runs_and_a_table() {
    let place = Workplace::new();
    let nets = "[wide]\nnet = 'mlp'\ndense-hiddens = [16]\n\
                [deep]\nnet = 'cnn'\nchannels = [4, 4]\nkernel-sizes = [1]\ndense-hiddens = []\n";
    place.write("nets.toml", nets.as_bytes());
    let ended = place.run(&[
        "sweep",
        "--nets",
        "nets.toml",
        "--seed",
        "0,3",
        "--epochs",
        "1",
        "--batch-size",
        "64",
        "--data",
        "house-digits:160,40",
        "--out",
        "sweep",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let runs = ["wide-seed-0", "deep-seed-0", "wide-seed-3", "deep-seed-3"];
    let table: Vec<&str> = ended.stdout.lines().skip(2).take(4).collect();
    for (line, run) in table.iter().zip(runs) {
        assert!(line.starts_with(run), "{}", ended.stdout);
    }
    let summary = place.text("sweep/summary.csv");
    let lines: Vec<&str> = summary.lines().collect();
    assert!(
        lines[0].starts_with("run,net,seed,parameters,epochs,"),
        "{summary}"
    );
    assert!(
        lines[1].starts_with("wide-seed-0,wide,0,49185,1,"),
        "{summary}"
    );
    assert!(
        lines.len() == 5 && lines[1..].iter().all(|it| it.ends_with(",done")),
        "{summary}"
    );
    let mut inside: Vec<String> = runs.map(str::to_owned).to_vec();
    let own = [
        ".lock",
        "figures",
        "report.html",
        "summary.csv",
        "sweep.toml",
    ];
    inside.extend(own.map(str::to_owned));
    inside.sort();
    assert_eq!(names(&place.path("sweep")), inside);
    // All are on the same pictures.
    assert!(!ended.stderr.contains("different data"), "{}", ended.stderr);
    let environments = runs.map(|run| place.text(&format!("sweep/{run}/environment.toml")));
    let fingerprint = |text: &String| {
        let mut lines = text.lines();
        lines
            .find(|it| it.starts_with("train_fingerprint"))
            .map(str::to_owned)
    };
    let fingerprints = environments.each_ref().map(fingerprint);
    assert!(fingerprints[0].is_some() && fingerprints.iter().all(|it| *it == fingerprints[0]));
    // A run is what the same options train by themselves.
    let ended = place.run(&[
        "--config",
        "sweep/deep-seed-3/config.toml",
        "--out",
        "alone",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_same(&place, "sweep/deep-seed-3", "alone");
}

#[test]
fn quiet_sweeps_print_nothing_but_notes_of_divergence() {
    let place = Workplace::new();
    let ended = place.run(&[
        "sweep",
        "--net",
        "mlp",
        "--dense-hiddens",
        "8",
        "--lr",
        "1e-3",
        "--epochs",
        "1",
        "--data",
        "house-digits:40,20",
        "--quiet",
    ]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, ""),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stderr, "");
    let made = place.runs();
    assert!(made.len() == 1 && made[0].ends_with("-sweep"), "{made:?}");
    assert!(place.path("runs").join(&made[0]).join("mlp").is_dir());
}

#[test]
fn the_other_experiments_say_what_they_ask_and_what_came_out() {
    let place = Workplace::new();
    for (name, question, run) in [
        (
            "mlp-lr",
            "What does a very small learning rate do",
            "lr-1e-8",
        ),
        ("cnn", "How well does a cnn read the digits", "cnn"),
    ] {
        let data = ["--epochs", "1", "--data", "house-digits:64,32"];
        let ended = place.run(&[&["experiment", name, "--out", name][..], &data, CPU].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let page = place.text(&format!("{name}/report.html"));
        let link = format!("href=\"{run}/report.html\"");
        for words in [
            question,
            "64 training and 32 test images of 32x32 pixels in colour",
            "Without looking at an image, always the median of the training targets comes to",
            "the training set was evaluated after the epoch, as the test set was",
            &link,
        ] {
            assert!(page.contains(words), "{name}: {words}");
        }
        // "Train" is the same in all three: of the net after the epoch.
        let figure = place.text(&format!("{name}/figures/mae.svg"));
        assert!(figure.contains("train, after the epoch"), "{name}");
    }
}

#[test]
fn depth_and_width_compares_four_nets() {
    let place = Workplace::new();
    let ended = place.run(&[
        "experiment",
        "depth-width",
        "--epochs",
        "1",
        "--data",
        "house-digits:64,32",
        "--out",
        "e",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let summary = place.text("e/summary.csv");
    let lines: Vec<Vec<&str>> = summary.lines().map(|it| it.split(',').collect()).collect();
    let column = |name: &str| {
        let at = lines[0]
            .iter()
            .position(|it| *it == name)
            .expect("is a column");
        lines[1..].iter().map(|line| line[at]).collect::<Vec<_>>()
    };
    assert_eq!(
        column("run"),
        ["original", "deep", "shallow-k32", "shallow-k28"]
    );
    assert_eq!(
        column("parameters"),
        ["110510", "331281", "331558", "330714"]
    );
    let number = |text: &str| text.parse::<f64>().expect("a number");
    for (gap, (test, train)) in column("generalisation_gap")
        .iter()
        .zip(column("test_mae").iter().zip(column("train_eval_mae")))
    {
        assert_eq!(number(gap), number(test) - number(train));
    }
    let metrics = place.text("e/deep/metrics.csv");
    let columns = ",train_eval_loss,train_eval_mae,train_eval_accuracy";
    assert!(
        metrics.lines().next().expect("a header").contains(columns),
        "{metrics}"
    );
    assert!(
        place
            .text("e/deep/config.toml")
            .contains("evaluate-train = true")
    );
    assert!(
        ended.stdout.contains("shallow-k28     330,714"),
        "{}",
        ended.stdout
    );
}

#[test]
fn wrong_sweeps_are_refused_before_anything_is_written() {
    let place = Workplace::new();
    place.write("unknown.toml", b"[a]\nnet = 'cnn'\nchanels = [3]");
    place.write("twice.toml", b"[a]\nnet = 'cnn'\n[a]\nnet = 'mlp'");
    place.write("own.toml", b"[a]\nnet = 'cnn'\nactivation = 'tanh'");
    place.write("linear.toml", b"[a]\nnet = 'cnn'\nactivation = 'linear'");
    std::fs::create_dir(place.path("there")).expect("makes");
    place.write("there/mine", b"x");
    let before = place.names();
    let data = ["--data", "house-digits:16,8"];
    let many = (0..1001)
        .map(|it| it.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let ended = place.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(says),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert_eq!(place.names(), before, "{arguments:?}");
    };
    for (arguments, code, says) in [
        (&["--lr", "1e-2,0.01"][..], 2, "0.01 twice"),
        (&["--lr", "1e-2,-1"], 2, "--lr -1"),
        (&["--lr", "1e-2,,1"], 2, "--lr"),
        (&["--seed", &many], 2, "1001 runs"),
        (&["--nets", "unknown.toml"], 1, "chanels"),
        (&["--nets", "twice.toml"], 1, "duplicate key"),
        (
            &["--nets", "own.toml", "--activation", "relu"],
            2,
            "own.toml too",
        ),
        (&["--nets", "linear.toml"], 1, "linear"),
        (&["--nets", "none.toml"], 1, "none.toml"),
        (
            &["--net", "mlp,cnn", "--channels", "4"],
            2,
            "run mlp of the sweep",
        ),
        (&["--channels", "4", "--kernel-sizes", "33"], 1, "33x33"),
        (&["--out", "there"], 1, "never overwritten"),
    ] {
        refused(&[&["sweep"], &data[..], arguments].concat(), code, says);
    }
    for (arguments, code, says) in [
        (&["sweep", "--resume", "there"][..], 1, "no sweep.toml"),
        (
            &["sweep", "--resume", "nowhere"],
            1,
            "is not a sweep folder",
        ),
        (&["sweep", "--resume", "there", "--lr", "1"], 2, "--lr"),
        (
            &["experiment", "cnn", "--match", "deep"],
            2,
            "--match is for depth-width",
        ),
        (
            &["experiment", "cnn", "--quick", "--epochs", "3"],
            2,
            "--epochs",
        ),
        (&["experiment", "mlp-lr", "--seed", "1,1"], 2, "1 twice"),
        (&["experiment", "nothing"], 2, "depth-width"),
    ] {
        refused(arguments, code, says);
    }
}

/// Stopped in its second run, killed in what was left of it, and resumed.
#[cfg(unix)]
#[test]
fn a_sweep_that_is_stopped_and_killed_ends_with_the_same_bits() {
    use std::thread::sleep;
    use std::time::Duration;

    use crate::killed::{send, spawn};
    use crate::support::ended;

    let place = Workplace::new();
    let more = [
        "--data",
        "house-digits:1280,160",
        "--epochs",
        "12",
        "--lr",
        "1e-2,1e-3,1e-4",
    ];
    let begin = |out| {
        [
            &["sweep"],
            NETS[0],
            &more,
            &["--batch-size", "16", "--out", out],
        ]
        .concat()
    };
    let whole = place.run(&begin("straight"));
    assert_eq!(whole.code, 0, "{}", whole.stderr);

    // A signal may take its time: there are as many epochs again before the next one, or the end.
    let wait_for_epoch = |epoch: usize| {
        let metrics = place.path("broken/lr-0.001/metrics.csv");
        loop {
            let text = std::fs::read_to_string(&metrics).unwrap_or_default();
            if text.lines().count() > epoch {
                return;
            }
            sleep(Duration::from_millis(2));
        }
    };
    let child = spawn(&place, &begin("broken"));
    wait_for_epoch(1);
    send("-INT", &child);
    let stopped = ended(child.wait_with_output().expect("ends"));
    assert_eq!(stopped.code, 130, "{}", stopped.stderr);
    let said = &stopped.stderr;
    assert!(said.contains("in run 2 of 3, lr-0.001, after"), "{said}");
    assert!(
        said.contains("hint: `gpu-train sweep --resume broken` goes on"),
        "{said}"
    );
    assert!(
        place
            .text("broken/summary.csv")
            .contains("lr-0.001,0.001,,")
    );

    let child = spawn(&place, &["sweep", "--resume", "broken"]);
    wait_for_epoch(6);
    send("-KILL", &child);
    let _ = child.wait_with_output().expect("ends");
    let resumed = place.run(&["sweep", "--resume", "broken"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(
        resumed
            .stderr
            .contains("run 2/3 lr-0.001 goes on after step"),
        "{}",
        resumed.stderr
    );
    assert!(!resumed.stderr.contains("1/3"), "{}", resumed.stderr);
    for run in ["lr-0.01", "lr-0.001", "lr-0.0001"] {
        assert_same(&place, &format!("straight/{run}"), &format!("broken/{run}"));
    }
    let environment = place.text("broken/lr-0.001/environment.toml");
    assert_eq!(
        environment.matches("[[resumed]]").count(),
        2,
        "{environment}"
    );
}

/// A finished sweep has nothing left to do, one whose run is gone trains that run again.
#[test]
fn what_is_finished_is_not_trained_again() {
    let place = Workplace::new();
    sweep(&place, "s");
    let model = |run: &str| place.read(&format!("s/{run}/model.safetensors"));
    let before = ["lr-0.01", "lr-0.0001"].map(model);
    let metrics = place.read("s/lr-0.01/metrics.csv");
    std::fs::remove_dir_all(place.path("s/lr-0.0001")).expect("removes");
    // Half a folder, as a process leaves that is killed while it makes one.
    std::fs::create_dir(place.path("s/.gpu-train-new.1-0.partial")).expect("makes");
    // A run whose process was killed before it had drawn its page, and one that lost its model.
    std::fs::remove_file(place.path("s/lr-0.01/report.html")).expect("removes");
    let lost = place.path("s/lr-0.001/model.safetensors");
    let model_before = std::fs::read(&lost).expect("reads");
    std::fs::remove_file(&lost).expect("removes");
    let ended = place.run(&["sweep", "--resume", "s"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("3/3  lr-0.0001"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("1/3"), "{}", ended.stderr);
    assert!(place.path("s/lr-0.01/report.html").exists());
    assert!(std::fs::read(&lost).expect("is back") == model_before);
    assert!(before == ["lr-0.01", "lr-0.0001"].map(model));
    assert!(place.read("s/lr-0.01/metrics.csv") == metrics);
}
