//! Names and texts in a stranger's files that would be obeyed by a terminal, or never end.

use std::fs;

use image::ImageFormat;
use zip::CompressionMethod;

use crate::support::{CPU, Ended, Workplace};
use crate::writers::{colour, encoded, npy, npz};

/// Colours, moves the cursor, sets the title, turns the writing around, and pretends to be a line.
const STRANGE: &str =
    "x\u{1b}[31m\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}2K\u{202e}\r\nnote: all is well";

/// Expects the exit code, and that nothing which was printed is obeyed by a terminal.
fn is_clean(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{}", ended.stderr);
    for text in [&ended.stdout, &ended.stderr] {
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{text:?}");
        let forged = text.lines().any(|line| line == "note: all is well");
        assert!(!forged, "{text}");
    }
}

/// An uncompressed MATLAB file of numeric arrays of one byte each.
fn mat(names: impl Iterator<Item = String>) -> Vec<u8> {
    let element = |kind: u32, bytes: &[u8]| {
        let padding = vec![0; bytes.len().next_multiple_of(8) - bytes.len()];
        let length = (bytes.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, bytes, &padding].concat()
    };
    let mut file = [b' '; 128];
    file[..19].copy_from_slice(b"MATLAB 5.0 MAT-file");
    file[116..124].fill(0);
    file[124..].copy_from_slice(&[0, 1, b'I', b'M']);
    let mut file = file.to_vec();
    for name in names {
        let array = [
            element(6, &[9, 0, 0, 0, 0, 0, 0, 0]),
            element(5, &[1, 0, 0, 0, 1, 0, 0, 0]),
            element(1, name.as_bytes()),
            element(2, &[7]),
        ];
        file.extend(element(14, &array.concat()));
    }
    file
}

#[test]
fn arrays_columns_and_keys() {
    let place = Workplace::new();
    let strange = || npy("|u1", false, "1,", &[1]);
    let archive = npz(&[(STRANGE, strange())], CompressionMethod::Stored);
    place.write("a.npz", &archive);
    place.write("a.mat", &mat(std::iter::once(STRANGE.to_owned())));
    fs::create_dir_all(place.path("labelled")).expect("makes it");
    place.write(
        "labelled/labels.csv",
        format!("\"{STRANGE}\",b\n1,2\n").as_bytes(),
    );
    let toml = format!("net = 'cnn'\n\"{}\" = 1\n", STRANGE.escape_default());
    place.write("a.toml", toml.replace("\\'", "'").as_bytes());
    place.write("raw.toml", format!("net = '{STRANGE}'\n").as_bytes());
    for arguments in [
        &["--data", "a.npz"][..],
        &["--train", "a.mat", "--test", "a.mat"],
        &["--data", "labelled"],
        &["--config", "a.toml"],
        &["--config", "raw.toml"],
    ] {
        let ended = place.run(&[CPU, arguments].concat());
        assert_ne!(ended.code, 0);
        is_clean(&ended, ended.code);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn files_and_classes() {
    let place = Workplace::new();
    let picture = encoded(&colour(8, 8), ImageFormat::Png);
    for set in ["train", "test"] {
        for class in [STRANGE.replace('\n', "-"), "b".to_owned()] {
            let folder = place.path(&format!("data/{set}/{class}"));
            fs::create_dir_all(&folder).expect("makes it");
            for name in ["1.png", "2.png", "3.png", "4.png"] {
                fs::write(folder.join(name), &picture).expect("writes");
            }
        }
    }
    let train = [
        "--data",
        "data",
        "--net",
        "mlp",
        "--dense-hiddens",
        "2",
        "--epochs",
        "1",
        "--out",
        "run",
    ];
    is_clean(&place.run(&[CPU, &train].concat()), 0);
    let (good, bad) = (format!("{STRANGE}.png"), format!("{STRANGE}.jpg"));
    place.write(&good, &picture);
    place.write(&bad, b"no picture");
    for format in ["table", "csv", "json"] {
        let predict = ["predict", "run", &good, &bad, "--format", format];
        let ended = place.run(&predict);
        is_clean(&ended, 1);
        assert!(
            ended.stdout.contains("note: all is well"),
            "{}",
            ended.stdout
        );
    }
    // The name in JSON is the file's.
    let ended = place.run(&["predict", "run", &good, "--format", "json"]);
    let read: serde_json::Value = serde_json::from_str(&ended.stdout).expect("is JSON");
    assert_eq!(read[0]["file"], *good);
    // A folder of a run by such a name, in tables and reports.
    fs::rename(place.path("run"), place.path(STRANGE)).expect("moves");
    is_clean(&place.run(&["compare", STRANGE, "--out", "compared"]), 0);
    is_clean(&place.run(&["--resume", STRANGE]), 0);
    is_clean(&place.run(&["eval", STRANGE]), 0);
}

#[test]
fn lists_of_names_end() {
    let place = Workplace::new();
    place.write("many.mat", &mat((0..100_000).map(|n| format!("array{n}"))));
    let ended = place.run(&[CPU, &["--train", "many.mat", "--test", "many.mat"]].concat());
    is_clean(&ended, 1);
    assert!(ended.stderr.contains("has no array"), "{}", ended.stderr);
    assert!(ended.stderr.len() < 1000, "{} bytes", ended.stderr.len());
    // A text without end, wherever it comes from.
    place.write(
        "long.toml",
        format!("net = '{}'", "n".repeat(500_000)).as_bytes(),
    );
    let ended = place.run(&["--config", "long.toml"]);
    assert!(ended.stderr.len() < 5000, "{} bytes", ended.stderr.len());
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
}
