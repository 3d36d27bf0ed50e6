//! Sweeps: what their runs share, what a sweep that is stopped comes to, and runs that diverge.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use gpu_train::data::DataSource;
use gpu_train::error::{Error, Result};
use gpu_train::kernel::tuning::Tuning;
use gpu_train::nn::NetworkType;
use gpu_train::run::RunConfig;
use gpu_train::sweep::{Execution, PlannedRun, Status, Sweep, SweepEvent, SweepFolder};

use crate::support::{adapter, cpu, gpu, open, processor, sessions};

/// Runs of a small mlp that differ by learning rate and seed.
pub(crate) fn planned(values: &[(f64, u64)]) -> Vec<PlannedRun> {
    let run = |&(lr, seed): &(f64, u64)| PlannedRun {
        name: format!("lr-{lr:?}-seed-{seed}"),
        varies: vec![
            ("lr".to_owned(), format!("{lr:?}")),
            ("seed".to_owned(), seed.to_string()),
        ],
        config: RunConfig {
            dense_hiddens: vec![9, 5],
            lr,
            batch_size: 16,
            epochs: 2,
            seed,
            data: DataSource::HouseDigits {
                train: 40,
                test: 20,
            },
            evaluate_train: true,
            checkpoint_minutes: 0.0,
            ..RunConfig::default_for(NetworkType::Mlp)
        },
    };
    values.iter().map(run).collect()
}

pub(crate) fn create(
    execution: &mut Execution<'_>,
    path: &Path,
    runs: Vec<PlannedRun>,
) -> SweepFolder {
    try_create(execution, path, (runs, None)).expect("is free")
}

pub(crate) fn try_create(
    execution: &mut Execution<'_>,
    path: &Path,
    (mut runs, halving): (Vec<PlannedRun>, Option<usize>),
) -> Result<SweepFolder> {
    let tuning = Tuning::default();
    let data = execution.check(&mut runs, &tuning).expect("all can be");
    let sweep = Sweep {
        title: "sweep".to_owned(),
        version: "1".to_owned(),
        data,
        tuning,
        halving,
        runs,
    };
    SweepFolder::create([path.to_path_buf()], sweep)
}

#[expect(clippy::unnecessary_wraps, reason = "what Execution::run takes")]
pub(crate) fn quiet(_: &SweepEvent<'_>) -> Result<()> {
    Ok(())
}

/// Of every run: its model, and its metrics without times.
fn results(folder: &SweepFolder) -> Vec<(Vec<u8>, Vec<Vec<String>>)> {
    let result = |run: usize| {
        let path = folder.run_path(run);
        let text = fs::read_to_string(path.join("metrics.csv")).expect("is there");
        let timeless = |line: &str| {
            let columns = line.split(',').enumerate();
            let timeless = columns.filter(|(at, _)| ![8, 9].contains(at));
            timeless.map(|(_, value)| value.to_owned()).collect()
        };
        let model = fs::read(path.join("model.safetensors")).expect("is there");
        (model, text.lines().map(timeless).collect())
    };
    (0..folder.summary().len()).map(result).collect()
}

#[test]
fn three_learning_rates_upload_once_and_compile_nothing_after_the_first_run() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let own = open(&adapter());
    let mut execution = Execution::new(&own);
    let runs = planned(&[(1e-2, 0), (1e-4, 0), (1e-8, 0)]);
    let mut folder = create(&mut execution, &place.path().join("sweep"), runs);
    let mut compiled = Vec::new();
    let on_event = |event: &SweepEvent<'_>| {
        if let SweepEvent::RunEnded { .. } = event {
            compiled.push(gpu(&own).pipeline_count());
        }
        Ok(())
    };
    execution
        .run(&mut folder, || false, on_event)
        .expect("trains");
    // A training and a test set.
    assert_eq!(own.uploads(), 2);
    assert_eq!(compiled.len(), 3);
    assert!(compiled[0] > 5, "{compiled:?}");
    assert_eq!(compiled[0], compiled[2]);
    let statuses = [0, 1, 2].map(|run| folder.summary().status(run));
    assert_eq!(statuses, [Status::Done; 3]);
    let results = results(&folder);
    assert!(results[0] != results[1] && results[1] != results[2]);
}

/// Pictures that are drawn by another seed are another data set, as in single runs; those of the runs'
/// own seeds are not.
#[test]
fn drawn_data_are_uploaded_once_per_data_seed() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let own = open(&processor());
    let mut execution = Execution::new(&own);
    let mut runs = planned(&[(1e-2, 0), (1e-4, 1), (1e-2, 2), (1e-4, 3)]);
    runs[2].config.data_seed = 5;
    runs[3].config.data_seed = 5;
    let mut folder = create(&mut execution, &place.path().join("sweep"), runs);
    execution.run(&mut folder, || false, quiet).expect("trains");
    assert_eq!(own.uploads(), 4);
}

