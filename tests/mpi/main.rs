//! Trainings that MPI shares among processes: `make test-mpi`. What ranks compute is tested without MPI in
//! tests/training/ranks.rs and shards.rs.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use gpu_train::run::{Checkpoint, DataRecord, RunConfig, RunFolder};
use gpu_train::train::{EpochMetrics, TrainState};
use tempfile::{TempDir, tempdir};

/// Within which a job is over once a rank is gone.
const SOON: Duration = Duration::from_secs(5);

/// Small, and of a ragged last batch.
const SMALL: [&str; 9] = [
    "--device",
    "cpu",
    "--data",
    "house-digits:200,50",
    "--batch-size",
    "48",
    "--no-report",
    "--no-progress",
    "--epochs",
];

/// One job at a time: they are watched by the clock.
static TURN: Mutex<()> = Mutex::new(());

fn place() -> (TempDir, MutexGuard<'static, ()>) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (tempdir().expect("a temporary folder"), turn)
}

/// `gpu-train`, as `count` ranks.
fn ranks(count: usize, folder: &Path) -> Command {
    let mut command = Command::new("mpirun");
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1");
    command.env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command.args(["--oversubscribe", "-n", &count.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_gpu-train"));
    command.current_dir(folder);
    // Where mpirun keeps what its processes share.
    command.env("TMPDIR", folder);
    command
}

fn alone(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu-train"));
    command.current_dir(folder);
    command
}

fn done(command: &mut Command) -> Output {
    let output = command
        .output()
        .expect("starts; `make mpi` installs mpirun");
    assert!(output.status.success(), "{}", words(&output));
    output
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `metrics.csv` without the columns that tell times.
fn metrics(run: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(run.join("metrics.csv")).expect("is there");
    let rows = text.lines().map(|it| it.split(',').map(str::to_owned));
    let rows: Vec<Vec<String>> = rows.map(Iterator::collect).collect();
    let timeless =
        |column: &usize| !["seconds", "samples_per_second"].contains(&&*rows[0][*column]);
    let columns: Vec<usize> = (0..rows[0].len()).filter(timeless).collect();
    let keep = |row: &Vec<String>| columns.iter().map(|it| row[*it].clone()).collect();
    rows.iter().map(keep).collect()
}

/// The checkpoint of a run, all of it but times.
fn checkpoint(run: &Path) -> (TrainState, Vec<EpochMetrics>, RunConfig, DataRecord) {
    let read = Checkpoint::read(&RunFolder::checkpoint_of(run)).expect("is one");
    let timeless = |epoch: &EpochMetrics| EpochMetrics {
        seconds: 0.0,
        samples_per_second: 0.0,
        ..epoch.clone()
    };
    let logs = read.logs.iter().map(timeless).collect();
    (read.state, logs, read.config, read.data)
}

fn assert_same_run(one: &Path, other: &Path) {
    assert_eq!(metrics(one), metrics(other));
    // No value of it is a NaN, which would differ from itself.
    assert!(checkpoint(one) == checkpoint(other), "checkpoint");
    for file in ["model.safetensors", "predictions.csv"] {
        let [one, other] = [one, other].map(|it| fs::read(it.join(file)).expect("is there"));
        assert!(one == other, "{file}");
    }
}

#[test]
fn ranks_come_to_the_bits_of_one_process_and_one_of_them_speaks() {
    for net in [
        &["--net", "mlp"][..],
        &["--net", "cnn", "--clip-grad-norm", "1"],
        &[
            "--net",
            "resnet",
            "--channels",
            "8,16",
            "--optimizer",
            "sgd",
            "--lr-schedule",
            "cosine",
        ],
        &[
            "--net",
            "mlp",
            "--batch-size",
            "5",
            "--valid-fraction",
            "0.2",
            "--evaluate-train",
        ],
        // What is drawn does not know of ranks.
        &[
            "--net",
            "cnn",
            "--batch-norm",
            "--dropout",
            "0.3",
            "--normalize",
            "--augment",
            "flip,translate=3,rotate=10,brightness=0.2",
        ],
    ] {
        let (place, _turn) = place();
        let folder = place.path();
        let say = |command: &mut Command, out: &str| {
            done(command.args(SMALL).arg("2").args(net).args(["--out", out]))
        };
        let plain = say(&mut alone(folder), "one");
        for count in [1, 2, 4] {
            let out = format!("{count}");
            let said = say(&mut ranks(count, folder), &out);
            assert_same_run(&folder.join("one"), &folder.join(&out));
            let lines = |it: &Output| String::from_utf8_lossy(&it.stdout).lines().count();
            assert_eq!(lines(&said), lines(&plain));
        }
    }
}

#[test]
fn a_run_goes_on_with_another_number_of_ranks() {
    let (place, _turn) = place();
    let folder = place.path();
    done(alone(folder).args(SMALL).args(["3", "--out", "whole"]));
    done(ranks(2, folder).args(SMALL).args(["1", "--out", "run"]));
    done(ranks(4, folder).args(["--resume", "run", "--epochs", "2"]));
    done(alone(folder).args(["--resume", "run", "--epochs", "3"]));
    assert_same_run(&folder.join("whole"), &folder.join("run"));
}

/// On adapters, here one that all ranks take, a process comes to the same bits by shards; a run that it computed without
/// is none for ranks.
#[test]
fn ranks_on_adapters_come_to_the_bits_of_one_by_shards() {
    let (place, _turn) = place();
    let folder = place.path();
    for (net, more) in [
        ("mlp", &["--dense-hiddens", "9,7"][..]),
        ("resnet", &["--channels", "5", "--clip-grad-norm", "1"]),
    ] {
        let tiny = "--device 0 --data house-digits:60,20 --batch-size 24 --no-report --no-progress";
        let train = |mut command: Command, epochs: &str, out: &str| {
            let command = command
                .args(tiny.split(' '))
                .args(["--net", net])
                .args(more);
            done(command.args(["--epochs", epochs, "--out", &format!("{net}-{out}")]));
        };
        let mut by_shards = alone(folder);
        by_shards.args(["--shards", "8"]);
        train(by_shards, "2", "one");
        train(ranks(1, folder), "2", "single");
        train(ranks(2, folder), "2", "two");
        train(ranks(4, folder), "1", "four");
        let run = |out: &str| folder.join(format!("{net}-{out}"));
        assert_same_run(&run("one"), &run("single"));
        assert_same_run(&run("one"), &run("two"));
        let resume = |mut command: Command, out: &str| {
            command
                .arg("--resume")
                .arg(run(out))
                .args(["--epochs", "2"]);
            command
        };
        done(&mut resume(alone(folder), "four"));
        assert_same_run(&run("one"), &run("four"));
        train(alone(folder), "1", "whole");
        let refused = resume(ranks(2, folder), "whole").output().expect("starts");
        assert!(!refused.status.success());
        let words = words(&refused);
        assert!(words.contains("by its shards"), "{words}");
        assert!(words.contains("goes on as a single process"), "{words}");
    }
}

#[test]
fn ranks_that_are_not_alike_are_refused_before_the_first_step() {
    let (place, _turn) = place();
    let folder = place.path();
    let wrong = |command: &mut Command, word: &str| {
        let output = command.output().expect("starts");
        assert!(!output.status.success());
        let words = words(&output);
        assert_eq!(words.matches("error:").count(), 1, "{words}");
        assert!(words.contains(word), "{words}");
        assert!(!folder.join("run").exists());
    };
    let other = ["1", "--out", "run", "--lr"];
    let mut unlike = ranks(1, folder);
    unlike
        .args(SMALL)
        .args(other)
        .arg("0.5")
        .args([":", "-n", "1"]);
    unlike
        .arg(env!("CARGO_BIN_EXE_gpu-train"))
        .args(SMALL)
        .args(other)
        .arg("0.25");
    wrong(&mut unlike, "the configuration of rank 1 on ");
    let run = ["1", "--out", "run"];
    wrong(
        ranks(3, folder).args(SMALL).args(run),
        "3 ranks do not share",
    );
    wrong(
        ranks(2, folder).args(SMALL).args(run).args(["--lr", "-1"]),
        "--lr",
    );
    wrong(
        ranks(2, folder).args(["sweep", "--lr", "1,2"]),
        "share a training alone",
    );
    wrong(
        ranks(2, folder).args(SMALL).args(run).arg("--dry-run"),
        "--dry-run",
    );
}

/// The processes of the ranks that train into `out`.
fn processes(out: &str) -> Vec<u32> {
    let found = fs::read_dir("/proc").expect("is there").flatten();
    let found = found.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok());
    let is_rank = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let line: Vec<&[u8]> = line.split(|it| *it == 0).collect();
        line.contains(&out.as_bytes()) && line[0].ends_with(b"gpu-train")
    };
    found.filter(is_rank).collect()
}

/// A job of `count` ranks that would train for long, once its folder is there.
fn long_job(count: usize, folder: &Path, more: &[&str]) -> (Child, Vec<u32>) {
    let out = folder.join("run");
    let out = out.to_str().expect("is UTF-8");
    let mut job = ranks(count, folder);
    job.args(SMALL).args(["5000", "--out", out]).args(more);
    job.stdout(Stdio::null()).stderr(Stdio::piped());
    let job = job.spawn().expect("starts; `make mpi` installs mpirun");
    let start = Instant::now();
    while !folder.join("run/checkpoint.safetensors").exists() {
        assert!(start.elapsed() < Duration::from_mins(1), "begins");
        thread::sleep(Duration::from_millis(10));
    }
    let processes = processes(out);
    assert_eq!(processes.len(), count);
    (job, processes)
}

fn signal(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.expect("there is kill").success());
}

