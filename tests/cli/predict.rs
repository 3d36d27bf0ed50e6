//! predict, eval and export: what a trained net is used for.

use std::fs;

use gpu_train::data::house_digits;
use image::{GrayImage, Luma, RgbImage};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::support::{BINARY, SMALL, Workplace};

/// Test images of `SMALL`.
const IMAGES: usize = 40;

/// The test images of `SMALL` as pictures in the folder `pictures`, named by their number.
fn write_pictures(place: &Workplace) {
    let data = house_digits::generate(160, IMAGES, 0).expect("draws").test;
    let shape = data.shape();
    let (width, height) = (shape.width as u32, shape.height as u32);
    fs::create_dir(place.path("pictures")).expect("makes");
    for (index, image) in data.images().chunks_exact(shape.elements()).enumerate() {
        let pixel = |x: u32, y: u32| {
            let at = (y * width + x) as usize;
            image::Rgb([0, 1, 2].map(|plane| image[plane * shape.pixels() + at]))
        };
        let picture = RgbImage::from_fn(width, height, pixel);
        let path = place.path(&format!("pictures/{index:03}.png"));
        picture.save(path).expect("writes");
    }
}

/// The weights of the run at `bare.safetensors`, as an earlier version wrote them: they tell nothing else.
fn write_bare_weights(place: &Workplace) {
    let bytes = place.read("run/model.safetensors");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let bare = safetensors::serialize(file.tensors(), None).expect("fits");
    place.write("bare.safetensors", &bare);
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The last column of a CSV file's lines, without its header.
fn last_column(csv: &str) -> Vec<f32> {
    let lines = csv.lines().skip(1);
    let last = lines.map(|line| line.rsplit(',').next().expect("has columns"));
    last.map(|text| text.parse().expect("a number")).collect()
}

/// A disk that is full where the output goes is no success; a reader that has seen enough is.
#[cfg(target_os = "linux")]
#[test]
fn output_that_is_lost_is_an_error() {
    let place = Workplace::new();
    place.train("run", &[]);
    let full = || fs::File::options().write(true).open("/dev/full");
    for format in ["table", "csv", "json"] {
        let mut command = place.command(BINARY);
        command.args(["eval", "run", "--format", format]);
        let ended = command.stdout(full().expect("Linux has it")).output();
        let ended = ended.expect("runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{format}: {said}");
        assert!(said.contains("standard output"), "{format}: {said}");
        assert!(said.contains("hint:"), "{format}: {said}");
    }
}

/// A cnn computes something of images of any size, and nothing that its training is worth.
#[test]
fn a_net_is_not_measured_on_images_of_another_size() {
    let place = Workplace::new();
    place.train("run", &[]);
    for (folder, side) in [("large", 64), ("same", 32)] {
        for part in ["train", "test"] {
            let class = place.path(&format!("{folder}/{part}/3"));
            fs::create_dir_all(&class).expect("makes");
            let picture = RgbImage::from_pixel(side, side, image::Rgb([9, 90, 200]));
            picture.save(class.join("a.png")).expect("writes");
        }
    }
    let eval = |model: &str, data: &str| place.run(&["eval", model, "--data", data]);
    let ended = eval("run", "large");
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let words = "test images are 3x64x64, and the run was trained on images of 3x32x32";
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let ended = eval("run", "same");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("note:"), "{}", ended.stderr);
    // Weights say so too, but for those of earlier versions.
    let net = ["--channels", "4,4", "--dense-hiddens", "8"];
    let told = ["eval", "run/model.safetensors", "--data", "large"];
    let ended = place.run(&[&told[..], &net].concat());
    assert!(ended.stderr.contains(words), "{}", ended.stderr);
    write_bare_weights(&place);
    let bare = ["eval", "bare.safetensors", "--data", "large"];
    let ended = place.run(&[&bare[..], &net].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("these are 3x64x64"),
        "{}",
        ended.stderr
    );
}

/// A model that somebody passed on without its checkpoint.
#[test]
fn a_configuration_and_weights_are_enough() {
    let place = Workplace::new();
    place.train("run", &[]);
    write_pictures(&place);
    fs::create_dir(place.path("model")).expect("makes");
    for file in ["config.toml", "model.safetensors"] {
        let from = place.path(&format!("run/{file}"));
        fs::copy(from, place.path(&format!("model/{file}"))).expect("copies");
    }
    let predict = |model: &str, more: &[&str]| {
        let arguments = ["predict", model, "pictures", "--format", "csv"];
        place.run(&[&arguments[..], more].concat())
    };
    let ended = predict("model", &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, predict("run", &[]).stdout);
    // Weights of an earlier version do not tell the size.
    write_bare_weights(&place);
    let bare = place.read("bare.safetensors");
    place.write("model/model.safetensors", &bare);
    let ended = predict("model", &[]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("--image"), "{}", ended.stderr);
    let ended = predict("model", &["--image", "3x32x32"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, predict("run", &[]).stdout);
    let eval = |model: &str| place.run(&["eval", model, "--format", "csv"]);
    let ended = eval("model");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("not known"), "{}", ended.stderr);
    assert_eq!(ended.stdout, eval("run").stdout);
}

