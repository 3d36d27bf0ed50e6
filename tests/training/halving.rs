//! Successive halving: which runs go on, and that they are those that train alone.

use std::cell::{Cell, RefCell};
use std::fs;

use gpu_train::error::Error;
use gpu_train::sweep::{Execution, PlannedRun, Status, SweepEvent, SweepFolder};
use gpu_train::train::{BestBy, LrSchedule};

use crate::support::cpu;
use crate::sweep::{create, planned, quiet, try_create};

/// Runs that halving trains by rungs are those that train alone, and the best of each rung go on.
#[test]
fn halving_keeps_the_best_and_trains_them_as_if_they_were_alone() {
    const EPOCHS: usize = 9;
    let runs = || -> Vec<PlannedRun> {
        let lrs = [1e-5, 3e-2, 1e-2, 1e-7, 3e-3, 1e30, 1e-3, 1e-4, 1e-1];
        let mut runs = planned(&lrs.map(|lr| (lr, 3)));
        for run in &mut runs {
            run.config.epochs = EPOCHS;
            run.config.valid_fraction = 0.25;
            run.config.schedule.lr_schedule = LrSchedule::Cosine;
        }
        runs
    };
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut execution = Execution::new(cpu());
    let mut straight = create(&mut execution, &place.path().join("a"), runs());
    execution
        .run(&mut straight, || false, quiet)
        .expect("trains");
    let path = place.path().join("b");
    let mut folder = try_create(&mut execution, &path, (runs(), Some(3))).expect("is free");
    let mut stops = 0;
    let rungs = RefCell::new(Vec::new());
    loop {
        let asked = Cell::new(0);
        let interrupted = || {
            asked.set(asked.get() + 1);
            asked.get() > stops % 17
        };
        let on_event = |event: &SweepEvent<'_>| {
            if let SweepEvent::RungEnded { epochs, kept, .. } = event {
                rungs.borrow_mut().push((*epochs, kept.to_vec()));
            }
            Ok(())
        };
        match Execution::new(cpu()).run(&mut folder, interrupted, on_event) {
            Ok(()) => break,
            Err(Error::Interrupted { .. }) => stops += 1,
            Err(other) => panic!("{other}"),
        }
        drop(folder);
        if stops == 30 {
            fs::remove_file(path.join("summary.csv")).expect("removes");
        }
        folder = SweepFolder::open(&path).expect("is a sweep");
    }
    assert!(stops > 30, "{stops}");
    // The lowest validation losses of the runs that trained alone.
    let losses = |run: usize, epochs: usize| -> f64 {
        let metrics = fs::read_to_string(straight.run_path(run).join("metrics.csv"));
        let metrics = metrics.expect("is there");
        let mut lines = metrics
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        let at = header
            .iter()
            .position(|it| *it == "valid_loss")
            .expect("validates");
        let loss = lines
            .take(epochs)
            .map(|line| line[at].parse().expect("a number"));
        loss.fold(f64::INFINITY, f64::min)
    };
    let best = |runs: &[usize], epochs, count| {
        let mut ranked = runs.to_vec();
        ranked.sort_by(|a, b| losses(*a, epochs).total_cmp(&losses(*b, epochs)));
        ranked.truncate(count);
        ranked.sort_unstable();
        ranked
    };
    let first = best(&(0..9).collect::<Vec<_>>(), 1, 3);
    let second = best(&first, 3, 1);
    let mut told = rungs.into_inner();
    // What was forgotten with summary.csv is told again.
    told.dedup();
    assert!(told.contains(&(1, first.clone())), "{told:?} {first:?}");
    assert!(told.contains(&(3, second.clone())), "{told:?} {second:?}");
    for run in 0..9 {
        let (status, epochs) = (
            folder.summary().status(run),
            folder.summary().value(run, "epochs"),
        );
        let expected = match run {
            5 => (Status::Diverged, "0"),
            _ if second.contains(&run) => (Status::Done, "9"),
            _ if first.contains(&run) => (Status::Dropped, "3"),
            _ => (Status::Dropped, "1"),
        };
        assert_eq!((status, epochs), expected, "run {run}: {told:?}");
    }
    let model = |folder: &SweepFolder| {
        fs::read(folder.run_path(second[0]).join("model.safetensors")).expect("is there")
    };
    assert_eq!(model(&folder), model(&straight));
    let of_best = folder.summary().best(BestBy::Loss);
    assert_eq!(of_best, Some((second[0], "best_valid")));
}

