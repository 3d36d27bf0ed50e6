use std::process::Command;

use safetensors::SafeTensors;

use crate::support::{ADAPTER, BINARY, SMALL, Workplace};

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
        ("--lr", "1e-60"),
        ("--lr", "1e39"),
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
            "600",
            "--limit-binding",
            "65536",
        ],
        1,
        &["bytes", "65536"],
    );
    refuses(
        &["--data", "house-digits:200,10", "--limit-binding", "65536"],
        1,
        &["614400 bytes", "65536"],
    );
}

/// A dry run refuses what a run refuses: here the test set's larger batches, which only an
/// evaluation sees.
#[test]
fn every_program_is_checked_by_dry_runs_too() {
    let net = [
        "--data",
        "house-digits:8,256",
        "--channels",
        "16",
        "--dense-hiddens",
        "none",
    ];
    // What the processor's threads have for themselves holds a part of a batch, and would fit.
    let limit = ["--limit-binding", "1000000", "--device", "0"];
    for dry_run in [&["--dry-run"][..], &[]] {
        let place = Workplace::new();
        let ended = place.run(&[&net[..], &limit, dry_run].concat());
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("can bind 1000000"),
            "{}",
            ended.stderr
        );
        assert!(place.names().is_empty());
    }
    let small_batches = ["--batch-size", "8", "--dry-run"];
    let ended = Workplace::new().run(&[&net[..], &limit, &small_batches].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

/// Devices and pipes may never end; a configuration or weights of gigabytes are none.
#[cfg(unix)]
#[test]
fn files_that_are_no_files_or_far_too_large_are_not_read() {
    let data = ["--data", "house-digits:20,10"];
    let with = |more: &[&'static str]| [&data[..], more].concat();
    refuses(
        &with(&["--config", "/dev/zero"]),
        1,
        &["/dev/zero", "not a regular file"],
    );
    refuses(
        &with(&["--init", "/dev/zero"]),
        1,
        &["/dev/zero", "not a regular file"],
    );
    let place = Workplace::new();
    for (name, bytes) in [("config.toml", 2 << 20), ("huge.safetensors", 1_u64 << 34)] {
        let file = std::fs::File::create(place.path(name)).expect("creates");
        file.set_len(bytes).expect("takes no room");
    }
    for flags in [["--config", "config.toml"], ["--init", "huge.safetensors"]] {
        let ended = place.run(&[SMALL, &flags].concat());
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains("is larger than"), "{}", ended.stderr);
    }
    assert_eq!(place.names(), ["config.toml", "huge.safetensors"]);
}

/// What cannot be written into config.toml, which is UTF-8.
#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_no_text_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let odd = OsStr::from_bytes(b"odd\xff.safetensors");
    let place = Workplace::new();
    place.train("first", &["--epochs", "1"]);
    std::fs::copy(
        place.path("first/model.safetensors"),
        place.path("").join(odd),
    )
    .expect("copies");
    let small = SMALL.iter().map(OsStr::new);
    let arguments: Vec<&OsStr> = small.chain([OsStr::new("--init"), odd]).collect();
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("is not a UTF-8 path"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("hint: give the file"),
        "{}",
        ended.stderr
    );
    let files = ["--train", "a.mat", "--test"].map(OsStr::new);
    let ended = place.run(&[&files[..], &[odd]].concat());
    assert!(
        ended.stderr.contains("is not a UTF-8 path"),
        "{}",
        ended.stderr
    );
    assert!(!place.path("runs").exists());
}

/// Folders that cannot be made, or in which nothing can be written, leave nothing behind.
#[cfg(target_os = "linux")]
#[test]
fn a_run_folder_that_cannot_be_written_is_not_left_behind() {
    let place = Workplace::new();
    let name_too_long = format!("new/{}/run", "x".repeat(300));
    // A path of just under 4,096 bytes, the most of Linux: its folders can be made, its files not.
    let path_too_long = format!("{}run", format!("{}/", "x".repeat(99)).repeat(40));
    let rest = 4080 - path_too_long.len();
    let path_too_long = format!("{path_too_long}{}", "y".repeat(rest));
    for out in [name_too_long, path_too_long] {
        let ended = place.run(&[SMALL, &["--out", &out]].concat());
        assert_eq!(ended.code, 1, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("cannot be written"),
            "{}",
            ended.stderr
        );
        assert!(place.names().is_empty(), "{:?}", place.names());
    }
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
        &[
            "missing.safetensors",
            "hint: --init takes a .safetensors file",
        ],
    );
    refuses(&["--config", "missing.toml"], 1, &["missing.toml"]);
    refuses(
        &["--device", "no-such-gpu"],
        2,
        &["no-such-gpu", "there are: 0 "],
    );
    // llvmpipe has "256" in its name; digits are a number all the same.
    for number in ["17", "256"] {
        refuses(&["--device", number], 2, &[number, "there are: 0 "]);
    }
    refuses(&["--resume", "x"], 1, &["x: is not a run folder"]);
}

#[test]
fn a_folder_that_exists_is_never_written_to() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("taken")).expect("makes");
    place.write("taken/mine", b"x");
    for command in [&[][..], &["sweep"]] {
        let ended = place.run(&[command, SMALL, &["--out", "taken"]].concat());
        assert_eq!(ended.code, 1, "{command:?}");
        assert!(ended.stderr.contains("exists") && ended.stderr.contains("--out"));
    }
    assert_eq!(place.names(), ["taken"]);
    assert_eq!(crate::support::names(&place.path("taken")), ["mine"]);
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
    assert!(ended.stderr.contains("conv layer"), "{}", ended.stderr);
    assert!(place.text("run/metrics.csv").starts_with("epoch,"));
}

/// One step an epoch: only the evaluation, or the weights themselves, show what it did.
#[test]
fn weights_that_the_last_step_ruined_give_way_to_those_before() {
    let place = Workplace::new();
    let arguments = [
        "--data",
        "house-digits:16,16",
        "--net",
        "mlp",
        "--dense-hiddens",
        "8",
        "--lr",
        "1e38",
        "--epochs",
        "1",
        "--out",
        "run",
    ];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("epoch 1"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("hint: lower --lr"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("the update of"), "{}", ended.stderr);
    assert_eq!(place.text("run/metrics.csv").lines().count(), 1);
    // The weights before that step.
    let model = place.read("run/model.safetensors");
    let model = SafeTensors::deserialize(&model).expect("a model");
    for (name, tensor) in model.tensors() {
        let floats = bytemuck::pod_collect_to_vec::<u8, f32>(tensor.data());
        assert!(floats.iter().all(|it| it.abs() < 1.0), "{name}");
    }
}

/// Other systems always have an adapter: nothing tells them to hide it.
#[cfg(target_os = "linux")]
#[test]
fn no_adapter_says_how_to_get_one() {
    // Both names: old and new Vulkan loaders.
    let ended = Command::new(BINARY)
        .env("VK_DRIVER_FILES", "/dev/null")
        .env("VK_ICD_FILENAMES", "/dev/null")
        .args(["--data", "house-digits:20,10"])
        .args(ADAPTER)
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("no GPU adapter found"), "{said}");
    assert!(said.contains("apt-get install"), "{said}");
}
