//! Names of classes: what they become, where they are said and recorded, and when two sets mean the same.

use std::fs;

use image::{Rgb, RgbImage};

use crate::support::{CPU, Ended, Workplace};

/// A net for images of any size, trained in a moment.
const TINY: &[&str] = &[
    "--net",
    "mlp",
    "--dense-hiddens",
    "4",
    "--epochs",
    "1",
    "--task",
    "regress",
];

/// A folder of `classes`, each with two pictures to train on and one to test.
fn folders(place: &Workplace, root: &str, classes: &[&str]) {
    for (class, name) in classes.iter().enumerate() {
        for file in ["train/{}/a.png", "train/{}/b.png", "test/{}/a.png"] {
            let path = place.path(&format!("{root}/{}", file.replace("{}", name)));
            fs::create_dir_all(path.parent().expect("has one")).expect("makes");
            let picture = RgbImage::from_pixel(4, 4, Rgb([class as u8 * 20, 7, 9]));
            picture.save(path).expect("writes");
        }
    }
}

fn train(place: &Workplace, data: &str, out: &str) -> Ended {
    let arguments = [TINY, CPU, &["--data", data, "--out", out]].concat();
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

#[test]
fn names_are_said_and_stand_in_every_file_of_the_run() {
    let place = Workplace::new();
    folders(
        &place,
        "pets",
        &["dog", "a, \"cat\"", "\u{43a}\u{43e}\u{442}"],
    );
    let said = train(&place, "pets", "run").stderr;
    let mapping = "classes: a, \"cat\" -> 0, dog -> 1, \u{43a}\u{43e}\u{442} -> 2";
    assert!(said.contains(mapping), "{said}");
    assert!(said.contains("have no order"), "{said}");
    let config: toml::Table = place.text("run/config.toml").parse().expect("is TOML");
    let names: Vec<&str> = config["classes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it.as_str().expect("text"))
        .collect();
    assert_eq!(names, ["a, \"cat\"", "dog", "\u{43a}\u{43e}\u{442}"]);
    let predictions = place.text("run/predictions.csv");
    let lines: Vec<&str> = predictions.lines().collect();
    assert_eq!(lines[0], "index,target,prediction,class");
    assert!(
        lines[1].starts_with("0,0,") && lines[1].ends_with(",\"a, \"\"cat\"\"\""),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("1,1,") && lines[2].ends_with(",dog"),
        "{lines:?}"
    );
    let report = place.text("run/report.html");
    for text in ["Classes by target", "a, &quot;cat&quot;", "<td>dog</td>"] {
        assert!(report.contains(text), "{text}");
    }
    // The net was hardly trained: all that counts is that name and rounded value belong together.
    let names = ["a, \"cat\"", "dog", "\u{43a}\u{43e}\u{442}"];
    let predict = |format: &str| {
        let ended =
            place.run(&[&["predict", "run", "pets/test", "--format", format], CPU].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    let found: serde_json::Value = serde_json::from_str(&predict("json")).expect("is JSON");
    for it in found.as_array().expect("a list") {
        let rounded = it["rounded"].as_i64().expect("finite");
        let name = usize::try_from(rounded).ok().and_then(|it| names.get(it));
        assert_eq!(it["class"], *name.unwrap_or(&""));
    }
    assert!(predict("csv").starts_with("file,prediction,rounded,class\n"));
    assert!(predict("table").starts_with("prediction  rounded  class"));
    let checkpoint = place.read("run/checkpoint.safetensors");
    assert!(String::from_utf8_lossy(&checkpoint).contains("dog"));

    // A class under another name is another class, though pictures and targets are the same.
    let resume = ["--resume", "run", "--epochs", "2"];
    assert_eq!(place.run(&resume).code, 0);
    for part in ["train", "test"] {
        let path = |name: &str| place.path(&format!("pets/{part}/{name}"));
        fs::rename(path("dog"), path("doh")).expect("renames");
    }
    let ended = place.run(&["--resume", "run", "--epochs", "3"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("classes was"), "{}", ended.stderr);
    // A run of an earlier version knew no names.
    let config = place.text("run/config.toml");
    let old: Vec<&str> = config
        .lines()
        .filter(|it| !it.starts_with("class"))
        .collect();
    place.write("run/config.toml", old.join("\n").as_bytes());
    let ended = place.run(&["--config", "run/config.toml", "--out", "again"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(place.text("again/config.toml").contains("\"doh\""));
}

/// A run whose configuration nobody could read back does not begin. Control characters take six letters
/// of TOML each.
#[cfg(unix)]
#[test]
fn more_names_than_can_be_recorded_are_refused() {
    let place = Workplace::new();
    folders(&place, "many", &["a"]);
    let long = "\u{1}".repeat(240);
    for class in 0..750 {
        for part in ["train", "test"] {
            let name = format!("many/{part}/{class}{long}");
            fs::create_dir(place.path(&name)).expect("makes");
        }
    }
    let ended = place.run(&[TINY, CPU, &["--data", "many", "--out", "run"]].concat());
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("can be read back"),
        "{}",
        ended.stderr
    );
    assert_eq!(place.names(), ["many"]);
}

#[test]
fn numbers_that_become_names_are_said_aloud() {
    let place = Workplace::new();
    let numbers: Vec<String> = (0..12).map(|it| it.to_string()).collect();
    let mut names: Vec<&str> = numbers.iter().map(String::as_str).collect();
    folders(&place, "numbers", &names);
    let said = train(&place, "numbers", "numbers-run").stderr;
    assert!(!said.contains("classes"), "{said}");
    assert!(!place.text("numbers-run/config.toml").contains("classes"));
    let head = place.text("numbers-run/predictions.csv");
    assert!(head.starts_with("index,target,prediction\n"), "{head}");
    names.push("unknown");
    folders(&place, "names", &names);
    let said = train(&place, "names", "names-run").stderr;
    assert!(said.contains("unknown is not a number"), "{said}");
    assert!(said.contains("10 has the target 2"), "{said}");
    assert!(said.contains("1 -> 1, 10 -> 2, 11 -> 3, 2 -> 4"), "{said}");
    assert_eq!(said.matches("is not a number").count(), 1, "{said}");
}

#[test]
fn two_sets_are_matched_by_the_names_of_their_classes() {
    let place = Workplace::new();
    folders(&place, "pets", &["ant", "cat", "dog"]);
    folders(&place, "some", &["cat", "dog"]);
    folders(&place, "more", &["cat", "emu"]);
    train(&place, "pets", "run");
    let eval =
        |data: &[&str]| place.run(&[&["eval", "run", "--format", "csv"], data, CPU].concat());
    let ended = eval(&["--data", "some"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("by name"), "{}", ended.stderr);
    // One image each of what the run calls 1 and 2.
    for (digit, images) in [(0, 0), (1, 1), (2, 1)] {
        let line = format!("images,{digit},,{images}\n");
        assert!(ended.stdout.contains(&line), "{}", ended.stdout);
    }
    let ended = eval(&["--data", "more"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("the class emu"), "{}", ended.stderr);
    let own = eval(&[]);
    assert!(!own.stderr.contains("note:"), "{}", own.stderr);
}