/// Waits for the end of `job`, no longer than `most`; what it said on the way.
fn ended(mut job: Child, most: Duration) -> String {
    let start = Instant::now();
    while job.try_wait().expect("is a child").is_none() {
        if start.elapsed() > most {
            job.kill().expect("is a child");
            panic!("the job goes on {most:?} later");
        }
        thread::sleep(Duration::from_millis(20));
    }
    words(&job.wait_with_output().expect("is a child"))
}

#[test]
fn a_rank_that_is_killed_ends_the_job_and_the_run_can_go_on() {
    for (count, victim, moment) in [(2, 0, 300), (2, 1, 0), (4, 2, 900)] {
        let (place, _turn) = place();
        let folder = place.path();
        let (job, processes) = long_job(count, folder, &[]);
        thread::sleep(Duration::from_millis(moment));
        signal("-9", processes[victim]);
        ended(job, SOON);
        assert!(self::processes(folder.join("run").to_str().expect("is UTF-8")).is_empty());
        let text = fs::read_to_string(folder.join("run/metrics.csv")).expect("is there");
        // A header and a line per epoch.
        let epochs = (text.lines().count() + 1).to_string();
        done(ranks(6 - count, folder).args(["--resume", "run", "--epochs", &epochs]));
        done(alone(folder).args(SMALL).args([&epochs, "--out", "whole"]));
        assert_same_run(&folder.join("whole"), &folder.join("run"));
    }
}