/// Stopped after every step and within every evaluation, of the training set too; between runs, and
/// with a summary that is lost.
#[test]
fn a_sweep_that_is_stopped_over_and_over_ends_with_the_same_bits() {
    for session in sessions() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let runs = || planned(&[(1e-2, 0), (1e-3, 0), (1e-2, 7)]);
        let mut execution = Execution::new(session);
        let mut straight = create(&mut execution, &place.path().join("a"), runs());
        execution
            .run(&mut straight, || false, quiet)
            .expect("trains");
        let path = place.path().join("b");
        let mut folder = create(&mut execution, &path, runs());
        let mut stops = 0;
        loop {
            let asked = Cell::new(0);
            let interrupted = || {
                asked.set(asked.get() + 1);
                asked.get() > stops % 11
            };
            match Execution::new(session).run(&mut folder, interrupted, quiet) {
                Ok(()) => break,
                Err(Error::Interrupted { what, hint }) => {
                    assert!(what.contains("of 3, lr-"), "{what}");
                    assert!(hint.contains("resume the"), "{hint}");
                }
                Err(other) => panic!("{other}"),
            }
            stops += 1;
            drop(folder);
            if stops == 9 {
                fs::remove_file(path.join("summary.csv")).expect("removes");
            }
            folder = SweepFolder::open(&path).expect("is a sweep");
        }
        assert!(stops > 12, "{stops}");
        assert_eq!(results(&folder), results(&straight));
        let timeless = |folder: &SweepFolder| {
            let gap = |run| folder.summary().value(run, "generalisation_gap").to_owned();
            [0, 1, 2].map(gap)
        };
        assert_eq!(timeless(&folder), timeless(&straight));
        assert!(timeless(&folder)[0].parse::<f64>().is_ok());
    }
}

#[test]
fn a_run_that_diverges_is_recorded_and_the_next_one_trains() {
    for session in sessions() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let mut execution = Execution::new(session);
        let runs = planned(&[(1e-2, 0), (1e30, 0), (1e-3, 0)]);
        let mut folder = create(&mut execution, &place.path().join("sweep"), runs);
        let diverged = Cell::new(0);
        let on_event = |event: &SweepEvent<'_>| {
            if let SweepEvent::RunEnded {
                diverged: Some(error),
                number,
                ..
            } = event
            {
                assert!(matches!(error, Error::Diverged { .. }), "{error}");
                diverged.set(*number);
            }
            Ok(())
        };
        execution
            .run(&mut folder, || false, on_event)
            .expect("goes on");
        assert_eq!(diverged.get(), 2);
        let statuses = [0, 1, 2].map(|run| folder.summary().status(run));
        assert_eq!(statuses, [Status::Done, Status::Diverged, Status::Done]);
        assert_eq!(folder.summary().value(1, "test_mae"), "");
        // Nothing is left to do, and nothing is done again.
        drop(folder);
        let mut folder = SweepFolder::open(&place.path().join("sweep")).expect("is a sweep");
        let nothing = |event: &SweepEvent<'_>| panic!("{event:?}");
        execution
            .run(&mut folder, || false, nothing)
            .expect("is done");
    }
}

#[test]
fn runs_that_cannot_be_are_refused_before_the_first_begins() {
    let mut runs = planned(&[(1e-2, 0), (1e-3, 0)]);
    runs[1].config = RunConfig {
        net: NetworkType::Cnn,
        channels: vec![3],
        kernel_sizes: vec![33],
        strides: vec![1],
        ..runs[1].config.clone()
    };
    let error = Execution::new(cpu()).check(&mut runs, &Tuning::default());
    let error = error.expect_err("a kernel larger than the image");
    assert!(error.to_string().contains("conv layer 1"), "{error}");
    assert!(
        error.hint().contains("run lr-0.001-seed-0"),
        "{}",
        error.hint()
    );
}

/// Runs of one sweep are compared with each other: they all see what the first one saw.
#[test]
fn a_sweep_does_not_go_on_with_other_data() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("sweep");
    let mut execution = Execution::new(cpu());
    drop(create(
        &mut execution,
        &path,
        planned(&[(1e-2, 0), (1e-3, 0)]),
    ));
    let file = path.join("sweep.toml");
    let text = fs::read_to_string(&file).expect("reads");
    let text = text.replace("house-digits:40,20", "house-digits:40,21");
    // Without its format and checksum it is as earlier versions wrote it.
    let lines: Vec<&str> = text.lines().skip(2).collect();
    fs::write(&file, lines.join("\n")).expect("writes");
    let mut folder = SweepFolder::open(&path).expect("is a sweep");
    let error = execution.run(&mut folder, || false, quiet);
    let error = error.expect_err("other data");
    assert!(
        error.to_string().contains("the test set is not the run's"),
        "{error}"
    );
    assert!(error.hint().contains("run's own data"), "{}", error.hint());
}
