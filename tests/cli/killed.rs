//! Runs that are stopped, killed, or find their disk full. They go on to the same bits, and never
//! lose more than what came after their last checkpoint.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use gpu_train::gpu::adapters;

use crate::resume::{DATA, NETS, assert_same, straight};
use crate::support::{ADAPTER, BINARY, CPU, Ended, Workplace, ended};

pub fn send(signal: &str, child: &Child) {
    let pid = child.id().to_string();
    // It may have ended in the meantime.
    let _ = Command::new("kill")
        .args([signal, &pid])
        .stderr(Stdio::null())
        .status();
}

pub fn spawn(place: &Workplace, arguments: &[&str]) -> Child {
    let mut command = place.command(BINARY);
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("starts")
}

/// Reads what the child prints until it has finished `epoch`.
pub fn wait_for_epoch(child: &mut Child, epoch: usize) {
    let lines = BufReader::new(child.stdout.as_mut().expect("is piped")).lines();
    let ended = format!("{epoch}/");
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line.trim_start().starts_with(&ended)));
}

/// Images of a run that a signal is to reach before it ends. Software Vulkan is some ten times slower than others.
pub fn images(device: &[&str]) -> &'static str {
    if device == ADAPTER && adapters()[0].is_software() {
        "house-digits:160,32"
    } else {
        "house-digits:1280,160"
    }
}

/// More epochs than anybody waits for.
const ENDLESS: &str = "100000";

/// Starts the binary and sends `signal` when it has finished `epoch`; what it exits with and says.
fn signalled(
    place: &Workplace,
    arguments: &[&str],
    epoch: usize,
    signal: &str,
) -> (Option<i32>, String) {
    let mut child = spawn(place, arguments);
    wait_for_epoch(&mut child, epoch);
    send(signal, &child);
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), said)
}

