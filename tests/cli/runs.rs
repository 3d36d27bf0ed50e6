use std::process::Stdio;

use crate::support::{ADAPTER, BINARY, CPU, SMALL, Workplace, names};

#[test]
fn a_run_writes_its_folder_and_prints_a_table() {
    let place = Workplace::new();
    let ended = place.train("run", &[]);
    assert_eq!(
        names(&place.path("run")),
        [
            ".lock",
            "checkpoint.safetensors",
            "config.toml",
            "environment.toml",
            "figures",
            "metrics.csv",
            "model.safetensors",
            "predictions.csv",
            "report.html"
        ]
    );
    let csv = place.text("run/metrics.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "epoch,train_loss,train_mae,test_loss,test_mae,train_accuracy,test_accuracy,lr,seconds,samples_per_second,\
         valid_loss,valid_mae,valid_accuracy,train_eval_loss,train_eval_mae,train_eval_accuracy"
    );
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with("2,"));
    assert!(ended.stdout.contains("test MAE"), "{}", ended.stdout);
    assert!(ended.stdout.contains("2/2"), "{}", ended.stdout);
    let config = place.text("run/config.toml");
    for line in [
        "net = \"cnn\"",
        "channels = [4, 4]",
        "kernel-sizes = [3, 3]",
        "epochs = 2",
    ] {
        assert!(config.contains(line), "{config}");
    }
}

/// As in `gpu-train --profile | head`: a table is for whoever wants it, the run is not.
#[test]
fn a_run_trains_whether_anybody_reads_or_not() {
    let place = Workplace::new();
    let mut command = place.command(BINARY);
    let piped = command.args(SMALL).args(["--profile", "--out", "run"]);
    let mut child = (piped.stdout(Stdio::piped()).stderr(Stdio::piped()))
        .spawn()
        .expect("starts");
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().expect("ends").code(), Some(0));
    assert!(place.path("run/model.safetensors").exists());
}

#[test]
fn the_same_command_twice_writes_the_same_model_and_metrics() {
    let place = Workplace::new();
    for net in [
        &["--seed", "3"][..],
        &["--seed", "3", "--activation", "tanh"],
    ] {
        place.train("a", net);
        place.train("b", net);
        assert_eq!(
            place.read("a/model.safetensors"),
            place.read("b/model.safetensors")
        );
        let measured = |name: &str| {
            let text = place.text(name);
            let columns = |line: &str| line.split(',').take(8).map(str::to_owned).collect();
            text.lines().map(columns).collect::<Vec<Vec<String>>>()
        };
        assert_eq!(measured("a/metrics.csv"), measured("b/metrics.csv"));
        for folder in ["a", "b"] {
            std::fs::remove_dir_all(place.path(folder)).expect("removes");
        }
    }
}

#[test]
fn a_config_repeats_its_run_and_options_go_before_it() {
    let place = Workplace::new();
    place.train("first", &["--seed", "9"]);
    let again = ["--config", "first/config.toml", "--out", "again"];
    assert_eq!(place.run(&again).code, 0);
    assert_eq!(
        place.read("first/model.safetensors"),
        place.read("again/model.safetensors")
    );
    let other = [
        "--config",
        "first/config.toml",
        "--seed",
        "8",
        "--out",
        "other",
    ];
    assert_eq!(place.run(&other).code, 0);
    assert_ne!(
        place.read("first/model.safetensors"),
        place.read("other/model.safetensors")
    );
    assert!(place.text("other/config.toml").contains("seed = 8"));
}

