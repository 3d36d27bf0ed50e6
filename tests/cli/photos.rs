//! A folder of cats and dogs in every mode that people's files have (`tests/fixtures/photos`): onnxruntime and
//! Pillow as oracles of what is predicted (`make_fixtures.py`, `check_onnx.py`).

use std::fs;
use std::path::{Path, PathBuf};

use gpu_train::shape::ImageShape;
use safetensors::SafeTensors;
use sha2::{Digest as _, Sha256};

use crate::cases::read_exact;
use crate::pictures::{column, run};
use crate::support::{CPU, Workplace, names};

/// The net whose weights are `photos/model.safetensors`.
const NET: &[&str] = &[
    "--net",
    "cnn",
    "--channels",
    "6,8",
    "--kernel-sizes",
    "3,3",
    "--strides",
    "1,1",
    "--padding",
    "1",
    "--head",
    "average",
    "--dense-hiddens",
    "8",
];
const CLASSES: [&str; 2] = ["cat", "dog"];
const SHAPE: ImageShape = ImageShape::new(3, 16, 20);
/// The most by which a probability may be another than onnxruntime's.
const TOLERANCE: f64 = 1e-5;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn photos() -> PathBuf {
    fixtures().join("photos")
}

/// The files of the test set, in the order of the recorded tensors.
fn files() -> Vec<PathBuf> {
    let of_class = |class: &&str| {
        let folder = photos().join("test").join(class);
        names(&folder)
            .into_iter()
            .map(move |name| folder.join(name))
    };
    CLASSES.iter().flat_map(of_class).collect()
}

/// A tensor of a file of fixtures.
fn tensor(file: &str, name: &str) -> Vec<u8> {
    let bytes = fs::read(fixtures().join(file)).expect("is committed");
    let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    tensors.tensor(name).expect(name).data().to_vec()
}

/// The probabilities of every test picture, of both classes: what onnxruntime made of our pixels, or Pillow's.
fn recorded(of: &str) -> Vec<[f32; 2]> {
    let bytes = tensor("onnx_outputs.safetensors", &format!("photos.{of}"));
    bytemuck::pod_collect_to_vec(&bytes)
}

/// A name and its probability.
type Guess = (String, f64);

/// What `model` says of `pictures`.
fn predicted(place: &Workplace, model: &str, pictures: &Path, more: &[&str]) -> Vec<Guess> {
    let pictures = pictures.to_str().expect("text");
    let command = ["predict", model, pictures, "--format", "csv"];
    let csv = run(place, &command, more).stdout;
    let probabilities = column(&csv, "probability").into_iter();
    let probabilities = probabilities.map(|it| it.parse().expect("a number"));
    let classes = column(&csv, "class").into_iter().map(str::to_owned);
    classes.zip(probabilities).collect()
}

/// The name and the probability of the more probable class.
fn best(probabilities: [f32; 2]) -> (&'static str, f64) {
    let class = usize::from(probabilities[1] > probabilities[0]);
    (CLASSES[class], probabilities[class].into())
}

fn model() -> String {
    let path = photos().join("model.safetensors");
    path.to_str().expect("text").to_owned()
}

#[test]
fn onnxruntime_gives_the_names_and_probabilities_of_every_file() {
    let place = Workplace::new();
    let export = ["export", &model(), "--format", "onnx", "--out", "net.onnx"];
    run(&place, &export, &[NET, &["--softmax"]].concat());
    assert_eq!(
        Sha256::digest(place.read("net.onnx")).as_slice(),
        tensor("onnx_outputs.safetensors", "photos.sha256"),
        "other bytes than onnxruntime was given; run tests/fixtures/check_onnx.py"
    );
    let expected = recorded("probabilities");
    assert_eq!(expected.len(), files().len());
    let on_cpu = [NET, CPU].concat();
    for (model, more) in [(&*model(), &*on_cpu), ("net.onnx", &[])] {
        let got = predicted(&place, model, &photos().join("test"), more);
        assert_eq!(got.len(), expected.len());
        for ((file, expected), (class, probability)) in files().iter().zip(&expected).zip(got) {
            let (name, expected) = best(*expected);
            let what = format!("{model}, {}", file.display());
            assert_eq!(class, name, "{what}");
            let apart = (probability - expected).abs();
            assert!(
                apart <= TOLERANCE,
                "{what}: {probability}, onnxruntime {expected}"
            );
        }
    }
}