#[test]
fn a_run_its_eval_and_its_predictions_agree() {
    let place = Workplace::new();
    place.train("run", &[]);
    let predictions = place.text("run/predictions.csv");
    assert!(predictions.starts_with("index,target,prediction\n0,"));
    let recorded = last_column(&predictions);
    assert_eq!(recorded.len(), IMAGES);

    // The very text of metrics.csv.
    let ended = place.run(&["eval", "run", "--format", "csv"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let metrics = place.text("run/metrics.csv");
    let last: Vec<&str> = metrics
        .lines()
        .last()
        .expect("an epoch")
        .split(',')
        .collect();
    for (measure, column) in [("mse", 3), ("mae", 4), ("accuracy", 6)] {
        let line = format!("\n{measure},,,{}\n", last[column]);
        assert!(ended.stdout.contains(&line), "{line}{}", ended.stdout);
    }

    write_pictures(&place);
    let ended = place.run(&["predict", "run", "pictures", "--format", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let found = json(&ended.stdout);
    let found = found.as_array().expect("a list");
    assert_eq!(found.len(), IMAGES);
    for (index, (line, recorded)) in found.iter().zip(&recorded).enumerate() {
        let file = line["file"].as_str().expect("a name");
        assert!(file.ends_with(&format!("{index:03}.png")), "{file}");
        let predicted = line["prediction"].as_f64().expect("a number");
        // Kernels for batches of 64, where evaluation had 40.
        let apart = (predicted - f64::from(*recorded)).abs();
        assert!(
            apart <= 1e-6 * predicted.abs(),
            "{file}: {predicted}, not {recorded}"
        );
        assert_eq!(line["rounded"], recorded.round_ties_even() as i64);
    }
    // Counts are of these predictions.
    let ended = place.run(&["eval", "run", "--format", "json"]);
    let evaluation = json(&ended.stdout);
    let digits = evaluation["digits"].as_array().expect("a list");
    for rounded in 0..10 {
        let counts = digits.iter().map(|it| it["rounded_to"][rounded].as_u64());
        let count: u64 = counts.map(|it| it.expect("a count")).sum();
        let rounds = |it: &&f32| it.round_ties_even() as usize == rounded && **it > -0.5;
        assert_eq!(count as usize, recorded.iter().filter(rounds).count());
    }
    let shown = place.run(&["eval", "run"]).stdout;
    assert!(shown.contains("rounded accuracy"), "{shown}");
}

#[test]
fn pictures_of_any_size_are_predicted_and_bad_ones_named() {
    let place = Workplace::new();
    place.train("run", &["--epochs", "1"]);
    let grey = GrayImage::from_fn(90, 50, |x, y| Luma([(x + y) as u8]));
    grey.save(place.path("grey.jpg")).expect("writes");
    grey.save(place.path("grey.bmp")).expect("writes");
    place.write("broken.png", b"\x89PNG\r\n\x1a\nno more");
    let files = ["grey.jpg", "broken.png", "grey.bmp", "missing.png"];
    let arguments = [&["predict", "run"][..], &files, &["--format", "csv"]].concat();
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 1);
    let names: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(names.len(), 3, "{}", ended.stdout);
    assert_eq!(names[0], "file,prediction,rounded");
    assert!(names[1].starts_with("grey.jpg,") && names[2].starts_with("grey.bmp,"));
    for said in ["broken.png: ", "missing.png: ", "and 1 more"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let table = place.run(&["predict", "run", "grey.bmp"]);
    assert_eq!(table.code, 0);
    assert!(table.stdout.starts_with("prediction  rounded  file\n"));
}

#[test]
fn models_that_cannot_be_used_are_refused() {
    let place = Workplace::new();
    place.train("run", &["--epochs", "1"]);
    // Beside no config.toml, options say what it is.
    write_bare_weights(&place);
    let net = ["--channels", "4,4", "--dense-hiddens", "8"];
    let with = |start: &[&str], end: &[&str]| {
        let ended = place.run(&[start, &["--quiet"], end].concat());
        (ended.code, ended.stderr)
    };
    let refused = |(code, stderr): (i32, String), expected: i32, said: &[&str]| {
        assert_eq!(code, expected, "{stderr}");
        assert!(said.iter().all(|it| stderr.contains(it)), "{stderr}");
        assert!(stderr.contains("hint:"), "{stderr}");
    };
    let eval = ["eval", "bare.safetensors", "--data", "house-digits:1,40"];
    assert_eq!(with(&eval, &net).0, 0);
    let wrong = ["--channels", "4,5", "--dense-hiddens", "8"];
    refused(
        with(&eval, &wrong),
        1,
        &["3.weight is [4, 4, 3, 3], not [5, 4, 3, 3]"],
    );
    let predict = ["predict", "bare.safetensors", "bare.safetensors"];
    refused(with(&predict, &net), 2, &["--image 3x32x32"]);
    refused(
        with(&["predict", "none", "none"], &[]),
        1,
        &["none: is not there"],
    );
    refused(with(&["eval", "."], &[]), 1, &["has no config.toml"]);
    refused(
        with(&["eval", "run"], &net),
        2,
        &["config.toml says already"],
    );
    refused(
        with(&["eval", "run", "--test", "run/config.toml"], &[]),
        1,
        &["no known format"],
    );
    let out = ["--format", "onnx", "--out", "net.onnx"];
    let image = [&net[..], &out, &["--image", "2x32x32"]].concat();
    refused(
        with(&["export", "bare.safetensors"], &image),
        1,
        &["0.weight is"],
    );
    refused(
        with(&["export", "run", "--image", "3x9x9"], &out),
        2,
        &["3x32x32"],
    );
    assert!(!place.path("net.onnx").exists());
}

#[test]
fn exports_are_written_once() {
    let place = Workplace::new();
    place.train("run", &["--epochs", "1"]);
    let onnx = ["export", "run", "--format", "onnx", "--out", "net.onnx"];
    let ended = place.run(&onnx);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("opset 13"), "{}", ended.stderr);
    let written = place.read("net.onnx");
    let again = place.run(&onnx);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("net.onnx: exists already"),
        "{}",
        again.stderr
    );
    assert_eq!(place.read("net.onnx"), written);
    let weights = [
        "export",
        "run",
        "--format",
        "safetensors",
        "--out",
        "net.safetensors",
    ];
    assert_eq!(place.run(&weights).code, 0);
    assert_eq!(
        place.read("net.safetensors"),
        place.read("run/model.safetensors")
    );
    assert_eq!(place.names(), ["net.onnx", "net.safetensors", "run"]);
}

/// A run that has not ended has a checkpoint alone, and one whose data are gone can be told others.
#[test]
fn the_weights_of_a_run_that_has_not_ended_are_its_checkpoints() {
    let place = Workplace::new();
    place.train("run", &["--epochs", "1"]);
    let ended = place.run(&["eval", "run", "--format", "csv"]);
    fs::remove_file(place.path("run/model.safetensors")).expect("removes");
    let begun = place.run(&["eval", "run", "--format", "csv"]);
    assert_eq!(begun.code, 0, "{}", begun.stderr);
    assert_eq!(begun.stdout, ended.stdout);
    assert!(begun.stderr.contains("after step 3"), "{}", begun.stderr);
    assert_eq!(SMALL[1], "house-digits:160,40");
    let other = place.run(&[
        "eval",
        "run",
        "--data",
        "house-digits:1,30",
        "--format",
        "json",
    ]);
    assert_eq!(json(&other.stdout)["images"], 30);
}

/// A run with a validation set has two sets of weights: the last ones are taken, and it is said.
#[test]
fn the_best_weights_of_a_run_are_there_for_the_asking() {
    let place = Workplace::new();
    place.train("run", &["--valid-fraction", "0.2", "--lr", "0.03"]);
    place.train("plain", &[]);
    let eval = |arguments: &[&str]| {
        let ended = place.run(&[&["eval", "--format", "csv"], arguments].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        (ended.stdout, ended.stderr)
    };
    let (last, said) = eval(&["run"]);
    assert!(said.contains("the weights of the last epoch"), "{said}");
    let (asked, said) = eval(&["run", "--weights", "last"]);
    assert_eq!(asked, last);
    assert!(!said.contains("the weights of the last epoch"), "{said}");
    let (file, _) = eval(&["run/best.safetensors"]);
    let (best, _) = eval(&["run", "--weights", "best"]);
    assert_eq!(best, file);
    let (_, said) = eval(&["plain"]);
    assert!(!said.contains("--weights"), "{said}");
    for (arguments, code, says) in [
        (&["plain", "--weights", "best"][..], 1, "--valid-fraction"),
        (
            &["run/best.safetensors", "--weights", "best"],
            2,
            "is a file",
        ),
    ] {
        let ended = place.run(&[&["eval"], arguments].concat());
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}