/// The promise itself: stopped after the first epoch, killed after the twelfth. A machine may be fast,
/// and a signal take its time: there are as many epochs again before the next one, or the end.
#[test]
fn a_run_that_is_stopped_and_killed_ends_with_the_same_bits() {
    let place = Workplace::new();
    for (net, device) in [(NETS[0], CPU), (NETS[1], CPU), (NETS[1], ADAPTER)] {
        let more = ["--data", images(device), "--epochs", "24"];
        let net = [net, &DATA, &more, device].concat();
        let whole = place.run(&[&net[..], &["--out", "straight"]].concat());
        assert_eq!(whole.code, 0, "{}", whole.stderr);
        let begin = [&net[..], &["--out", "broken"]].concat();
        let (code, said) = signalled(&place, &begin, 1, "-INT");
        assert_eq!(code, Some(130), "{said}");
        assert!(said.contains("stopped: after"), "{said}");
        assert!(
            said.contains("hint: `gpu-train --resume broken` goes on"),
            "{said}"
        );
        assert!(!place.path("broken/model.safetensors").exists());
        let (code, said) = signalled(&place, &["--resume", "broken"], 12, "-KILL");
        assert_eq!(code, None, "{said}");
        let ended = place.run(&["--resume", "broken"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_same(&place, "straight", "broken");
        for run in ["straight", "broken"] {
            fs::remove_dir_all(place.path(run)).expect("removes");
        }
    }
}

#[test]
fn sigterm_saves_too() {
    let place = Workplace::new();
    let run = [NETS[0], &DATA, &["--epochs", ENDLESS, "--out", "run"]].concat();
    let (code, said) = signalled(&place, &run, 1, "-TERM");
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("stopped: after"), "{said}");
}

/// In steps of a second or two on software Vulkan; the run can be resumed all the same.
#[test]
fn a_second_signal_ends_the_process_at_once() {
    let place = Workplace::new();
    let slow = ["--batch-size", "512", "--epochs", "9", "--out", "run"];
    let slow = [
        &["--data", "house-digits:1024,16", "--channels", "16,16"],
        &slow[..],
        ADAPTER,
    ]
    .concat();
    let mut child = spawn(&place, &slow);
    let run = place.path("run");
    while !run.exists() {
        let ended = child.try_wait().expect("can be asked");
        assert_eq!(ended, None, "it ended before its folder was there");
        thread::sleep(Duration::from_millis(5));
    }
    send("-INT", &child);
    thread::sleep(Duration::from_millis(600));
    send("-INT", &child);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(run.join("checkpoint.safetensors").exists());
    let resumed = place.run(&["--resume", "run", "--epochs", "1"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
}

/// How many kills, and how far apart at most: as long as a process takes from its start to its end.
const KILLS: usize = 200;

/// Kills a short run at random moments, over and over, until it is through; then the next run.
#[test]
fn two_hundred_kills_lose_nothing() {
    let place = Workplace::new();
    let net = [NETS[0], CPU].concat();
    let start = Instant::now();
    straight(&place, &net, "3", "straight");
    let whole = start.elapsed();
    let begin = [
        &net,
        &DATA[..],
        &["--epochs", "3", "--out", "killed", "--quiet"],
    ]
    .concat();
    let mut state = 1_u32;
    let mut random_share = || {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    let (mut kills, mut runs, mut resumed) = (0, 0, 0);
    while kills < KILLS || runs == 0 {
        let run = place.path("killed");
        // Killed before it was there: nothing to resume, and nothing to lose.
        let goes_on = run.exists();
        resumed += usize::from(goes_on);
        let arguments = if goes_on {
            vec!["--resume", "killed", "--quiet"]
        } else {
            begin.clone()
        };
        let mut command = place.command(BINARY);
        command
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let moment = whole.mul_f64(random_share());
        if kills < KILLS && !ends_within(&mut child, moment) {
            send("-KILL", &child);
            child.wait().expect("ends");
            kills += 1;
            continue;
        }
        let ended = ended(child.wait_with_output().expect("ends"));
        assert_eq!(ended.code, 0, "after {kills} kills: {}", ended.stderr);
        assert_same(&place, "straight", "killed");
        fs::remove_dir_all(&run).expect("removes");
        runs += 1;
    }
    assert!(
        resumed > KILLS / 4,
        "{resumed} times there was something to resume"
    );
}

fn ends_within(child: &mut Child, time: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < time {
        if child.try_wait().expect("can be asked").is_some() {
            return true;
        }
        thread::sleep(Duration::from_millis(2).min(time));
    }
    false
}

#[test]
fn a_run_that_another_process_trains_is_left_alone() {
    let place = Workplace::new();
    let begin = [NETS[0], &DATA, &["--epochs", ENDLESS, "--out", "run"]].concat();
    let mut child = spawn(&place, &begin);
    wait_for_epoch(&mut child, 1);
    let second = place.run(&["--resume", "run"]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(
        second.stderr.contains("another gpu-train"),
        "{}",
        second.stderr
    );
    // Nobody reads its table any more: it trains on.
    drop(child.stdout.take());
    send("-TERM", &child);
    assert_eq!(child.wait().expect("ends").code(), Some(130));
}

/// Runs `script` by sh, with the binary as $0 and `room` as $ROOM.
fn shell(place: &Workplace, wrapper: &[&str], script: &str, room: u64) -> Ended {
    let (program, arguments) = wrapper.split_first().expect("a program");
    let mut command = place.command(program);
    command.args(arguments).args(["-c", script, BINARY]);
    ended(
        command
            .env("ROOM", room.to_string())
            .output()
            .expect("starts"),
    )
}

/// An mlp whose checkpoint is 2.4 MB.
const LARGE: &str = "--net mlp --dense-hiddens 64 --data house-digits:320,80 --epochs 3 --quiet";

/// On a disk of its own, a small tmpfs; where the system forbids to mount one, the next test alone
/// tells.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_no_more_than_what_was_not_saved() {
    let place = Workplace::new();
    let train = format!("$0 {LARGE}");
    let ended = shell(&place, &["sh"], &format!("{train} --out straight"), 0);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let checkpoint = fs::metadata(place.path("straight/checkpoint.safetensors"));
    let size = checkpoint.expect("is there").len();
    let private = ["unshare", "--map-root-user", "--mount", "sh"];
    let mount = "mkdir small && mount -t tmpfs -o size=16m tmpfs small";
    let probe = shell(
        &place,
        &private,
        &format!("{mount} && rmdir --ignore-fail-on-non-empty small"),
        0,
    );
    if probe.code != 0 {
        eprintln!("no tmpfs to be had here: {}", probe.stderr);
        return;
    }
    // Room for one and a half checkpoints: the second one does not fit beside the first.
    let script = format!(
        "{mount}
        head -c $ROOM /dev/zero > small/filler || exit 90
        {train} --out small/run; test $? = 1 || exit 91
        ls -A small/run
        rm small/filler
        $0 --resume small/run --quiet || exit 92
        cp -r small/run full"
    );
    fs::remove_dir_all(place.path("small")).expect("removes");
    let ended = shell(&place, &private, &script, (16 << 20) - size * 3 / 2);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let said = &ended.stderr;
    assert!(
        said.contains("small/run/checkpoint.safetensors: cannot be written"),
        "{said}"
    );
    assert!(said.contains("No space left"), "{said}");
    assert!(said.contains("--resume small/run` goes on"), "{said}");
    assert!(!ended.stdout.contains("partial"), "{}", ended.stdout);
    assert_same(&place, "straight", "full");
}

/// As on a full disk, for any user: no file may grow beyond what the checkpoint needs after some
/// epochs, since it holds their metrics.
#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    let place = Workplace::new();
    let [net, data] = [NETS[1], &DATA].map(|it| it.join(" "));
    let train = format!("$0 {net} {data} --epochs 12 --quiet");
    let ended = shell(&place, &["sh"], &format!("{train} --out straight"), 0);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let checkpoint = fs::metadata(place.path("straight/checkpoint.safetensors"));
    let size = checkpoint.expect("is there").len();
    // In units of 512 bytes (1024 in some shells: then there is room for more, not for all).
    let script = format!(
        "trap '' 25; unit=512; test \"${{BASH_VERSION-}}\" && unit=1024
        (ulimit -f $((ROOM / unit)); {train} --out run; test $? = 1) || exit 91
        $0 --resume run"
    );
    let ended = shell(&place, &["sh"], &script, size - 1024);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let said = &ended.stderr;
    assert!(
        said.contains("run/checkpoint.safetensors: cannot be written"),
        "{said}"
    );
    assert!(said.contains("--resume run` goes on after step"), "{said}");
    assert!(!said.contains("goes on after step 0"), "{said}");
    // It goes on where the error said that it would.
    let number = |before: &str| {
        let (_, after) = said.split_once(before).expect(before);
        let end = after.find(|c: char| !c.is_ascii_digit());
        &after[..end.unwrap_or(after.len())]
    };
    assert_eq!(number("goes on after step "), number("epochs (step "));
    assert_same(&place, "straight", "run");
}

/// Resident memory of a process, in KiB. The processor and software Vulkan keep there what a GPU would
/// hold, too.
#[cfg(target_os = "linux")]
fn resident(child: &Child) -> i64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_epochs_take_no_more_memory_than_ten() {
    let place = Workplace::new();
    // It runs while it is looked at.
    let begin = [NETS[1], &DATA, &["--epochs", ENDLESS, "--out", "run"]].concat();
    let mut child = spawn(&place, &begin);
    let lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
    let mut seen = Vec::new();
    for line in lines.map_while(Result::ok) {
        let line = line.trim_start();
        if line.starts_with("10/") || line.starts_with("210/") {
            seen.push(resident(&child));
        }
        if seen.len() == 2 {
            send("-KILL", &child);
            break;
        }
    }
    child.wait().expect("ends");
    let grown = seen[1] - seen[0];
    assert!(grown < 8 << 10, "{seen:?} KiB after 10 and 210 epochs");
}
