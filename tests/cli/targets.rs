//! Targets of any scale: prices are learned, and everything is said in their units; other losses.

use std::fs;

use image::{GrayImage, Luma};

use crate::pictures::column;
use crate::support::{CPU, Ended, Workplace};

/// Pictures of one brightness each, whose target is `of` its share of white.
fn shades(place: &Workplace, of: impl Fn(f64) -> f64) {
    for (set, count, step) in [("train", 200_u32, 97), ("test", 40, 61)] {
        let folder = place.path(&format!("shades/{set}"));
        fs::create_dir_all(&folder).expect("makes");
        let mut labels = "file,target\n".to_owned();
        for number in 0..count {
            let shade = (number * step % 256) as u8;
            let picture = GrayImage::from_pixel(8, 8, Luma([shade]));
            let name = format!("{number}.png");
            picture.save(folder.join(&name)).expect("writes");
            let target = of(f64::from(shade) / 255.0);
            labels.extend([name, ",".to_owned(), target.to_string(), "\n".to_owned()]);
        }
        fs::write(folder.join("labels.csv"), labels).expect("writes");
    }
}

fn price(share: f64) -> f64 {
    (75_000.0 + 400_000.0 * share).round()
}

const NET: &[&str] = &[
    "--net",
    "mlp",
    "--dense-hiddens",
    "16",
    "--batch-size",
    "16",
];

