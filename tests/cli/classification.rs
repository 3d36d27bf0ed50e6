//! `--task classify`: what is said, written, evaluated, predicted and exported of classes.

use std::fmt::Write as _;
use std::fs;

use image::{Rgb, RgbImage};

use crate::resume::assert_same;
use crate::support::{CPU, Ended, Workplace, open_sweep};

/// A net for images of any size, trained in a moment.
const NET: &[&str] = &["--net", "mlp", "--dense-hiddens", "8", "--lr", "1e-2"];
const NAMES: [&str; 3] = ["cat", "dog, \"old\"", "鳥"];

/// A folder of classes of one colour each, under noise.
fn folders(place: &Workplace, root: &str, names: &[&str]) {
    for (class, name) in names.iter().enumerate() {
        for (split, count) in [("train", 12), ("test", 4)] {
            let folder = place.path(&format!("{root}/{split}/{name}"));
            fs::create_dir_all(&folder).expect("makes");
            for number in 0..count {
                let pixel = |x: u32, y: u32| {
                    let noise = ((x * 31 + y * 17 + number * 53 + class as u32 * 7) % 40) as u8;
                    let mut colour = [60 + noise, 90, 120];
                    colour[class % 3] += 80;
                    Rgb(colour)
                };
                let picture = RgbImage::from_fn(4, 4, pixel);
                picture
                    .save(folder.join(format!("{number}.png")))
                    .expect("writes");
            }
        }
    }
}

fn pets() -> Workplace {
    let place = Workplace::new();
    folders(&place, "pets", &NAMES);
    place
}