/// A folder that somebody made for the run, and put nothing into.
#[test]
fn an_empty_folder_is_as_good_as_none() {
    let place = Workplace::new();
    for (out, command) in [("run", &[][..]), ("sweep", &["sweep"])] {
        std::fs::create_dir(place.path(out)).expect("makes");
        let ended = place.run(&[command, SMALL, &["--out", out]].concat()[..]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    assert!(place.path("run/model.safetensors").exists());
    assert!(place.path("sweep/summary.csv").exists());
    assert_eq!(place.names(), ["run", "sweep"]);
}

/// Which pictures are drawn is not a matter of the run's seed, as it was in earlier versions, whose
/// configurations still mean the same.
#[test]
fn drawn_pictures_have_a_seed_of_their_own() {
    let place = Workplace::new();
    let data = |run: &str| {
        let environment: toml::Table = place
            .text(&format!("{run}/environment.toml"))
            .parse()
            .expect("is TOML");
        environment["test_fingerprint"].clone()
    };
    place.train("zero", &[]);
    place.train("seed", &["--seed", "3"]);
    place.train("other", &["--seed", "3", "--data-seed", "3"]);
    assert_eq!(data("zero"), data("seed"));
    assert_ne!(data("zero"), data("other"));
    for (run, line) in [("seed", "data-seed = 0"), ("other", "data-seed = 3")] {
        let config = place.text(&format!("{run}/config.toml"));
        assert!(config.lines().any(|it| it == line), "{config}");
        place.write("old.toml", config.replace(line, "").as_bytes());
        let ended = place.run(&["--config", "old.toml", "--out", &format!("{run}-old")]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(data(&format!("{run}-old")), data("other"));
    }
    let model = |run: &str| place.read(&format!("{run}/model.safetensors"));
    assert_eq!(model("other-old"), model("other"));
    let resume = ["--resume", "other", "--epochs", "3", "--data-seed", "4"];
    let ended = place.run(&resume);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("data-seed was 3, and is 4"),
        "{}",
        ended.stderr
    );
    assert_eq!(place.run(&resume[..4]).code, 0);
    let said = place.run(&["eval", "other"]).stderr;
    assert!(!said.contains("note:"), "{said}");
}

/// Lists of different values come back as they were, and single ones serve other nets.
#[test]
fn a_config_brings_back_uneven_lists() {
    let place = Workplace::new();
    let uneven = [
        "--channels",
        "4,4,4",
        "--kernel-sizes",
        "3,3,5",
        "--strides",
        "1,1,2",
        "--epochs",
        "1",
    ];
    place.train("first", &uneven);
    let again = ["--config", "first/config.toml", "--out", "again"];
    let ended = place.run(&again);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(
        place.text("first/config.toml"),
        place.text("again/config.toml")
    );
    let fewer = [
        "--config",
        "first/config.toml",
        "--channels",
        "4,4",
        "--dry-run",
    ];
    let ended = place.run(&fewer);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("--kernel-sizes has 3"),
        "{}",
        ended.stderr
    );
    place.train("even", &["--epochs", "1"]);
    let more = [
        "--config",
        "even/config.toml",
        "--channels",
        "4,4,4",
        "--dry-run",
    ];
    let ended = place.run(&more);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_config_names_its_initial_weights_from_any_folder() {
    let place = Workplace::new();
    place.train("first", &["--epochs", "1"]);
    place.train(
        "second",
        &["--init", "first/model.safetensors", "--epochs", "1"],
    );
    let config = place.text("second/config.toml");
    let absolute = place.path("first").join("model.safetensors");
    let written: toml::Table = config.parse().expect("TOML");
    let init = written["init"].as_str().expect("a path");
    assert!(std::path::Path::new(init).is_absolute(), "{config}");
    assert_eq!(
        std::fs::canonicalize(init).ok(),
        std::fs::canonicalize(absolute).ok()
    );
}

#[test]
fn weights_go_on_with_init() {
    let place = Workplace::new();
    place.train("first", &[]);
    let ended = place.train("second", &["--init", "first/model.safetensors"]);
    let first_loss = |name: &str| {
        let text = place.text(name);
        let line = text.lines().nth(1).expect("an epoch").to_owned();
        line.split(',')
            .nth(1)
            .expect("a loss")
            .parse::<f64>()
            .expect("a number")
    };
    assert!(
        first_loss("second/metrics.csv") < first_loss("first/metrics.csv"),
        "{}",
        ended.stdout
    );
}

#[test]
fn without_data_it_says_loudly_what_it_trains_on() {
    let place = Workplace::new();
    let ended = place.run(&["--dry-run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("house-digits"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("gpu-train fetch svhn"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("110,510"), "{}", ended.stdout);
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn an_estimate_measures_and_writes_nothing() {
    let place = Workplace::new();
    let ended = place.run(&[SMALL, &["--dry-run", "--estimate"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("per epoch of training"),
        "{}",
        ended.stdout
    );
    // Batches of 64, 64 and 32: a full one in every step would be more.
    let words: Vec<&str> = ended.stdout.split_whitespace().collect();
    let before = |unit: &str| -> f64 {
        let at = words.iter().position(|word| word.starts_with(unit));
        let number = words[at.expect(unit) - 1].trim_start_matches('(');
        number.parse().expect(unit)
    };
    let per_step = before("samples/s") * before("ms") / 1e3;
    assert!((50.0..57.0).contains(&per_step), "{}", ended.stdout);
    assert!(before("steps") > 6.0, "{}", ended.stdout);
    assert!(place.names().is_empty());
}

/// The table of ranks: the number of each line, the milliseconds of its messages, its speed-up, and what is said of it.
fn forecast(place: &Workplace, network: &str) -> Vec<(usize, f64, f64, String)> {
    let asked = ["--dry-run", "--estimate", "--network", network];
    let ended = place.run(&[SMALL, CPU, &asked].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines = ended
        .stdout
        .lines()
        .skip_while(|it| !it.starts_with("ranks"));
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<f64>().expect("a number");
        (
            number(0) as usize,
            number(2),
            number(4),
            words[5..].join(" "),
        )
    };
    lines.skip(1).map(line).collect()
}

#[test]
fn the_estimate_says_where_more_ranks_are_slower() {
    let place = Workplace::new();
    // A message takes a second: one to each of one, two and three partners.
    let slow = forecast(&place, "1,1e6");
    let told: Vec<&str> = slow.iter().map(|it| it.3.as_str()).collect();
    assert_eq!(
        told,
        ["", "slower than 1", "slower than 1", "slower than 1"]
    );
    for (line, (ranks, swaps)) in slow.iter().zip([(1, 0.0), (2, 1e3), (4, 2e3), (8, 3e3)]) {
        assert_eq!(line.0, ranks);
        // Where a step is a submission of its own, a flag is one more message.
        let expected = 0.999 * swaps..=2.001 * swaps;
        assert!(expected.contains(&line.1), "{line:?}");
        assert!(ranks == 1 || line.2 < 0.2, "{line:?}");
    }
    assert!(forecast(&place, "1e6,0").iter().all(|it| it.1 == 0.0));
    for wrong in ["10", "0,1", "1,-1", "x,1", "1,2,3", "inf,1"] {
        let asked = ["--dry-run", "--estimate", "--network", wrong];
        assert_eq!(place.run(&asked).code, 2, "{wrong}");
    }
    assert_eq!(place.run(&["--network", "1,1"]).code, 2);
    assert!(place.names().is_empty());
}

#[test]
fn quiet_prints_nothing_and_runs_lie_below_runs() {
    let place = Workplace::new();
    let ended = place.run(&[SMALL, &["--quiet"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let runs = place.runs();
    assert!(runs.len() == 1 && runs[0].ends_with("-cnn"), "{runs:?}");
}

#[test]
fn a_profile_names_every_kernel_and_changes_nothing() {
    let by_shards = [ADAPTER, &["--shards", "8"]].concat();
    let unpooled = "conv2d_backward_input_max_unpool2d ";
    assert_profiled(ADAPTER, ["sum_partials ", "mse_head ", unpooled]);
    let apart = ["sum_shards ", "linear_forward ", "conv2d_backward_input "];
    assert_profiled(&by_shards, apart);
    assert_profiled(CPU, apart);
}

/// A run on `device`, on which partial gradients are added by the kernel `sum`, the last layers are run by `dense`, and
/// `by_input` makes the gradient by the input of a convolution.
fn assert_profiled(device: &[&str], [sum, dense, by_input]: [&str; 3]) {
    let place = Workplace::new();
    place.train("plain", device);
    let ended = place.train("profiled", &[device, &["--profile"]].concat());
    // A row each: the kernels of the net's forward and backward pass, and what makes a step of them.
    let rows: Vec<&str> = ended.stdout.lines().collect();
    for kernel in [
        "conv2d_max_pool2d_forward ",
        dense,
        "regression_loss ",
        by_input,
        "linear_backward_weight ",
        sum,
        "adam_step ",
    ] {
        // What runs beside another stands below it.
        let named = |row: &&str| row.strip_prefix("+ ").unwrap_or(row).starts_with(kernel);
        let named = rows.iter().any(named);
        assert!(named, "{kernel}: {}", ended.stdout);
    }
    for word in ["GFLOP/s", "ceilings of this"] {
        assert!(ended.stdout.contains(word), "{}", ended.stdout);
    }
    let trace: serde_json::Value =
        serde_json::from_slice(&place.read("profiled/trace.json")).expect("JSON");
    let events = trace["traceEvents"].as_array().expect("events");
    assert!(events.len() > 50);
    assert!(
        events
            .iter()
            .all(|event| event["dur"].as_f64() >= Some(0.0))
    );
    assert_eq!(
        place.read("plain/model.safetensors"),
        place.read("profiled/model.safetensors")
    );
}
