use super::*;
use crate::nn::Regression;
use crate::train::Metrics;

fn epoch(number: usize) -> EpochMetrics {
    let metrics = |loss| -> Metrics {
        let values = [("loss", loss), ("mae", loss / 2.0)];
        values.into_iter().collect()
    };
    let text = serde_json::json!({
        "epoch": number,
        "train": metrics(3.0),
        "test": metrics(1.5),
        "lr": 1e-4,
        "seconds": 2.5,
        "samples_per_second": 4000.0,
    });
    serde_json::from_value(text).expect("an epoch")
}

fn read(path: &Path) -> Vec<Event> {
    let bytes = fs::read(path).expect("readable");
    let records = records(&bytes).expect("whole frames and right checksums");
    let event = |record: &[u8]| Event::decode(record).expect("an event");
    records.into_iter().map(event).collect()
}

#[test]
fn an_epoch_becomes_a_scalar_per_column() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut writer =
        EventWriter::create(folder.path(), 0, Arc::new(Regression::default())).expect("writes");
    writer.epoch(&epoch(1)).expect("writes");
    let [version, start, values] = &read(writer.path())[..] else {
        panic!("three events");
    };
    assert_eq!(version.file_version.as_deref(), Some("brain.Event:2"));
    assert_eq!((start.step, values.step), (1, 1));
    assert_eq!(start.session_log, Some(SessionLog { status: 1 }));
    assert!(values.wall_time > 1.6e9, "{}", values.wall_time);
    let values = &values.summary.as_ref().expect("values").value;
    let value = |tag: &str| {
        let found = values.iter().find(|it| it.tag == tag);
        found.and_then(|it| it.simple_value)
    };
    assert_eq!(value("Loss/train"), Some(3.0));
    assert_eq!(value("Loss/test"), Some(1.5));
    assert_eq!(value("MAE/train"), Some(1.5));
    assert_eq!(value("MAE/test"), Some(0.75));
    assert_eq!(value("lr"), Some(1e-4));
    assert_eq!(value("samples_per_second"), Some(4000.0));
    // Targets that are not whole have no accuracy.
    assert_eq!(value("Accuracy/test"), None);
    assert_eq!(value("epoch"), None);
}

#[test]
fn a_run_that_goes_on_takes_later_epochs_back_in_a_file_that_sorts_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first =
        EventWriter::create(folder.path(), 0, Arc::new(Regression::default())).expect("writes");
    let second =
        EventWriter::create(folder.path(), 7, Arc::new(Regression::default())).expect("writes");
    assert!(second.path() > first.path());
    let start = &read(second.path())[1];
    assert_eq!(start.step, 8);
    assert_eq!(start.session_log, Some(SessionLog { status: 1 }));
    let future = folder
        .path()
        .join("events.out.tfevents.4000000000.elsewhere");
    fs::write(&future, b"").expect("writes");
    let third =
        EventWriter::create(folder.path(), 7, Arc::new(Regression::default())).expect("writes");
    let name = third.path().file_name().expect("a name").to_string_lossy();
    assert_eq!(name, "events.out.tfevents.4000000001.gpu-train");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let gone = folder.path().join("gone");
    let error =
        EventWriter::create(&gone, 0, Arc::new(Regression::default())).expect_err("is not there");
    assert!(error.to_string().contains("gone"), "{error}");
    assert!(error.hint().contains("`tensorboard`"), "{}", error.hint());
}