fn run(place: &Workplace, arguments: &[&str]) -> Ended {
    let ended = place.run(&[arguments, CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

fn train(place: &Workplace, more: &[&str]) -> Ended {
    run(place, &[NET, &["--data", "pets"], more].concat())
}

#[test]
fn folders_with_names_are_classified_unless_told_otherwise() {
    let place = pets();
    let ended = train(&place, &["--epochs", "40", "--out", "run"]);
    let line = "classifying 3 classes: cat -> 0, dog, \"old\" -> 1, 鳥 -> 2";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    assert!(!ended.stderr.contains("regression"), "{}", ended.stderr);
    let metrics = place.text("run/metrics.csv");
    let head = "epoch,train_loss,train_accuracy,test_loss,test_accuracy,lr,seconds,samples_per_second,\
                valid_loss,valid_accuracy,train_eval_loss,train_eval_accuracy\n";
    assert!(metrics.starts_with(head), "{metrics}");
    let last: Vec<&str> = metrics
        .lines()
        .last()
        .expect("40 epochs")
        .split(',')
        .collect();
    assert_eq!(
        (last[2], last[4]),
        ("1", "1"),
        "colours are easily told apart"
    );
    let predictions = place.text("run/predictions.csv");
    let mut lines = predictions.lines();
    let head = "index,target,prediction,probability,class,predicted_class";
    assert_eq!(lines.next(), Some(head));
    assert!(predictions.contains(",\"dog, \"\"old\"\"\",\"dog, \"\"old\"\"\"\n"));
    let config: toml::Table = place.text("run/config.toml").parse().expect("TOML");
    assert_eq!(config["task"].as_str(), Some("classify"));
    assert_eq!(config["classes"].as_array().map(Vec::len), Some(3));
    assert_eq!(config["class-counts"].to_string(), "[12, 12, 12]");
    for figure in ["accuracy", "loss", "confusion", "reliability", "best"] {
        assert!(
            place.path(&format!("run/figures/{figure}.png")).is_file(),
            "{figure}"
        );
    }
    let report = place.text("run/report.html");
    for text in ["mean of the classes", "dog, &quot;old&quot;", "precision"] {
        assert!(report.contains(text), "{text}");
    }
    let ended = train(
        &place,
        &["--task", "regress", "--epochs", "1", "--out", "numbers"],
    );
    assert!(ended.stderr.contains("--task classify"), "{}", ended.stderr);
    assert!(place.text("numbers/metrics.csv").contains("train_mae"));
}

/// Five of 7 classes are named among the first five, and a column of the test set says so.
#[test]
fn more_than_five_classes_have_a_top_five() {
    let place = Workplace::new();
    let drawn = [
        "--data",
        "house-digits:160,40",
        "--task",
        "classify",
        "--epochs",
        "1",
    ];
    let ended = run(&place, &[NET, &drawn, &["--out", "run"]].concat());
    assert!(
        ended.stderr.contains("classifying 10 classes, 0 to 9"),
        "{}",
        ended.stderr
    );
    let metrics = place.text("run/metrics.csv");
    let head = metrics.lines().next().expect("a header");
    assert!(head.ends_with("train_eval_accuracy,test_top5"), "{head}");
    assert_eq!(head.matches("top5").count(), 1, "{head}");
}

#[test]
fn eval_gives_the_last_line_and_scores_of_every_class() {
    let place = pets();
    train(
        &place,
        &["--epochs", "3", "--out", "run", "--label-smoothing", "0.2"],
    );
    let metrics = place.text("run/metrics.csv");
    let last: Vec<&str> = metrics
        .lines()
        .last()
        .expect("an epoch")
        .split(',')
        .collect();
    let json = run(&place, &["eval", "run", "--format", "json"]).stdout;
    let found: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(found["loss"].to_string(), last[3]);
    assert_eq!(found["accuracy"].as_f64(), last[4].parse().ok());
    let classes = found["classes"].as_array().expect("a list");
    for (class, name) in classes.iter().zip(NAMES) {
        assert_eq!(class["class"], name);
        assert_eq!(class["images"], 4);
        let taken = class["taken_for"].as_object().expect("counts");
        let right = taken
            .get(name)
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(0.0);
        assert_eq!(class["recall"].as_f64(), Some(right / 4.0));
    }
    let csv = run(&place, &["eval", "run", "--format", "csv"]).stdout;
    assert!(
        csv.starts_with("measure,class,taken_for,value\nimages,,,12\n"),
        "{csv}"
    );
    let table = run(&place, &["eval", "run"]).stdout;
    assert!(
        table.contains("precision") && table.contains("鳥"),
        "{table}"
    );
    // Some of the classes, which another folder numbers otherwise.
    folders(&place, "some", &NAMES[1..]);
    let json = run(
        &place,
        &["eval", "run", "--data", "some", "--format", "json"],
    )
    .stdout;
    let found: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(found["images"], 8);
    assert_eq!(found["classes"][0]["images"], 0);
    folders(&place, "other", &["cat", "emu"]);
    let ended = place.run(&[&["eval", "run", "--data", "other"], CPU].concat());
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("emu"), "{}", ended.stderr);
}

/// A run, its file of weights and both kinds of ONNX files say the same of every picture.
#[test]
fn all_that_is_left_of_a_run_predicts_the_same_names() {
    let place = pets();
    train(&place, &["--epochs", "5", "--out", "run"]);
    for (out, more) in [
        ("logits.onnx", &[][..]),
        ("shares.onnx", &["--softmax"][..]),
    ] {
        let export = ["export", "run", "--format", "onnx", "--out", out];
        run(&place, &[&export, more].concat());
    }
    fs::copy(
        place.path("run/model.safetensors"),
        place.path("net.safetensors"),
    )
    .expect("copies");
    let predicted = |model: &str, more: &[&str], device: &[&str]| {
        let arguments = [
            &[
                "predict",
                model,
                "pets/test",
                "--format",
                "json",
                "--top",
                "3",
            ],
            more,
            device,
        ];
        let ended = place.run(&arguments.concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let found: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        found.as_array().expect("a list").clone()
    };
    let of_run = predicted("run", &[], CPU);
    assert_eq!(of_run.len(), 12);
    let net = ["--net", "mlp", "--dense-hiddens", "8", "--image", "3x4x4"];
    let others = [
        predicted("net.safetensors", &net, CPU),
        predicted("logits.onnx", &[], &[]),
        predicted("shares.onnx", &[], &[]),
    ];
    for other in others {
        for (one, other) in of_run.iter().zip(other) {
            assert_eq!(one["file"], other["file"]);
            for place in 0..3 {
                let [one, other] = [one, &other].map(|it| &it["top"][place]);
                assert_eq!(one["class"], other["class"]);
                let [one, other] =
                    [one, other].map(|it| it["probability"].as_f64().expect("a share"));
                assert!((one - other).abs() < 1e-5, "{one} {other}");
            }
        }
    }
    // The probabilities of predictions.csv are those of the pictures.
    let csv = place.text("run/predictions.csv");
    let lines = csv.lines().skip(1).zip(&of_run);
    for (line, predicted) in lines {
        let share: f64 = line
            .split(',')
            .nth(3)
            .and_then(|it| it.parse().ok())
            .expect("a share");
        assert!(
            (share - predicted["probability"].as_f64().expect("a share")).abs() < 1e-6,
            "{line}"
        );
    }
    let table = run(&place, &["predict", "run", "pets/test/cat/0.png"]).stdout;
    assert!(table.starts_with("class") && table.contains('%'), "{table}");
    for (arguments, says) in [
        (
            &["predict", "shares.onnx", "pets/test", "--device", "cpu"][..],
            "--device",
        ),
        (
            &[
                "export",
                "run",
                "--format",
                "safetensors",
                "--softmax",
                "--out",
                "x",
            ][..],
            "--softmax",
        ),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}

#[test]
fn runs_of_classes_go_on_bit_for_bit() {
    let place = pets();
    let options = [
        "--valid-fraction",
        "0.2",
        "--best-by",
        "accuracy",
        "--class-weights",
        "1,2,0.5",
    ];
    let options = [
        &options[..],
        &["--batch-size", "7", "--label-smoothing", "0.1"],
    ]
    .concat();
    train(
        &place,
        &[&options[..], &["--epochs", "4", "--out", "long"]].concat(),
    );
    train(
        &place,
        &[&options[..], &["--epochs", "2", "--out", "short"]].concat(),
    );
    run(&place, &["--resume", "short", "--epochs", "4"]);
    assert_same(&place, "long", "short");
    assert!(place.read("long/best.safetensors") == place.read("short/best.safetensors"));
    let ended = run(&place, &["eval", "long", "--weights", "best"]);
    assert!(ended.stdout.contains("accuracy"), "{}", ended.stdout);
}

#[test]
fn sweeps_and_comparisons_are_of_one_task() {
    let place = pets();
    let sweep = [
        "sweep",
        "--data",
        "pets",
        "--net",
        "mlp",
        "--dense-hiddens",
        "8",
        "--epochs",
        "2",
    ];
    let values = [
        "--label-smoothing",
        "0,0.2",
        "--lr",
        "1e-2",
        "--out",
        "sweep",
    ];
    let ended = run(&place, &[&sweep[..], &values].concat());
    assert!(ended.stdout.contains("accuracy"), "{}", ended.stdout);
    let opened = open_sweep(&place.path("sweep"));
    assert_eq!(opened.expect("opens").sweep().runs.len(), 2);
    assert!(place.text("sweep/summary.csv").contains("test_accuracy"));
    let ended = place.run(&["sweep", "--resume", "sweep"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    train(
        &place,
        &["--task", "regress", "--epochs", "1", "--out", "numbers"],
    );
    let ended = place.run(&[
        "compare",
        "sweep/label-smoothing-0",
        "numbers",
        "--out",
        "both",
    ]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("another task"), "{}", ended.stderr);
}

#[test]
fn what_makes_no_classification_is_refused_with_a_hint() {
    let place = pets();
    for (arguments, says) in [
        (
            &["--label-smoothing", "0.1", "--task", "regress"][..],
            "--label-smoothing",
        ),
        (
            &["--best-by", "accuracy", "--task", "regress"][..],
            "--best-by",
        ),
        (&["--label-smoothing", "1"][..], "is not from 0 to below 1"),
        (&["--class-weights", "1,2"][..], "there are 3 classes"),
        (&["--class-weights", "1,-2,3"][..], "is not a weight"),
        (&["--task", "guess"][..], "guess"),
    ] {
        let ended = place.run(&[&["--data", "pets"], arguments, &["--out", "run"], CPU].concat());
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(says),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(!place.path("run").exists());
    }
    // Numbers that nobody counts.
    for split in ["train", "test"] {
        fs::create_dir_all(place.path(&format!("prices/{split}"))).expect("makes");
        let mut labels = String::from("file,target\n");
        for picture in 0..4 {
            let name = format!("prices/{split}/{picture}.png");
            let from = place.path(&format!("pets/{split}/cat/{picture}.png"));
            fs::copy(from, place.path(&name)).expect("copies");
            let _ = writeln!(labels, "{picture}.png,{}.5", split.len() + 10 * picture);
        }
        place.write(&format!("prices/{split}/labels.csv"), labels.as_bytes());
    }
    let ended = place.run(&[&["--data", "prices", "--task", "classify"], CPU].concat());
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("--task regress"), "{}", ended.stderr);
}
