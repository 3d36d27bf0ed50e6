use crate::support::{SMALL, Workplace};

/// Expects `code`, every one of `words` on stderr, a hint unless clap refused, and nothing written.
fn refuses(arguments: &[&str], code: i32, words: &[&str]) {
    let place = Workplace::new();
    let ended = place.run(arguments);
    let said = &ended.stderr;
    assert_eq!(ended.code, code, "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: no '{word}' in: {said}");
    }
    let by_clap = said.contains("--help");
    assert!(by_clap || said.contains("hint: "), "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(
        place.names().is_empty(),
        "{arguments:?} left {:?}",
        place.names()
    );
}

#[test]
fn values_that_make_no_sense() {
    for (flag, value) in [
        ("--lr", "0"),
        ("--lr", "-1"),
        ("--lr", "nan"),
        ("--lr", "inf"),
        ("--lr", "fast"),
        ("--epochs", "0"),
        ("--epochs", "-3"),
        ("--batch-size", "0"),
        ("--batch-size", "99999999999999999999"),
        ("--net", "transformer"),
        ("--activation", "gelu"),
        ("--activation", "linear"),
        ("--channels", "16,0"),
        ("--channels", "16,x"),
        ("--strides", "0"),
        ("--kernel-sizes", "3,-3"),
        ("--dense-hiddens", "0"),
        ("--dense-hiddens", "99999999999"),
    ] {
        refuses(&[flag, value], 2, &[flag]);
    }
    for data in ["imagenet", "house-digits:0,5", "house-digits:5"] {
        refuses(&["--data", data], 2, &["house-digits:"]);
    }
}

#[test]
fn lists_of_different_lengths() {
    refuses(
        &["--channels", "4,4", "--kernel-sizes", "3,3,3"],
        2,
        &["--channels has 2 values", "--kernel-sizes has 3"],
    );
    refuses(&["--channels", "none"], 2, &["at least one convolution"]);
    refuses(
        &["--net", "mlp", "--channels", "4"],
        2,
        &["--channels", "mlp"],
    );
}

#[test]
fn layers_that_do_not_fit_are_named_with_their_shapes() {
    let small = ["--data", "house-digits:20,10"];
    let with = |more: &[&'static str]| [&small[..], more].concat();
    refuses(
        &with(&["--channels", "4,4,4", "--kernel-sizes", "5,5,7"]),
        1,
        &["conv layer 3", "7x7", "5x5"],
    );
    refuses(
        &with(&["--channels", "4", "--kernel-sizes", "33"]),
        1,
        &["conv layer 1", "33x33", "32x32"],
    );
    refuses(
        &with(&["--channels", "4,4", "--kernel-sizes", "32,1"]),
        1,
        &["conv layer 1", "max-pooling", "1x1"],
    );
}

#[test]
fn a_net_that_does_not_fit_says_what_is_needed_and_what_there_is() {
    refuses(
        &[
            "--data",
            "house-digits:20,10",
            "--net",
            "mlp",
            "--dense-hiddens",
            "60000",
        ],
        1,
        &["bytes", "this adapter"],
    );
    refuses(
        &["--data", "house-digits:200,10", "--limit-binding", "65536"],
        1,
        &["614400 bytes", "65536"],
    );
}

#[test]
fn files_that_are_missing_or_wrong() {
    refuses(&["--data", "no/such/folder"], 1, &["no/such/folder"]);
    refuses(&["--data", "svhn"], 1, &["svhn"]);
    refuses(
        &["--train", "a.mat"],
        2,
        &["--train and --test belong together"],
    );
    refuses(&["--train", "a.mat", "--test", "b.mat"], 1, &["a.mat"]);
    refuses(&["--train", "a.xyz", "--test", "b.xyz"], 1, &["a.xyz"]);
    refuses(
        &[
            "--data",
            "house-digits:20,10",
            "--init",
            "missing.safetensors",
        ],
        1,
        &["missing.safetensors"],
    );
    refuses(&["--config", "missing.toml"], 1, &["missing.toml"]);
    refuses(
        &["--device", "no-such-gpu"],
        2,
        &["no-such-gpu", "there are: 0 "],
    );
    refuses(&["--device", "17"], 2, &["17"]);
    refuses(&["--resume", "x"], 2, &["--resume"]);
}

#[test]
fn a_folder_that_exists_is_never_written_to() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("taken")).expect("makes");
    let ended = place.run(&[SMALL, &["--out", "taken"]].concat());
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("exists") && ended.stderr.contains("--out"));
    assert_eq!(place.names(), ["taken"]);
    place.write("file", b"x");
    let ended = place.run(&[SMALL, &["--out", "file/below"]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("cannot be written"),
        "{}",
        ended.stderr
    );
}

#[test]
fn weights_of_another_net_are_named() {
    let place = Workplace::new();
    place.train("first", &["--epochs", "1"]);
    let model = ["--init", "first/model.safetensors", "--out", "second"];
    let other = [
        "--data",
        "house-digits:160,40",
        "--channels",
        "4,4,4",
        "--dense-hiddens",
        "9",
    ];
    let ended = place.run(&[&other[..], &model].concat());
    assert_eq!(ended.code, 1);
    for word in ["6.weight is missing", "7.weight is not of this net"] {
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
    let ended = place.run(&[SMALL, &model, &["--dense-hiddens", "9"]].concat());
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("7.weight is [8, 64], not [9, 64]"),
        "{}",
        ended.stderr
    );
    place.write("broken.safetensors", b"not safetensors at all");
    let ended = place.run(&[SMALL, &["--init", "broken.safetensors"]].concat());
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("broken.safetensors"),
        "{}",
        ended.stderr
    );
    assert_eq!(place.names(), ["broken.safetensors", "first"]);
}

#[test]
fn a_diverging_run_stops_with_its_epoch_and_keeps_what_was_written() {
    let place = Workplace::new();
    let ended = place.run(&[SMALL, &["--lr", "1e30", "--out", "run"]].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("epoch 1"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("hint: lower --lr"),
        "{}",
        ended.stderr
    );
    assert!(place.text("run/metrics.csv").starts_with("epoch,"));
}

#[test]
fn no_adapter_says_how_to_get_one() {
    let mut command = assert_cmd::Command::cargo_bin("gpu-train").expect("built");
    // Both names: old and new Vulkan loaders.
    let ended = command
        .env("VK_DRIVER_FILES", "/dev/null")
        .env("VK_ICD_FILENAMES", "/dev/null")
        .args(["--data", "house-digits:20,10"])
        .output()
        .expect("starts");
    if cfg!(target_os = "linux") {
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("no GPU adapter found"), "{said}");
        assert!(said.contains("apt-get install"), "{said}");
    }
}