#[test]
fn a_rank_that_stands_still_is_named_when_the_time_is_over() {
    let (place, _turn) = place();
    let (job, processes) = long_job(2, place.path(), &["--mpi-timeout", "1"]);
    let is_second = |it: &&u32| {
        let environment = fs::read(format!("/proc/{it}/environ")).expect("is ours");
        let mut lines = environment.split(|byte| *byte == 0);
        lines.any(|line| line == b"OMPI_COMM_WORLD_RANK=1")
    };
    let second = processes.iter().find(is_second).expect("there are two");
    signal("-STOP", *second);
    let words = ended(job, SOON);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").expect("is there");
    let silent = format!("rank 1 on {} did not answer for 1 s", host.trim());
    assert!(words.contains(&silent), "{words}");
}

/// All ranks end after the same step, whichever of them was asked to, and the run is saved.
#[test]
fn a_rank_that_is_asked_to_stop_stops_all() {
    let (place, _turn) = place();
    let folder = place.path();
    let (job, processes) = long_job(2, folder, &[]);
    thread::sleep(Duration::from_millis(300));
    signal("-TERM", processes[1]);
    let words = ended(job, SOON);
    assert_eq!(words.matches("stopped:").count(), 1, "{words}");
    assert!(words.contains("the run is saved"), "{words}");
}
