//! `gpu-train doctor`, restricted to kernels that compile fast; `tests/training/doctor.rs` runs it
//! whole.

use crate::support::{ADAPTER, CPU, Ended, Workplace};

fn doctor(more: &[&str]) -> Ended {
    let place = Workplace::new();
    let ended = place.run(&[&["doctor"], more].concat());
    assert!(place.names().is_empty(), "{:?}", place.names());
    ended
}

#[test]
fn it_prints_what_a_report_needs_and_passes() {
    let of_gpus = ["workgroup memory ", "pipeline cache "];
    assert_passes(ADAPTER, &of_gpus);
    assert_passes(
        CPU,
        &["(processor, native)", "instruction set ", "threads "],
    );
}

fn assert_passes(device: &[&str], of_device: &[&str]) {
    let kernels = ["--kernel", "regression_loss", "--kernel", "sum_partials"];
    let ended = doctor(&[&kernels[..], device].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.stderr, "", "no bar where there is no terminal");
    let always = [
        concat!("gpu-train ", env!("CARGO_PKG_VERSION"), " on "),
        "device ",
        "driver ",
        "all passed",
    ];
    for wanted in always.iter().chain(of_device) {
        assert!(ended.stdout.contains(wanted), "{wanted}: {}", ended.stdout);
    }
    let ok = |line: &&str| line.split_whitespace().nth(4) == Some("ok");
    let lines: Vec<&str> = ended.stdout.lines().filter(ok).collect();
    assert!(lines[0].starts_with("regression_loss ") && lines[1].starts_with("sum_partials "));
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.stdout);
}

#[test]
fn a_broken_kernel_is_named() {
    for device in [ADAPTER, CPU] {
        assert_broken_is_named(device);
    }
}

fn assert_broken_is_named(device: &[&str]) {
    let kernels = ["--kernel", "regression_loss", "--kernel", "sum_partials"];
    let broken = ["--break-kernel", "sum_partials", "--quiet"];
    let ended = doctor(&[&kernels[..], &broken, device].concat());
    assert_eq!(ended.code, 1, "{}", ended.stdout);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stderr);
    assert!(lines[0].starts_with("error: failed on "), "{}", lines[0]);
    assert!(lines[0].ends_with(": kernel sum_partials"), "{}", lines[0]);
    assert!(lines[1].starts_with("hint: "), "{}", lines[1]);
    let failed = ended.stdout.lines().filter(|line| line.contains("FAILED"));
    let failed: Vec<&str> = failed.collect();
    assert!(
        failed.len() == 1 && failed[0].starts_with("sum_partials "),
        "{failed:?}"
    );
    for wanted in [
        "with splits 1, quads 1, batch 1",
        "output[0] is unwritten instead of",
        "open an issue",
    ] {
        assert!(ended.stdout.contains(wanted), "{wanted}: {}", ended.stdout);
    }
}

#[test]
fn a_kernel_or_device_that_is_not_there_is_wrong_usage() {
    for option in ["--kernel", "--break-kernel"] {
        let ended = doctor(&[option, "relu"]);
        assert_eq!(ended.code, 2);
        assert!(
            ended.stderr.contains("no kernel 'relu'"),
            "{}",
            ended.stderr
        );
        assert!(
            ended
                .stderr
                .contains("hint: the kernels are activation_backward, ")
        );
        assert_eq!(ended.stdout, "");
    }
    let ended = doctor(&["--device", "none"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("no device 'none'"),
        "{}",
        ended.stderr
    );
}
