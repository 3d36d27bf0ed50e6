//! From what the user wrote to a source, and from a source to its data.

use std::path::Path;

use super::{DataSource, Resolved, usual_folders};
use crate::data::matlab::builder::{Layout, UINT8, Variable, mat_file};
use crate::error::Error;

fn parse(text: &str) -> DataSource {
    text.parse().unwrap()
}

fn house_digits(train: usize, test: usize) -> DataSource {
    DataSource::HouseDigits { train, test }
}

/// Writes two grey images of `height` x 2 with the labels 1 and 2.
fn write_mat(path: &Path, height: u32) {
    let pixels = vec![7.0; (height * 4) as usize];
    let images = Variable::new("X", UINT8, &[height, 2, 1, 2], &pixels);
    let labels = Variable::new("y", UINT8, &[2, 1], &[1.0, 2.0]);
    std::fs::write(path, mat_file(Layout::OFFICIAL, &[images, labels])).unwrap();
}

#[track_caller]
fn assert_usage(result: Result<impl std::fmt::Debug, Error>, expected: &str) {
    let error = result.expect_err("it cannot be used");
    assert_eq!(error.exit_code(), 2, "{error}");
    let text = format!("{error}; {}", error.hint());
    assert!(text.contains(expected), "`{text}` lacks `{expected}`");
}

#[test]
fn texts_are_read_and_written_alike() {
    for text in [
        "svhn",
        "mnist",
        "cifar10",
        "house-digits",
        "house-digits:20,7",
        "some/folder",
        "./svhn",
        "set.npz",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
    assert_eq!(parse("house-digits"), house_digits(8192, 2048));
    assert_eq!(parse("house-digits:8192, 2048"), DataSource::DRAWN);
    assert_eq!(parse("./svhn"), DataSource::Path("./svhn".into()));
    assert_eq!(parse("set.npz"), DataSource::Path("set.npz".into()));
}

#[test]
fn wrong_texts_say_what_is_known() {
    let parse = |text: &str| text.parse::<DataSource>();
    assert_usage(parse("swhn"), "unknown data set `swhn`");
    assert_usage(
        parse("swhn"),
        "known are svhn, cifar10, mnist, fashion-mnist, kmnist, emnist-digits, emnist-letters, emnist-balanced, cifar100, \
         cifar100:coarse",
    );
    assert_usage(parse(""), "unknown data set");
    for counts in ["", "5", "5,", "5,x", "5,6,7", "-5,6", "5.0,6"] {
        assert_usage(parse(&format!("house-digits:{counts}")), "20000,5000");
    }
    assert_usage(parse("house-digits:0,5"), "at least one");
    assert_usage(parse("house-digits:5,2000000"), "at most");
}

#[test]
fn a_recorded_source_is_read_back() {
    let files = DataSource::Files {
        train: "a, b.mat".into(),
        test: "c.mat".into(),
    };
    for source in [
        parse("svhn"),
        parse("house-digits:20,7"),
        parse("a/b"),
        files,
    ] {
        let recorded = serde_json::to_string(&source).unwrap();
        let back: DataSource = serde_json::from_str(&recorded).unwrap();
        assert_eq!(back, source, "{recorded}");
    }
    assert!(serde_json::from_str::<DataSource>("\"house-digits:0,0\"").is_err());
}

#[test]
fn files_and_names_do_not_mix() {
    let resolve = DataSource::resolve;
    let file = Some(Path::new("x.mat"));
    assert_usage(resolve(Some("svhn"), file, None), "cannot be combined");
    assert_usage(resolve(None, file, None), "belong together");
    assert_usage(resolve(None, None, file), "belong together");
    let Resolved { source, fallback } = resolve(Some("house-digits"), None, None).unwrap();
    assert_eq!((source, fallback), (DataSource::DRAWN, false));
    let files = resolve(None, file, file).unwrap().source;
    assert_eq!(files.to_string(), "x.mat and x.mat");
}

#[test]
fn a_folder_and_two_files_load_alike() {
    let folder = tempfile::tempdir().unwrap();
    let [train, test] = ["train_32x32.mat", "test_32x32.mat"].map(|f| folder.path().join(f));
    write_mat(&train, 3);
    write_mat(&test, 3);
    let from_folder = DataSource::Path(folder.path().into()).load(0).unwrap();
    let files = DataSource::Files {
        train,
        test: test.clone(),
    };
    assert_eq!(files.load(0).unwrap(), from_folder);
    assert_eq!(from_folder.train.targets(), [1.0, 2.0]);

    write_mat(&test, 4);
    assert_usage(
        files.load(0),
        "images are 1x3x2, but the test images are 1x4x2",
    );
}

#[test]
fn what_cannot_be_loaded_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = |source: DataSource| {
        let error = source.load(0).expect_err("there are no files");
        assert!(matches!(error, Error::File { .. }));
        format!("{error}; {}", error.hint())
    };
    let empty = text(DataSource::Path(folder.path().into()));
    assert!(empty.contains("holds no known data set"), "{empty}");
    assert!(
        empty.contains("holds train_32x32.mat and test_32x32.mat; data_batch_1.bin"),
        "{empty}"
    );
    let absent = text(DataSource::Path(folder.path().join("absent")));
    assert!(absent.contains("no such file or folder"), "{absent}");

    let file = folder.path().join("data.csv");
    std::fs::write(&file, "1,2").unwrap();
    let not_a_folder = text(DataSource::Path(file.clone()));
    assert!(
        not_a_folder.contains("is not a file that holds a training and a test set"),
        "{not_a_folder}"
    );
    let unknown = text(DataSource::Files {
        train: file.clone(),
        test: file,
    });
    assert!(
        unknown.contains("no known format") && unknown.contains(".mat"),
        "{unknown}"
    );
}

#[test]
fn data_are_looked_for_in_the_current_folder_first() {
    assert_eq!(usual_folders("svhn")[0], Path::new("data").join("svhn"));
}