fn train(place: &Workplace, out: &str, more: &[&str]) -> Ended {
    let data = ["--data", "shades", "--out", out, "--no-progress"];
    let ended = place.run(&[NET, CPU, &data, more].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

fn numbers(csv: &str, name: &str) -> Vec<f64> {
    let cells = column(csv, name).into_iter();
    cells.map(|it| it.parse().expect("a number")).collect()
}

/// The value of a line `name,,,value`.
fn measure(csv: &str, name: &str) -> f64 {
    let found = csv
        .lines()
        .find_map(|it| it.strip_prefix(name)?.strip_prefix(",,,"));
    found.expect(name).parse().expect("a number")
}

#[test]
fn prices_are_learned_and_told_as_prices() {
    let place = Workplace::new();
    shades(&place, price);
    let ended = train(&place, "run", &["--epochs", "20"]);
    assert!(
        ended
            .stderr
            .contains("targets from 75000 to 475000 are learned"),
        "{}",
        ended.stderr
    );
    let metrics = place.text("run/metrics.csv");
    assert!(!metrics.contains("accuracy"), "{metrics}");
    let last = |name: &str| *numbers(&metrics, name).last().expect("an epoch");
    assert!(last("test_r2") > 0.8, "{metrics}");

    // What predictions.csv holds is what was measured, as scikit-learn would.
    let predictions = place.text("run/predictions.csv");
    let targets = numbers(&predictions, "target");
    let predicted = numbers(&predictions, "prediction");
    assert!(targets.contains(&75_000.0));
    let count = targets.len() as f64;
    let mean = targets.iter().sum::<f64>() / count;
    let variance = targets.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count;
    let errors: Vec<f64> = targets.iter().zip(&predicted).map(|(t, p)| p - t).collect();
    let mse = errors.iter().map(|it| it * it).sum::<f64>() / count;
    let mae = errors.iter().map(|it| it.abs()).sum::<f64>() / count;
    for (name, wanted) in [
        ("test_loss", mse),
        ("test_mae", mae),
        ("test_r2", 1.0 - mse / variance),
        ("test_relative_mae", mae / variance.sqrt()),
    ] {
        assert!((last(name) / wanted - 1.0).abs() < 1e-4, "{name}");
    }

    // The same from the run, from its weights alone, and from an exported net.
    let eval = place.run(&[&["eval", "run", "--format", "csv"], CPU].concat());
    assert_eq!(measure(&eval.stdout, "mse"), last("test_loss"));
    assert_eq!(measure(&eval.stdout, "r2"), last("test_r2"));
    let train_labels = fs::read_to_string(place.path("shades/train/labels.csv")).expect("reads");
    let mut trained = numbers(&train_labels, "target");
    trained.sort_by(f64::total_cmp);
    let median = f64::midpoint(trained[99], trained[100]);
    let of_median = targets.iter().map(|it| (it - median).abs()).sum::<f64>() / count;
    assert!((measure(&eval.stdout, "baseline_mae") / of_median - 1.0).abs() < 1e-12);
    let parts = eval.stdout.lines().filter(|it| it.starts_with("bias,"));
    assert_eq!(parts.count(), 5);
    let table = place.run(&[&["eval", "run"], CPU].concat());
    assert!(!table.stdout.contains("digit"), "{}", table.stdout);
    assert_eq!(
        place
            .run(&[
                "export", "run", "--format", "onnx", "--out", "net.onnx", "--device", "cpu"
            ])
            .code,
        0
    );
    fs::copy(
        place.path("run/model.safetensors"),
        place.path("alone.safetensors"),
    )
    .expect("copies");
    let picture = "shades/test/3.png";
    let of = |model: &str, more: &[&str]| {
        let ended = place.run(&[&["predict", model, picture, "--format", "csv"], more].concat());
        assert_eq!(ended.code, 0, "{model}: {}", ended.stderr);
        assert_eq!(column(&ended.stdout, "rounded").len(), 1);
        numbers(&ended.stdout, "prediction")[0]
    };
    let own = of("run", CPU);
    let net = ["--net", "mlp", "--dense-hiddens", "16"];
    assert!(
        (own / predicted[3] - 1.0).abs() < 1e-6,
        "{own} {predicted:?}"
    );
    assert_eq!(of("alone.safetensors", &[CPU, &net].concat()), own);
    assert!((of("net.onnx", &[]) / own - 1.0).abs() < 1e-5);
}

#[test]
fn runs_with_scaled_targets_go_on_bit_for_bit() {
    let place = Workplace::new();
    shades(&place, |share| 1900.0 + (120.0 * share).round());
    train(&place, "whole", &["--epochs", "4"]);
    train(&place, "parts", &["--epochs", "2"]);
    let resumed = place.run(&["--resume", "parts", "--epochs", "4"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    for file in ["model.safetensors", "predictions.csv", "config.toml"] {
        assert!(
            place.read(&format!("whole/{file}")) == place.read(&format!("parts/{file}")),
            "{file}"
        );
    }
    assert!(
        place
            .text("whole/config.toml")
            .contains("target-scale = \"standard\"")
    );
}

/// Small numbers are learned as they are; whole ones of a small range keep their accuracy, scaled or not.
#[test]
fn what_is_measured_fits_the_targets() {
    let place = Workplace::new();
    shades(&place, |share| 0.01 * share);
    let ended = train(&place, "small", &["--epochs", "2", "--no-report"]);
    assert!(!ended.stderr.contains("are learned"), "{}", ended.stderr);
    assert!(place.text("small/metrics.csv").contains("test_r2"));
    shades(&place, |share| (9.0 * share).round());
    let ended = train(
        &place,
        "digits",
        &[
            "--epochs",
            "15",
            "--lr",
            "1e-2",
            "--target-scale",
            "standard",
            "--no-report",
        ],
    );
    assert!(
        ended.stderr.contains("targets from 0 to 9"),
        "{}",
        ended.stderr
    );
    let metrics = place.text("digits/metrics.csv");
    let accuracy = numbers(&metrics, "test_accuracy");
    let predictions = place.text("digits/predictions.csv");
    let pairs = numbers(&predictions, "target")
        .into_iter()
        .zip(numbers(&predictions, "prediction"));
    let hits = pairs
        .filter(|(target, it)| it.round_ties_even() == *target)
        .count();
    assert_eq!(*accuracy.last().expect("an epoch"), hits as f64 / 40.0);
    assert!(hits > 10, "{metrics}");
    let refused = place.run(
        &[
            NET,
            CPU,
            &[
                "--data",
                "house-digits:40,20",
                "--task",
                "classify",
                "--loss",
                "mae",
            ],
        ]
        .concat(),
    );
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .stderr
            .contains("--loss is not read with --task classify"),
        "{}",
        refused.stderr
    );
}

#[test]
fn losses_are_compared_by_what_they_have_in_common() {
    let place = Workplace::new();
    shades(&place, price);
    let sweep = [
        "sweep",
        "--data",
        "shades",
        "--loss",
        "mse,mae,huber",
        "--epochs",
        "3",
        "--out",
        "s",
    ];
    let ended = place.run(&[&sweep[..], NET, CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let page = place.text("s/report.html");
    assert!(
        page.contains("loss mae") && page.contains("always the median"),
        "no baseline"
    );
    assert!(!place.path("s/figures/mse.svg").exists());
    // A net that sees nothing is told.
    let ended = train(&place, "blind", &["--epochs", "1", "--lr", "1e-8"]);
    assert!(
        ended.stdout.contains("always the median MAE"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stderr.contains("no better than always the mean"),
        "{}",
        ended.stderr
    );
}