#[test]
fn runs_that_cannot_compete_are_not_halved() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("sweep");
    let mut execution = Execution::new(cpu());
    let runs = planned(&[(1e-2, 0), (1e-3, 0)]);
    let error =
        try_create(&mut execution, &path, (runs.clone(), Some(3))).expect_err("no validation");
    assert!(error.hint().contains("`valid_fraction`"), "{error}");
    let validated = |key: &str| -> Vec<PlannedRun> {
        let mut runs = planned(&[(1e-2, 0), (1e-3, 0)]);
        for run in &mut runs {
            run.config.valid_fraction = 0.25;
            key.clone_into(&mut run.varies[0].0);
        }
        runs
    };
    let mut execution = Execution::new(cpu());
    let error =
        try_create(&mut execution, &path, (validated("loss"), Some(3))).expect_err("unlike");
    assert!(error.to_string().contains("vary by `loss`"), "{error}");
    let error =
        try_create(&mut execution, &path, (validated("lr"), Some(1))).expect_err("keeps all");
    assert!(error.to_string().contains("`halving` is 1"), "{error}");
    drop(try_create(&mut execution, &path, (validated("lr"), Some(2))).expect("is free"));
    let error = SweepFolder::open_run(&path, 0).expect_err("they compete");
    assert!(error.hint().contains("`only`"), "{error}");
}

/// What a run comes to later does not change which runs were the best before.
#[test]
fn a_run_that_diverges_later_stays_among_the_best_of_its_rung() {
    let runs = || -> Vec<PlannedRun> {
        let mut runs = planned(&[(3e-2, 1), (1e-2, 1), (3e-3, 1), (1e-7, 1)]);
        for run in &mut runs {
            run.config.epochs = 4;
            run.config.valid_fraction = 0.25;
        }
        runs
    };
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("sweep");
    let mut execution = Execution::new(cpu());
    let mut folder = try_create(&mut execution, &path, (runs(), Some(2))).expect("is free");
    let kept = RefCell::new(Vec::new());
    let on_event = |event: &SweepEvent<'_>| {
        if let SweepEvent::RungEnded { kept: two, .. } = event {
            kept.replace(two.to_vec());
        }
        Ok(())
    };
    let after_first = || !kept.borrow().is_empty();
    let stopped = execution.run(&mut folder, after_first, on_event);
    assert!(
        matches!(stopped, Err(Error::Interrupted { .. })),
        "{stopped:?}"
    );
    let [first, second] = kept.borrow()[..] else {
        panic!("two of four go on: {kept:?}");
    };
    drop(folder);
    // As if the first had diverged in the second rung.
    let file = path.join("summary.csv");
    let text = fs::read_to_string(&file).expect("reads");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[first + 1] = lines[first + 1].replace(",unfinished", ",diverged");
    fs::write(&file, lines.join("\n") + "\n").expect("writes");
    let mut folder = SweepFolder::open(&path).expect("is a sweep");
    execution.run(&mut folder, || false, quiet).expect("trains");
    for run in 0..4 {
        let expected = match run {
            _ if run == first => Status::Diverged,
            _ if run == second => Status::Done,
            _ => Status::Dropped,
        };
        assert_eq!(folder.summary().status(run), expected, "run {run}");
    }
    assert_eq!(folder.summary().value(second, "epochs"), "4");
}