/// Pixels within a level of Pillow's, of JPEG files two, whose decoders round otherwise; and the same names.
#[test]
fn pillow_gives_the_pixels_and_the_names_of_every_file() {
    let pillow = tensor("photos/pillow.safetensors", "images");
    let pillow = pillow.chunks_exact(SHAPE.elements());
    assert_eq!(pillow.len(), files().len());
    for (file, pillow) in files().iter().zip(pillow) {
        let planes = read_exact(file, SHAPE).expect("whole");
        let levels = planes
            .iter()
            .zip(pillow)
            .map(|(ours, it)| ours.abs_diff(*it));
        let most = if file.extension().is_some_and(|it| it == "jpg") {
            2
        } else {
            1
        };
        assert!(levels.max() <= Some(most), "{}", file.display());
    }
    for (ours, pillow) in recorded("probabilities").iter().zip(recorded("pillow")) {
        assert_eq!(best(*ours).0, best(pillow).0);
    }
}

/// The loss of a picture that is a test set of its own follows from the probability that `predict` gives it.
#[test]
fn eval_and_predict_give_the_same_numbers_for_every_file() {
    let place = Workplace::new();
    let on_cpu = [NET, CPU].concat();
    let eval = |data: &str| {
        let command = ["eval", &model(), "--data", data, "--format", "json"];
        let said = run(&place, &command, &[&on_cpu[..], &["--no-cache"]].concat());
        serde_json::from_str::<serde_json::Value>(&said.stdout).expect("JSON")
    };
    let (mut losses, mut right) = (0.0, 0);
    let guesses = predicted(&place, &model(), &photos().join("test"), &on_cpu);
    for (file, (class, probability)) in files().iter().zip(guesses) {
        let folder = file.parent().expect("of its class");
        let own = folder.file_name().expect("a name").to_str().expect("text");
        for set in ["train", "test"] {
            for class in CLASSES {
                let folder = place.path(&format!("one/{set}/{class}"));
                fs::create_dir_all(&folder).expect("makes");
                if set == "train" || class == own {
                    fs::copy(file, folder.join(file.file_name().expect("a name"))).expect("copies");
                }
            }
        }
        let found = eval("one");
        let is_right = class == own;
        let own = if is_right {
            probability
        } else {
            1.0 - probability
        };
        assert_eq!(found["images"], 1);
        assert_eq!(
            found["accuracy"].as_f64(),
            Some(f64::from(u8::from(is_right)))
        );
        let loss = found["loss"].as_f64().expect("a number");
        let apart = (loss + own.ln()).abs();
        assert!(
            apart <= 1e-6 * loss.max(1.0),
            "{}: {loss}, {own}",
            file.display()
        );
        losses += loss;
        right += usize::from(is_right);
        fs::remove_dir_all(place.path("one")).expect("ours");
    }
    let all = files().len();
    let found = eval(photos().to_str().expect("text"));
    assert_eq!(found["images"], all);
    assert_eq!(found["accuracy"].as_f64(), Some(right as f64 / all as f64));
    let loss = found["loss"].as_f64().expect("a number");
    assert!((loss - losses / all as f64).abs() <= 1e-6, "{loss}");
}

/// From the folder to names: what a run writes of its test set, `predict` says of the files.
#[test]
fn a_run_on_the_folder_predicts_what_it_wrote() {
    let place = Workplace::new();
    let data = photos();
    let data = ["--data", data.to_str().expect("text"), "--out", "run"];
    let training = ["--image-size", "16x20", "--epochs", "3", "--no-cache"];
    let ended = run(&place, &data, &[&training, NET, CPU].concat());
    let line = "classifying 2 classes: cat -> 0, dog -> 1";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    let written = place.text("run/predictions.csv");
    let expected: Vec<Guess> = column(&written, "predicted_class")
        .into_iter()
        .map(str::to_owned)
        .zip(
            column(&written, "probability")
                .into_iter()
                .map(|it| it.parse().expect("a number")),
        )
        .collect();
    assert_eq!(expected.len(), files().len());
    let test = photos().join("test");
    let numbers = |guesses: &[Guess]| guesses.iter().map(|it| it.1 as f32).collect::<Vec<_>>();
    let got = predicted(&place, "run", &test, CPU);
    assert_eq!(numbers(&got), numbers(&expected));
    let export = [
        "export",
        "run",
        "--format",
        "onnx",
        "--softmax",
        "--out",
        "run.onnx",
    ];
    run(&place, &export, CPU);
    let exported = predicted(&place, "run.onnx", &test, &[]);
    for ((expected, got), exported) in expected.iter().zip(got).zip(exported) {
        assert_eq!((&expected.0, &expected.0), (&got.0, &exported.0));
        assert!((expected.1 - exported.1).abs() <= TOLERANCE);
    }
}
