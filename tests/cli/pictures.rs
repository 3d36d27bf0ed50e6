//! Pictures of any size: one preprocessing, which a run records, for training, eval, predict and exports.

use std::fs;
use std::path::Path;

use crate::support::{CPU, Ended, Workplace, names};

pub const TINY: &[&str] = &[
    "--net",
    "mlp",
    "--dense-hiddens",
    "4",
    "--epochs",
    "1",
    "--task",
    "regress",
];
pub const CROPPED: &[&str] = &["--image-size", "12x16", "--fit", "crop"];

/// Pictures of every kind and several sizes (`tests/formats/files/colours`), in turns of two classes.
pub fn pets(place: &Workplace) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/files/colours");
    let mut kinds = names(&from);
    kinds.retain(|name| !name.ends_with(".rgb.png") && !name.ends_with(".grey.png"));
    assert!(kinds.len() > 10);
    for (number, name) in kinds.iter().enumerate() {
        for set in ["train", "test"] {
            let class = place.path(&format!("pets/{set}/{}", ["cat", "dog"][number % 2]));
            fs::create_dir_all(&class).expect("makes");
            fs::copy(from.join(name), class.join(name)).expect("copies");
        }
    }
}

pub fn run(place: &Workplace, command: &[&str], more: &[&str]) -> Ended {
    let ended = place.run(&[command, more].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

pub fn train(place: &Workplace, data: &str, out: &str, more: &[&str]) -> Ended {
    let arguments = [TINY, CPU, &["--data", data, "--out", out], more].concat();
    run(place, &[], &arguments)
}

/// A column of a CSV text.
pub fn column<'a>(csv: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = csv.lines();
    let header = lines.next().expect("a header");
    let at = header.split(',').position(|it| it == name).expect(name);
    lines
        .map(|line| line.split(',').nth(at).expect("a column"))
        .collect()
}

#[test]
fn training_eval_and_predict_give_the_same_number_for_every_file() {
    let place = Workplace::new();
    pets(&place);
    train(&place, "pets", "run", CROPPED);
    let recorded = place.text("run/predictions.csv");
    let predicted = run(
        &place,
        &["predict", "run", "pets/test", "--format", "csv"],
        &[],
    );
    let predictions = column(&predicted.stdout, "prediction");
    assert_eq!(predictions, column(&recorded, "prediction"));
    let files = column(&predicted.stdout, "file");
    // Each alone, as the test set of a folder of its own.
    for (file, prediction) in files.iter().zip(&predictions) {
        let (_, name) = file.rsplit_once('/').expect("lies in a folder");
        for folder in [
            "one/train/cat",
            "one/train/dog",
            "one/test/cat",
            "one/test/dog",
        ] {
            fs::create_dir_all(place.path(folder)).expect("makes");
        }
        for to in ["train/cat", "test/cat"] {
            fs::copy(place.path(file), place.path(&format!("one/{to}/{name}"))).expect("copies");
        }
        let ended = run(
            &place,
            &["eval", "run", "--data", "one", "--format", "csv"],
            &[],
        );
        let mae = ended
            .stdout
            .lines()
            .find_map(|it| it.strip_prefix("mae,,,"));
        let mae: f64 = mae.expect("is told").parse().expect("a number");
        // The target of a cat is 0.
        let prediction: f64 = prediction.parse::<f32>().expect("a number").into();
        assert_eq!(mae, prediction.abs(), "{name}");
        assert!(
            ended.stderr.contains("resized and cropped to 12x16"),
            "{}",
            ended.stderr
        );
        fs::remove_dir_all(place.path("one")).expect("ours");
    }
}

#[test]
fn pictures_of_several_sizes_need_one_and_are_told_which() {
    let place = Workplace::new();
    pets(&place);
    let data = ["--data", "pets", "--out", "run"];
    let refused = |more: &[&str]| {
        let ended = place.run(&[TINY, CPU, &data, more].concat());
        assert_ne!(ended.code, 0);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
        assert!(!place.path("run").exists());
        ended.stderr
    };
    let said = refused(&[]);
    assert!(
        said.contains("hint: --image-size 8x16 (rows x columns)"),
        "{said}"
    );
    let said = refused(&["--fit", "pad"]);
    assert!(
        said.contains("--fit is not read without --image-size"),
        "{said}"
    );
    let said = refused(&["--image-size", "8", "--test-fraction", "0.1"]);
    assert!(said.contains("is a test set already"), "{said}");
    let said = refused(&["--image-size", "8", "--test-fraction", "1"]);
    assert!(
        said.contains("--test-fraction 1.0 is not from 0 to below 1"),
        "{said}"
    );
    for wrong in ["0", "8x", "3x8x8", "9999"] {
        let said = place.run(&[TINY, CPU, &data, &["--image-size", wrong]].concat());
        assert_eq!(said.code, 2, "{wrong}");
        assert!(
            said.stderr.contains("is not a size of images"),
            "{}",
            said.stderr
        );
    }
    let grey = train(
        &place,
        "pets",
        "run",
        &["--image-size", "8", "--image-mode", "grey"],
    );
    assert!(grey.stderr.contains("stretched to 8x8"), "{}", grey.stderr);
    assert!(
        place
            .text("run/config.toml")
            .contains("image-mode = \"grey\"")
    );
}

/// Drawn pictures of 32x32 stand for any other set.
#[test]
fn other_sets_are_resized_as_the_run_was() {
    let place = Workplace::new();
    let drawn = "house-digits:20,8";
    let ended = train(
        &place,
        drawn,
        "run",
        &["--image-size", "10x8", "--image-mode", "grey"],
    );
    let note = "images of 3x32x32 are made 1x10x8, stretched";
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    let own = run(&place, &["eval", "run", "--format", "csv"], &[]);
    let other = run(
        &place,
        &["eval", "run", "--data", drawn, "--format", "csv"],
        &[],
    );
    assert_eq!(other.stdout, own.stdout);
    assert!(other.stderr.contains(note), "{}", other.stderr);
    // A run that keeps sizes refuses others, but takes other colours.
    train(&place, drawn, "plain", &[]);
    for (folder, side) in [("small", 30), ("same", 32)] {
        for part in ["train/1", "test/1"] {
            let class = place.path(&format!("{folder}/{part}"));
            fs::create_dir_all(&class).expect("makes");
            let grey = image::GrayImage::from_pixel(side, side, image::Luma([90]));
            grey.save(class.join("a.png")).expect("writes");
        }
    }
    let refused = place.run(&["eval", "plain", "--data", "small"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("trained with --image-size"),
        "{}",
        refused.stderr
    );
    let taken = run(&place, &["eval", "plain", "--data", "same"], &[]);
    assert!(
        taken.stdout.contains("images                     1"),
        "{}",
        taken.stdout
    );
}

#[test]
fn weights_and_exports_say_what_the_net_reads() {
    let place = Workplace::new();
    pets(&place);
    train(&place, "pets", "run", CROPPED);
    let onnx = ["export", "run", "--format", "onnx", "--out", "net.onnx"];
    run(&place, &onnx, &[]);
    let weights = [
        "export",
        "run",
        "--format",
        "safetensors",
        "--out",
        "net.safetensors",
    ];
    run(&place, &weights, &[]);
    assert_eq!(
        place.read("net.safetensors"),
        place.read("run/model.safetensors")
    );
    let described = "{\"__metadata__\":{\"fit\":\"crop\",\"image_mode\":\"rgb\",\"image_size\":\"12x16\",\
                     \"scaling\":\"bytes / 255\",\"task\":\"regress\"},";
    let model = place.read("net.safetensors");
    assert!(model[8..].starts_with(described.as_bytes()));
    // Entries of `metadata_props`, the field 14: keys and values, each after its length.
    let onnx = place.read("net.onnx");
    for (key, value) in [
        ("fit", "crop"),
        ("image_size", "12x16"),
        ("scaling", "bytes / 255"),
    ] {
        let (k, v) = (key.len() as u8, value.len() as u8);
        let entry = [
            &[0x72, k + v + 4, 0x0a, k][..],
            key.as_bytes(),
            &[0x12, v],
            value.as_bytes(),
        ];
        let entry = entry.concat();
        assert!(onnx.windows(entry.len()).any(|it| it == entry), "{key}");
    }
    // The file of weights alone is enough to predict, and to evaluate.
    let predict = |model: &str, more: &[&str]| {
        let command = ["predict", model, "pets/test", "--format", "csv"];
        let ended = run(&place, &command, more);
        column(&ended.stdout, "prediction").join(" ")
    };
    let net = ["--net", "mlp", "--dense-hiddens", "4", "--device", "cpu"];
    assert_eq!(predict("net.safetensors", &net), predict("run", &[]));
    let eval = [
        "eval",
        "net.safetensors",
        "--data",
        "pets",
        "--format",
        "csv",
    ];
    // What it has to beat, only the run knows.
    let own = run(&place, &["eval", "run", "--format", "csv"], &[]).stdout;
    let own = own.lines().filter(|it| !it.starts_with("baseline_"));
    let alone = run(&place, &eval, &net).stdout;
    assert_eq!(alone.lines().collect::<Vec<_>>(), own.collect::<Vec<_>>());
}

/// What earlier versions recorded has none of the settings of pictures.
#[test]
fn old_configurations_are_read_and_keep_sizes() {
    let place = Workplace::new();
    let ended = train(&place, "house-digits:20,8", "run", &[]);
    assert!(!ended.stderr.contains("are made"), "{}", ended.stderr);
    let config = place.text("run/config.toml");
    let is_new = |line: &&str| {
        let new = [
            "fit",
            "image-size",
            "image-mode",
            "test-fraction",
            "no-cache",
        ];
        new.iter().any(|key| line.starts_with(&format!("{key} =")))
    };
    assert_eq!(config.lines().filter(is_new).count(), 3);
    let old: Vec<&str> = config.lines().filter(|it| !is_new(it)).collect();
    place.write("run/config.toml", old.join("\n").as_bytes());
    let before = run(&place, &["eval", "run", "--format", "csv"], &[]);
    run(&place, &["--resume", "run", "--epochs", "2"], &[]);
    place.write("old.toml", old.join("\n").as_bytes());
    run(&place, &["--config", "old.toml", "--out", "again"], &[]);
    let again = run(&place, &["eval", "again", "--format", "csv"], &[]);
    assert_eq!(again.stdout, before.stdout);
}
