//! What computes: which device is taken where none is named, and all that runs on the processor.

use std::fs;

use gpu_train::gpu::adapters;

use crate::resume::{DATA, NETS, assert_same};
use crate::support::{ADAPTER, CPU, Ended, SMALL, Workplace, ended, names};

/// The line of standard error that says what a run is computed with.
fn device_line(ended: &Ended) -> &str {
    let line = ended.stderr.lines().find(|line| line.starts_with("on "));
    line.unwrap_or_else(|| panic!("no device in: {}", ended.stderr))
}

#[test]
fn devices_lists_every_adapter_and_the_processor() {
    let listed = Workplace::new().run(&["devices"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let lines: Vec<&str> = listed.stdout.lines().collect();
    for (adapter, lines) in adapters().iter().zip(lines.chunks(2)) {
        let start = format!("{}    {} (", adapter.index, adapter.name);
        assert!(lines[0].starts_with(&start), "{}", listed.stdout);
        assert!(lines[1].contains("binding up to"), "{}", listed.stdout);
    }
    let [.., name, threads] = lines[..] else {
        panic!("the processor has two lines: {}", listed.stdout);
    };
    assert!(name.starts_with("cpu  "), "{}", listed.stdout);
    assert!(name.contains("(processor, gemm "), "{}", listed.stdout);
    assert!(
        threads.trim_end().ends_with(" threads"),
        "{}",
        listed.stdout
    );
}

/// A GPU where there is one, else the processor: an adapter that is software has to be named.
#[test]
fn without_a_device_a_gpu_is_taken_and_else_the_processor() {
    let place = Workplace::new();
    let unnamed = place.train("unnamed", &["--epochs", "1"]);
    let line = device_line(&unnamed);
    if let Some(gpu) = adapters().into_iter().find(|it| !it.is_software()) {
        assert!(line.starts_with(&format!("on {} (", gpu.name)), "{line}");
    } else {
        assert!(line.starts_with("on the processor ("), "{line}");
        assert!(line.ends_with("): no GPU found"), "{line}");
    }
    let named = place.train("named", &[CPU, &["--epochs", "1"]].concat());
    let line = device_line(&named);
    assert!(line.starts_with("on the processor ("), "{line}");
    assert!(line.ends_with(')'), "nothing was looked for: {line}");
    let adapter = place.train("adapter", &[ADAPTER, &["--epochs", "1"]].concat());
    let said = adapter.stderr.contains("--device cpu is many times faster");
    assert_eq!(said, adapters()[0].is_software(), "{}", adapter.stderr);
    let quiet = place.train("quiet", &["--epochs", "1", "--quiet"]);
    assert_eq!(quiet.stderr, "");
    let recorded = place.text("named/environment.toml");
    assert!(recorded.contains("backend = \"native\""), "{recorded}");
}

/// Nothing but a Vulkan loader that finds nothing: what a machine without any driver is like.
#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_any_adapter_trains_on_the_processor() {
    let place = Workplace::new();
    let mut command = place.command(crate::support::BINARY);
    // Both names: old and new Vulkan loaders.
    command
        .env("VK_DRIVER_FILES", "/dev/null")
        .env("VK_ICD_FILENAMES", "/dev/null")
        .args(SMALL)
        .args(["--out", "run"]);
    let ended = ended(command.output().expect("starts"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(device_line(&ended).ends_with("no GPU found"));
    place.train("named", CPU);
    assert_same(&place, "run", "named");
}

#[test]
fn threads_change_no_bit_of_a_run() {
    let place = Workplace::new();
    for (threads, said) in [
        ("1", "(1 thread)"),
        ("2", "(2 threads)"),
        ("5", "(5 threads)"),
    ] {
        let mut command = place.command(crate::support::BINARY);
        command.env("RAYON_NUM_THREADS", threads);
        command.args(SMALL).args(CPU).args(["--out", threads]);
        let ended = ended(command.output().expect("starts"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(device_line(&ended).contains(said), "{}", ended.stderr);
        assert_same(&place, "1", threads);
    }
}

#[test]
fn a_run_on_the_processor_goes_on_there_bit_for_bit() {
    let place = Workplace::new();
    for net in NETS {
        let run = |more: &[&str]| {
            let ended = place.run(&[net, &DATA, CPU, more].concat());
            assert_eq!(ended.code, 0, "{}", ended.stderr);
        };
        run(&["--epochs", "4", "--out", "long"]);
        run(&["--epochs", "2", "--out", "short"]);
        let config = place.text("short/config.toml");
        assert!(config.contains("device = \"cpu\""), "{config}");
        let ended = place.run(&["--resume", "short", "--epochs", "4"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(device_line(&ended).starts_with("on the processor ("));
        assert_same(&place, "long", "short");
        for run in ["long", "short"] {
            fs::remove_dir_all(place.path(run)).expect("removes");
        }
    }
}

/// `mae` of the test set, as `eval` prints it.
fn test_mae(place: &Workplace, device: &[&str]) -> f64 {
    let ended = place.run(&[&["eval", "run", "--format", "csv"], device].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut lines = ended.stdout.lines();
    let line = lines.find_map(|it| it.strip_prefix("mae,,,"));
    line.expect("is there").parse().expect("a number")
}

/// What `metrics.csv` says of it last.
fn recorded_mae(place: &Workplace) -> String {
    let metrics = place.text("run/metrics.csv");
    let last = metrics.lines().last().and_then(|it| it.split(',').nth(4));
    last.expect("is there").to_owned()
}

/// An adapter computes by shards where it is asked to, and so the run goes on and is evaluated.
#[test]
fn a_run_by_shards_is_one_for_good() {
    let place = Workplace::new();
    let shards: &[&str] = &["--shards", "8"];
    place.train("long", &[ADAPTER, shards, &["--epochs", "2"]].concat());
    place.train("run", &[ADAPTER, shards, &["--epochs", "1"]].concat());
    place.train("whole", &[ADAPTER, &["--epochs", "1"]].concat());
    let recorded = |run: &str| place.text(&format!("{run}/config.toml"));
    assert!(recorded("run").contains("\nshards = 8\n"));
    assert!(recorded("whole").contains("\nshards = 1\n"));
    for (run, shards) in [("run", "1"), ("whole", "8")] {
        let arguments = ["--resume", run, "--epochs", "2", "--shards", shards];
        let refused = place.run(&arguments);
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("shards was "), "{}", refused.stderr);
    }
    assert_eq!(recorded_mae(&place), test_mae(&place, &[]).to_string());
    let resumed = place.run(&["--resume", "run", "--epochs", "2"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_same(&place, "long", "run");
    let timed = place.run(&["--config", "long/config.toml", "--dry-run", "--profile"]);
    assert_eq!(timed.code, 0, "{}", timed.stderr);
    // What an adapter did says nothing of the processor.
    let moved = place.run(&[
        "--config",
        "whole/config.toml",
        "--device",
        "cpu",
        "--out",
        "moved",
    ]);
    assert_eq!(moved.code, 0, "{}", moved.stderr);
    assert!(!recorded("moved").contains("shards"));
}

#[test]
fn shards_that_there_are_not_are_refused() {
    let place = Workplace::new();
    for (device, shards, says) in [
        (ADAPTER, "4", "--shards 4 is neither 1 nor 8"),
        (ADAPTER, "0", "--shards 0 is neither 1 nor 8"),
        (CPU, "1", "--shards 1 is for adapters"),
        (CPU, "16", "--shards 16 is neither"),
    ] {
        let refused = place.run(&[SMALL, device, &["--shards", shards]].concat());
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    }
    let eight: &[&str] = &["--shards", "8"];
    place.train("asked", &[CPU, eight].concat());
    place.train("plain", CPU);
    assert_same(&place, "asked", "plain");
}

/// A single process takes the first of them.
#[test]
fn several_devices_may_be_named() {
    let place = Workplace::new();
    let name = &adapters()[0].name;
    let listed = place.train("run", &["--device", "0,0"]);
    assert!(device_line(&listed).starts_with(&format!("on {name} (")));
    let refused = place.run(&[SMALL, &["--device", "99,0"]].concat());
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("no device '99'"),
        "{}",
        refused.stderr
    );
}

/// Other bits, and the same net.
#[test]
fn what_the_processor_trained_is_evaluated_on_an_adapter_too() {
    let place = Workplace::new();
    place.train("run", CPU);
    let mae = |device: &[&str]| test_mae(&place, device);
    // Without a device the run's own, whose evaluation it is to the last digit.
    assert_eq!(mae(&[]), mae(CPU));
    assert_eq!(recorded_mae(&place), mae(CPU).to_string());
    let apart = (mae(CPU) - mae(ADAPTER)).abs();
    assert!(apart <= 1e-5 * mae(CPU), "{apart:e}");
}

#[test]
fn every_command_runs_on_the_processor() {
    let place = Workplace::new();
    let run = |arguments: &[&str]| {
        let ended = place.run(&[arguments, CPU].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        ended
    };
    run(&[SMALL, &["--out", "run"]].concat());
    let picture = image::RgbImage::from_fn(32, 32, |x, y| image::Rgb([x as u8, y as u8, 9]));
    picture.save(place.path("picture.png")).expect("writes");
    let predicted = run(&["predict", "run", "picture.png", "--format", "csv"]);
    assert!(
        predicted.stdout.contains("\npicture.png,"),
        "{}",
        predicted.stdout
    );
    run(&["export", "run", "--format", "onnx", "--out", "net.onnx"]);
    let small = [
        "--net",
        "mlp",
        "--dense-hiddens",
        "8",
        "--data",
        "house-digits:64,16",
    ];
    run(&[&small[..], &["--find-lr", "--out", "found"]].concat());
    assert!(names(&place.path("found")).contains(&"find-lr.csv".to_owned()));
    let sweep = ["sweep", "--seed", "0,1", "--epochs", "1", "--out", "sweep"];
    run(&[&sweep[..], &small].concat());
    let summary = place.text("sweep/summary.csv");
    assert_eq!(summary.matches(",done").count(), 2, "{summary}");
    let estimated = run(&[SMALL, &["--dry-run", "--estimate"]].concat());
    assert!(estimated.stdout.contains("per epoch of training"));
}
