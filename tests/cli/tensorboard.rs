//! `--tensorboard`: event files of runs and of sweeps.

use gpu_train::report::tensorboard::{Event, records};
use prost::Message as _;

use crate::support::{SMALL, Workplace, names};

/// Scalars by step, of all event files in the folder in the order of their names; a start takes
/// back what came before it, as TensorBoard does.
fn scalars(place: &Workplace, run: &str, tag: &str) -> Vec<(i64, f32)> {
    let mut found: Vec<(i64, f32)> = Vec::new();
    let names = names(&place.path(run)).into_iter();
    for name in names.filter(|name| name.starts_with("events.out.tfevents.")) {
        let file = place.read(&format!("{run}/{name}"));
        for record in records(&file).expect("whole frames and right checksums") {
            let event = Event::decode(record).expect("an event");
            if event.session_log.is_some() {
                found.retain(|it| it.0 < event.step);
            }
            let values = event.summary.unwrap_or_default().value;
            let of_tag = values.into_iter().filter(|it| it.tag == tag);
            found.extend(of_tag.filter_map(|it| Some((event.step, it.simple_value?))));
        }
    }
    found
}

#[test]
fn runs_of_a_sweep_have_event_files_too() {
    let place = Workplace::new();
    let sweep = ["sweep", "--tensorboard", "--seed", "0,1", "--out", "sweep"];
    let ended = place.run(&[&sweep[..], SMALL].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for run in ["sweep/seed-0", "sweep/seed-1"] {
        let maes = scalars(&place, run, "MAE/test");
        let steps: Vec<i64> = maes.iter().map(|it| it.0).collect();
        assert_eq!(steps, [1, 2], "{run}");
    }
}

#[test]
fn tensorboard_reads_every_epoch_once_also_after_a_resume() {
    let place = Workplace::new();
    let more = ["--tensorboard", "--no-report", "--quiet"];
    place.train("run", &more);
    place.train("long", &[&more[..], &["--epochs", "4"]].concat());
    // As after a process that died behind an epoch's events and before its checkpoint.
    let events = |run: &str| {
        let mut names = names(&place.path(run)).into_iter();
        names
            .find(|it| it.starts_with("events"))
            .expect("an event file")
    };
    let longer = place.read(&format!("long/{}", events("long")));
    place.write(&format!("run/{}", events("run")), &longer);
    let resume = [
        "--resume",
        "run",
        "--epochs",
        "3",
        "--tensorboard",
        "--no-report",
    ];
    assert_eq!(place.run(&resume).code, 0);
    let metrics = place.text("run/metrics.csv");
    let column = |line: &str, at: usize| line.split(',').nth(at)?.parse::<f64>().ok();
    let expected = metrics.lines().skip(1).map(|line| {
        let value = column(line, 4).expect("a test MAE");
        (column(line, 0).expect("an epoch") as i64, value as f32)
    });
    assert_eq!(
        scalars(&place, "run", "MAE/test"),
        expected.collect::<Vec<_>>()
    );
    let plain = place.run(&[SMALL, &["--out", "plain", "--quiet", "--no-report"]].concat());
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    assert!(
        !names(&place.path("plain"))
            .iter()
            .any(|it| it.starts_with("events"))
    );
}
