//! The official files, where the machine has them.

use std::path::{Path, PathBuf};

use gpu_train::data::DataSource;

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    path.exists().then_some(path)
}

#[test]
fn mnist_is_read() {
    let Some(folder) = shared("mnist") else {
        return;
    };
    let _alone = crate::alone();
    let split = DataSource::Path(folder).load(0).expect("it is whole");
    assert_eq!((split.train.len(), split.test.len()), (60_000, 10_000));
    assert_eq!(split.train.shape().to_string(), "1x28x28");
    assert_eq!(split.train.targets()[..6], [5.0, 0.0, 4.0, 1.0, 9.0, 2.0]);
    assert_eq!(split.test.targets()[..6], [7.0, 2.0, 1.0, 0.0, 4.0, 1.0]);
    // The mean pixel of the training set is 0.1307, as every tutorial normalises by.
    let sum: u64 = split
        .train
        .images()
        .iter()
        .map(|&pixel| u64::from(pixel))
        .sum();
    let mean = sum as f64 / split.train.images().len() as f64 / 255.0;
    assert!((mean - 0.1307).abs() <= 0.0001, "{mean}");
}

#[test]
fn cifar10_is_read() {
    let Some(file) = shared("cifar10/data_batch_1.bin") else {
        return;
    };
    let _alone = crate::alone();
    let source = DataSource::Files {
        train: file.clone(),
        test: file,
    };
    let train = source.load(0).expect("it is whole").train;
    assert_eq!(train.len(), 4000);
    assert_eq!(train.targets()[..6], [6.0, 9.0, 9.0, 4.0, 1.0, 1.0]);
    assert_eq!(train.images()[..4], [59, 43, 50, 68]);
}
