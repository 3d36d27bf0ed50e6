//! Folders of pictures: test sets that are drawn, validation sets of their own, what is kept of them.

use std::fs;

use image::{Rgb, RgbImage};

use crate::pictures::{CROPPED, TINY, column, pets, run, train};
use crate::support::{CPU, Workplace, names};

#[test]
fn a_folder_without_a_test_set_gets_one_that_stays() {
    let place = Workplace::new();
    for number in 0..20_u8 {
        let class = place.path(&format!("all/{}", number % 2));
        fs::create_dir_all(&class).expect("makes");
        let side = 4 + u32::from(number) % 5;
        let picture = RgbImage::from_pixel(side, side, Rgb([number * 12, 7, 9]));
        picture
            .save(class.join(format!("{number:02}.png")))
            .expect("writes");
    }
    let data = ["--data", "all", "--out", "run"];
    let ended = place.run(&[TINY, CPU, &data, &["--image-size", "4"]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("--test-fraction 0.2"),
        "{}",
        ended.stderr
    );
    let drawn = ["--image-size", "4", "--test-fraction", "0.3"];
    train(
        &place,
        "all",
        "run",
        &[&drawn[..], &["--data-seed", "5"]].concat(),
    );
    let recorded = place.text("run/predictions.csv");
    assert_eq!(column(&recorded, "target"), ["0", "0", "0", "1", "1", "1"]);
    assert!(
        place
            .text("run/config.toml")
            .contains("test-fraction = 0.3")
    );
    // The same after it was resumed, and another one by another seed.
    run(&place, &["--resume", "run", "--epochs", "2"], &[]);
    let own = run(&place, &["eval", "run", "--format", "csv"], &[]);
    assert!(
        !own.stderr.contains("is not what the run saw"),
        "{}",
        own.stderr
    );
    train(
        &place,
        "all",
        "same",
        &[&drawn[..], &["--data-seed", "5", "--epochs", "2"]].concat(),
    );
    assert_eq!(
        place.read("same/model.safetensors"),
        place.read("run/model.safetensors")
    );
    train(
        &place,
        "all",
        "other",
        &[&drawn[..], &["--data-seed", "6"]].concat(),
    );
    let environment = |run: &str| place.text(&format!("{run}/environment.toml"));
    let print = |run: &str| {
        let text = environment(run);
        let line = text.lines().find(|it| it.starts_with("test_fingerprint"));
        line.expect("is recorded").to_owned()
    };
    assert_eq!(print("same"), print("run"));
    assert_ne!(print("other"), print("run"));
    let other = place.run(&["--resume", "run", "--test-fraction", "0.4", "--epochs", "3"]);
    assert_eq!(other.code, 2, "{}", other.stderr);
    assert!(
        other.stderr.contains("test-fraction was 0.3"),
        "{}",
        other.stderr
    );
}

#[test]
fn a_validation_folder_is_validated_on() {
    let place = Workplace::new();
    pets(&place);
    let copy = |class: &str, file: &str| {
        let to = place.path(&format!("pets/val/{class}"));
        fs::create_dir_all(&to).expect("makes");
        let from = place.path(&format!("pets/test/{class}/{file}"));
        fs::copy(from, to.join(file)).expect("copies");
    };
    copy("dog", "cmyk.jpg");
    copy("cat", "cmyk.tif");
    let patient = [CROPPED, &["--patience", "3"]].concat();
    train(&place, "pets", "run", &patient);
    let metrics = place.text("run/metrics.csv");
    assert!(
        metrics
            .lines()
            .next()
            .expect("a header")
            .contains("valid_loss"),
        "{metrics}"
    );
    assert!(place.path("run/best.safetensors").is_file());
    run(&place, &["--resume", "run", "--epochs", "2"], &[]);
    let both = [
        TINY,
        CPU,
        &["--data", "pets", "--out", "no"],
        CROPPED,
        &["--valid-fraction", "0.2"],
    ];
    let ended = place.run(&both.concat());
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("have a validation set"),
        "{}",
        ended.stderr
    );
    fs::remove_dir_all(place.path("pets/val")).expect("ours");
    let ended = place.run(&["--resume", "run", "--epochs", "3"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("there is no validation set"),
        "{}",
        ended.stderr
    );
}

#[test]
fn decoded_pictures_are_kept_in_the_cache_folder_alone() {
    let place = Workplace::new();
    pets(&place);
    let before = names(&place.path("pets/train/cat"));
    let kept = || {
        let folder = place.cache().join("pictures");
        if folder.exists() {
            names(&folder)
        } else {
            Vec::new()
        }
    };
    train(&place, "pets", "none", &[CROPPED, &["--no-cache"]].concat());
    assert_eq!(kept(), [""; 0]);
    train(&place, "pets", "first", CROPPED);
    let first = kept();
    assert_eq!(first.len(), 1);
    train(&place, "pets", "second", CROPPED);
    assert_eq!(kept(), first);
    for other in ["none", "second"] {
        let model = format!("{other}/model.safetensors");
        assert_eq!(place.read(&model), place.read("first/model.safetensors"));
    }
    train(
        &place,
        "pets",
        "padded",
        &["--image-size", "12x16", "--fit", "pad"],
    );
    assert_eq!(kept().len(), 2);
    assert_eq!(names(&place.path("pets/train/cat")), before);
}
