//! What is printed for programs, into logs, and about details.

use serde_json::Value;

use crate::support::{CPU, Ended, SMALL, Workplace};

/// The objects of JSON, one a line, that `ended` printed, which are all that it printed.
fn objects(ended: &Ended) -> Vec<Value> {
    let parsed = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    parsed.collect()
}

fn events(objects: &[Value]) -> Vec<&str> {
    let name = |it: &Value| it["event"].as_str().map(str::to_owned);
    assert!(objects.iter().all(|it| name(it).is_some()), "{objects:?}");
    objects
        .iter()
        .filter_map(|it| it["event"].as_str())
        .collect()
}

/// The lines of `metrics.csv`, split.
fn csv(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn training_tells_programs_an_object_a_line() {
    let place = Workplace::new();
    let ended = place.train("run", &[CPU, &["--format", "json"]].concat());
    let all = objects(&ended);
    assert_eq!(events(&all), ["run", "epoch", "epoch", "end"]);
    assert_eq!(all[0]["folder"], "run");
    assert_eq!(all[0]["config"]["lr"], 1e-3);
    assert_eq!(all[0]["device"]["backend"], "native");
    // The numbers are those of metrics.csv.
    let metrics = place.text("run/metrics.csv");
    let lines = csv(&metrics);
    for (at, name) in lines[0].iter().enumerate() {
        for epoch in 1..=2 {
            let cell = lines[epoch][at];
            let value = &all[epoch][*name];
            match cell.parse::<f64>() {
                Ok(number) => assert_eq!(value.as_f64(), Some(number), "{name}"),
                Err(_) => assert!(value.is_null() && cell.is_empty(), "{name}: {value}"),
            }
        }
    }
    let end = &all[3];
    assert_eq!(end["status"], "done");
    assert_eq!(
        (&end["epochs"], &end["report"]),
        (&2.into(), &"run/report.html".into())
    );
    assert_eq!(end["test_mae"], all[2]["test_mae"]);
    // Data, though words are unwanted.
    let quiet = place.train(
        "quiet",
        &[CPU, &["--format", "json", "--quiet", "--no-report"]].concat(),
    );
    assert_eq!(quiet.stderr, "");
    let quiet = objects(&quiet);
    assert_eq!(events(&quiet), ["run", "epoch", "epoch", "end"]);
    assert!(quiet[3]["report"].is_null());
    // A run that goes on tells of its new epochs alone.
    let resumed = place.run(&["--resume", "run", "--epochs", "3", "--format", "json"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let resumed = objects(&resumed);
    assert_eq!(events(&resumed), ["run", "epoch", "end"]);
    assert_eq!(
        (&resumed[0]["epochs_done"], &resumed[1]["epoch"]),
        (&2.into(), &3.into())
    );
}

#[test]
fn training_prints_the_lines_of_its_metrics() {
    let place = Workplace::new();
    let ended = place.train("run", &[CPU, &["--format", "csv"]].concat());
    assert_eq!(ended.stdout, place.text("run/metrics.csv"));
}

/// However a run ends that began, the last object says how.
#[test]
fn a_run_that_fails_ends_with_an_object_too() {
    let place = Workplace::new();
    let diverging = ["--lr", "1e30", "--out", "run", "--format", "json"];
    let ended = place.run(&[SMALL, CPU, &diverging].concat());
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let all = objects(&ended);
    assert_eq!(events(&all), ["run", "end"]);
    assert_eq!(all[1]["status"], "diverged");
    let text = |key: &str| all[1][key].as_str().map(str::to_owned).expect(key);
    assert!(ended.stderr.contains(&text("error")), "{}", ended.stderr);
    assert!(text("hint").contains("lower --lr"), "{}", text("hint"));
    let late = [
        "--max-time",
        "0.00001",
        "--epochs",
        "90000",
        "--out",
        "late",
        "--format",
        "json",
    ];
    let ended = place.run(&[SMALL, CPU, &late].concat());
    assert_eq!(
        objects(&ended).pop().expect("an end")["status"],
        "out-of-time"
    );
    // Nothing began.
    let wrong = place.run(&["--data", "nowhere/x", "--format", "json"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""));
    for wrong in ["--dry-run", "--find-lr", "--profile"] {
        let refused = place.run(&[wrong, "--format", "json"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{wrong}");
    }
}

/// A run that is stopped says so, and where it goes on.
#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_ends_with_an_object_too() {
    use std::io::{BufRead as _, BufReader};

    let place = Workplace::new();
    let more = ["--epochs", "100000", "--out", "run", "--format", "json"];
    let mut child = crate::killed::spawn(&place, &[SMALL, CPU, &more].concat());
    let stdout = child.stdout.take().expect("is piped");
    let mut objects = BufReader::new(stdout).lines().map(|line| {
        let line = line.expect("text");
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    });
    let first = objects.by_ref().find(|it| it["event"] == "epoch");
    assert!(first.is_some());
    crate::killed::send("-INT", &child);
    let end = objects.last().expect("an end");
    assert_eq!(
        (&end["event"], &end["status"]),
        (&"end".into(), &"interrupted".into())
    );
    let hint = end["hint"].as_str().expect("a hint");
    assert!(hint.contains("gpu-train --resume run"), "{hint}");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
}

#[test]
fn sweeps_tell_of_every_run() {
    let place = Workplace::new();
    let sweep = [
        "sweep",
        "--lr",
        "1e-3,1e30",
        "--out",
        "s",
        "--format",
        "json",
    ];
    let ended = place.run(&[&sweep[..], &without_lr(), CPU].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let all = objects(&ended);
    assert_eq!(
        events(&all),
        ["sweep", "epoch", "epoch", "run-end", "run-end", "end"]
    );
    assert_eq!(all[0]["runs"], serde_json::json!(["lr-0.001", "lr-1e30"]));
    assert_eq!(all[1]["run"], "lr-0.001");
    assert_eq!(
        (&all[3]["status"], &all[4]["status"]),
        (&"done".into(), &"diverged".into())
    );
    let end = &all[5];
    assert_eq!(
        (&end["status"], &end["report"]),
        (&"done".into(), &"s/report.html".into())
    );
    assert_eq!(end["runs"][0]["test_mae"], all[2]["test_mae"]);
    // The same as CSV, which is that of the file.
    let again = place.run(&["sweep", "--resume", "s", "--format", "csv"]);
    let (said, file) = (csv(&again.stdout), place.text("s/summary.csv"));
    assert_eq!(said[0], csv(&file)[0]);
    assert_eq!(said[1], csv(&file)[1]);
    // What diverged before an epoch ended has nothing to compare.
    let compare = |format| place.run(&["compare", "s", "--out", "c", "--format", format]);
    let compared = compare("json");
    assert_eq!(compared.code, 0, "{}", compared.stderr);
    assert!(
        compared.stderr.contains("s/lr-1e30 is left out"),
        "{}",
        compared.stderr
    );
    let rows: Vec<Value> = serde_json::from_str(&compared.stdout).expect("JSON");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["folder"], "s/lr-0.001");
    assert_eq!(rows[0]["test_mae"], end["runs"][0]["test_mae"]);
    let compared = compare("csv").stdout;
    assert!(compared.starts_with("run,folder,data,epochs,parameters,train_loss,"));
    assert!(
        compared.contains(&format!(",{},", rows[0]["test_mae"])),
        "{compared}"
    );
}

fn without_lr() -> Vec<&'static str> {
    SMALL[..SMALL.len() - 2].to_vec()
}

#[test]
fn devices_are_told_to_programs() {
    let place = Workplace::new();
    let json = place.run(&["devices", "--format", "json"]);
    let all: Vec<Value> = serde_json::from_str(&json.stdout).expect("JSON");
    let cpu = all.last().expect("the processor");
    assert_eq!(
        (&cpu["device"], &cpu["kind"]),
        (&"cpu".into(), &"processor".into())
    );
    assert!(cpu["threads"].as_u64() > Some(0));
    let adapters = gpu_train::gpu::adapters();
    assert_eq!(all.len(), adapters.len() + 1);
    for (told, adapter) in all.iter().zip(&adapters) {
        assert_eq!(told["name"], adapter.name.as_str());
        assert_eq!(told["binding_bytes"], adapter.target.limits.binding_bytes);
        // What --device takes.
        assert_eq!(told["device"], adapter.index.to_string());
    }
    let csv = place.run(&["devices", "--format", "csv"]);
    assert!(
        csv.stdout.starts_with("device,name,kind,"),
        "{}",
        csv.stdout
    );
    assert_eq!(csv.stdout.lines().count(), all.len() + 1);
}

#[test]
fn a_log_holds_all_that_was_printed() {
    let place = Workplace::new();
    let ended = place.train("run", &[CPU, &["--log", "log.txt"]].concat());
    let log = place.text("log.txt");
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines[0].starts_with("# 20")
            && lines[0].contains(": gpu-train --data house-digits:160,40 "),
        "{log}"
    );
    assert!(
        lines[lines.len() - 1].ends_with("ended with status 0"),
        "{log}"
    );
    for line in ended.stdout.lines().chain(ended.stderr.lines()) {
        assert!(lines.contains(&line), "{line} is not in {log}");
    }
    let told = ended.stdout.lines().count() + ended.stderr.lines().count();
    assert_eq!(lines.len(), told + 2, "{log}");
    // It is added to, by every command, and errors are in it.
    let failed = place.run(&["eval", "nowhere", "--log", "log.txt"]);
    assert_eq!(failed.code, 1);
    let both = place.text("log.txt");
    let added = both.strip_prefix(&log).expect("nothing is lost");
    assert!(added.contains("error: nowhere: is not there"), "{added}");
    assert!(added.ends_with("ended with status 1\n"), "{added}");
    // A name with a space is quoted as one would type it.
    place.run(&["eval", "no where", "--log", "log.txt"]);
    assert!(
        place
            .text("log.txt")
            .contains("gpu-train eval 'no where' --log")
    );
    let refused = place.run(&[SMALL, CPU, &["--out", "new", "--log", "new/log.txt"]].concat());
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("make the folder new first"),
        "{}",
        refused.stderr
    );
    assert!(!place.path("new").exists());
}

#[test]
fn details_are_told_where_they_are_wanted() {
    let place = Workplace::new();
    let plain = place.train("plain", CPU);
    let ended = place.train("run", &[CPU, &["--verbose"]].concat());
    for detail in [
        "device: ",
        "data: house-digits:160,40, drawn in ",
        "data: 160 images to train on, 0 to validate, 40 to test, of 3x32x32",
        "checkpoint of step 6 written in ",
        "report: drawn in ",
    ] {
        assert!(ended.stderr.contains(detail), "{detail}: {}", ended.stderr);
        assert!(!plain.stderr.contains(detail), "{detail}: {}", plain.stderr);
    }
    // Data are the same, but for times.
    assert_eq!(ended.stdout.lines().count(), plain.stdout.lines().count());
    let adapter = place.train("adapter", &["--device", "0", "--verbose"]);
    assert!(adapter.stderr.contains("kernels: ") && adapter.stderr.contains(" compiled"));
    let again = place.run(&["eval", "adapter", "--verbose"]);
    assert!(again.stderr.contains("device: "), "{}", again.stderr);
    let quiet = place.train("quiet", &[CPU, &["--verbose", "--quiet"]].concat());
    assert_eq!(quiet.stderr, "");
}
