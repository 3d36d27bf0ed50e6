//! The scripts of examples/cluster/, with the launchers of clusters in their plainest form.
#![cfg(unix)]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::resume::assert_same;
use crate::support::{BINARY, Workplace, ended, names};

const SMALL: &str = "--data house-digits:64,32 --device cpu --epochs 1 --no-report";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cluster")
}

/// A place where `programs` are found first: a name, and its lines of shell.
fn place_with(programs: &[(&str, &str)]) -> Workplace {
    let place = Workplace::new();
    fs::create_dir(place.path("bin")).expect("is made");
    for (name, lines) in programs {
        let file = place.write(
            &format!("bin/{name}"),
            format!("#!/bin/bash\n{lines}\n").as_bytes(),
        );
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("is ours");
    }
    place
}

/// The example `script` in `place`.
fn script(place: &Workplace, script: &str, arguments: &[&str]) -> Command {
    let mut command = place.command("bash");
    let before = env::var("PATH").expect("is set");
    command.env("PATH", format!("{}:{before}", place.path("bin").display()));
    command.arg(examples().join(script)).args(arguments);
    command
}

fn assert_done(command: &mut Command) {
    let said = ended(command.output().expect("bash is there"));
    assert_eq!(said.code, 0, "{}", said.stderr);
}

fn prepare(place: &Workplace) {
    let sweep = [
        "sweep",
        "--prepare",
        "--out",
        "sweep",
        "--net",
        "mlp",
        "--lr",
        "1e-2,1e-3",
    ];
    let data = ["--data", "house-digits:64,32", "--epochs", "1"];
    let prepared = place.run(&[&sweep[..], &data].concat());
    assert_eq!(
        (prepared.code, &*prepared.stdout),
        (0, "2\n"),
        "{}",
        prepared.stderr
    );
}

fn assert_all_done(place: &Workplace) {
    let summary = place.text("sweep/summary.csv");
    let mut rows = summary.lines().skip(1);
    assert!(rows.all(|row| row.ends_with(",done")), "{summary}");
    assert!(place.path("sweep/report.html").exists());
}

fn real() -> String {
    format!("exec {BINARY} \"$@\"")
}

#[test]
fn scripts_are_scripts() {
    let all = names(&examples());
    let is_script = |name: &&String| Path::new(name).extension().is_some_and(|it| it == "sh");
    let scripts: Vec<&String> = all.iter().filter(is_script).collect();
    assert_eq!(scripts.len(), 4, "{all:?}");
    for name in scripts {
        let checked = Command::new("bash")
            .arg("-n")
            .arg(examples().join(name))
            .status();
        assert!(checked.expect("bash is there").success(), "{name}");
    }
}

#[test]
fn a_slurm_array_trains_a_sweep_and_asks_to_be_queued_again() {
    let place = place_with(&[
        ("srun", "exec \"$@\""),
        ("scontrol", "echo \"$@\" > asked"),
        ("gpu-train", &format!("[ -e stop ] && exit 130\n{}", real())),
    ]);
    prepare(&place);
    let task = |number: &str| {
        let mut task = script(&place, "slurm-sweep.sh", &["sweep"]);
        task.env("SLURM_ARRAY_JOB_ID", "7")
            .env("SLURM_ARRAY_TASK_ID", number);
        assert_done(&mut task);
    };
    place.write("stop", b"");
    task("1");
    assert_eq!(place.text("asked"), "requeue 7_1\n");
    fs::remove_file(place.path("stop")).expect("is there");
    ["0", "1"].into_iter().for_each(task);
    assert_all_done(&place);
}

#[test]
fn a_hyperqueue_array_trains_a_sweep() {
    let hq = "while [ \"$1\" != -- ]; do [ \"$1\" = --array ] && range=$2; shift; done; shift\n\
              for number in $(seq ${range/-/ }); do HQ_TASK_ID=$number \"$@\" || exit 1; done";
    let place = place_with(&[("hq", hq), ("gpu-train", &real())]);
    for _ in 0..2 {
        let options = [
            "sweep",
            "--net",
            "mlp",
            "--lr",
            "1e-2,1e-3",
            "--epochs",
            "1",
        ];
        let data = ["--data", "house-digits:64,32"];
        let arguments = [&options[..], &data].concat();
        assert_done(&mut script(&place, "hyperqueue-sweep.sh", &arguments));
        assert_all_done(&place);
    }
}

/// What a pod of index 0 and one of index 1 run.
#[test]
fn an_indexed_job_of_kubernetes_trains_a_sweep() {
    let place = Workplace::new();
    prepare(&place);
    let text = fs::read_to_string(examples().join("kubernetes-sweep.yaml")).expect("is there");
    assert!(!text.contains('\t'), "YAML knows no tabs");
    let mut lines = text.lines().map(str::trim);
    let command = lines.find_map(|line| line.strip_prefix("command: "));
    // A list in brackets is JSON.
    let command: Vec<String> = serde_json::from_str(command.expect("is there")).expect("is a list");
    assert_eq!(command[0], "gpu-train");
    let arguments = command.iter().map(|it| it.replace("/work/", ""));
    let arguments: Vec<String> = arguments.skip(1).collect();
    for index in ["0", "1"] {
        let mut pod = place.command(BINARY);
        assert_done(pod.args(&arguments).env("JOB_COMPLETION_INDEX", index));
    }
    assert_all_done(&place);
}

/// What the scripts give to mpirun, as a single process.
#[test]
fn scripts_for_mpirun_begin_a_run_and_go_on_with_it() {
    let mpirun = "while [ \"$1\" != gpu-train ]; do shift; done; exec \"$@\"";
    let begin = format!(
        "case \"$*\" in *--resume*) more='--epochs 2';; *) more='{SMALL}';; esac\nexec {BINARY} \"$@\" $more"
    );
    let place = place_with(&[("mpirun", mpirun), ("gpu-train", &begin)]);
    for (name, arguments, run) in [
        ("mpirun.sh", &["hosts", "one"][..], "one"),
        ("slurm-training.sh", &["two"], "two"),
    ] {
        for epochs in 1..=2 {
            assert_done(script(&place, name, arguments).env("SLURM_NTASKS", "4"));
            let metrics = place.text(&format!("{run}/metrics.csv"));
            assert_eq!(metrics.lines().count(), epochs + 1, "{metrics}");
        }
    }
    assert_same(&place, "one", "two");
}
