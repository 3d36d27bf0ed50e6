//! A trainer that is stopped stands after the steps that ran, and goes on from there.

use gpu_train::error::{Error, Result};
use gpu_train::nn::NetworkType;
use gpu_train::shape::ImageShape;
use gpu_train::train::{
    EpochMetrics, Session, Sums, TrainEvent, TrainState, Trainer, TrainerOptions,
};

use crate::support::{sessions, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);
const SAMPLES: usize = 301;
const BATCH: usize = 16;
const STEPS: usize = SAMPLES.div_ceil(BATCH);

fn new(session: &Session) -> Trainer<'_> {
    let options = TrainerOptions {
        batch_size: BATCH,
        seed: 11,
        ..TrainerOptions::default()
    };
    trainer(
        session,
        split(SAMPLES, 40, IMAGE),
        NetworkType::Cnn,
        options,
    )
}

/// Without what depends on the clock.
fn logs(trainer: &Trainer<'_>) -> Vec<EpochMetrics> {
    let timeless = |epoch: &EpochMetrics| EpochMetrics {
        seconds: 0.0,
        samples_per_second: 0.0,
        ..epoch.clone()
    };
    trainer.logs().iter().map(timeless).collect()
}

fn uninterrupted(session: &Session) -> (TrainState, Vec<EpochMetrics>) {
    let mut trainer = new(session);
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    (trainer.state().expect("reads"), logs(&trainer))
}

fn stop() -> Error {
    Error::usage("enough", "stop")
}

/// Trains, stopping with an error in the progress event number `stop_at`, counted from 1 over all
/// epochs; asserts that the listener hears of nothing else afterwards.
fn stopped_at(session: &Session, stop_at: usize) -> Trainer<'_> {
    let mut trainer = new(session);
    let mut seen = 0;
    let result: Result<()> = trainer.train_loop(3, |event| {
        assert!(seen < stop_at, "an event after the error: {event:?}");
        if let TrainEvent::Progress { .. } = event {
            seen += 1;
            if seen == stop_at {
                return Err(stop());
            }
        }
        Ok(())
    });
    assert_eq!(result.expect_err("stops").to_string(), "enough");
    trainer
}

/// In the third step, in one of the second epoch, and in the last one of an epoch.
#[test]
fn a_stopped_trainer_stands_after_the_steps_that_ran_and_goes_on_bit_for_bit() {
    for session in sessions() {
        let whole = uninterrupted(session);
        for stop_at in [3, STEPS + 5, 2 * STEPS, 3 * STEPS] {
            let mut stopped = stopped_at(session, stop_at);
            let state = stopped.state().expect("reads");
            assert!(state.step >= stop_at as u64, "{} steps ran", state.step);
            let mut stepped = new(session);
            for _ in 0..state.step {
                stepped.training_step().expect("trains");
            }
            let stepped = TrainState {
                // Single steps owe no evaluation, and end no epoch that would be judged.
                pending_evaluation: state.pending_evaluation,
                selection: state.selection,
                ..stepped.state().expect("reads")
            };
            assert_eq!(stepped, state, "stop at {stop_at}");
            stopped.train_loop(3, |_| Ok(())).expect("goes on");
            assert_eq!(stopped.state().expect("reads"), whole.0);
            // Whole epochs, the interrupted one too.
            assert_eq!(logs(&stopped), whole.1, "stop at {stop_at}");
        }
    }
}

#[test]
fn a_state_from_within_an_epoch_ends_with_the_metrics_of_a_whole_epoch() {
    for session in sessions() {
        let (state, logs_of_whole) = uninterrupted(session);
        let mut first = new(session);
        first.train_steps(STEPS + 5).expect("trains");
        let middle = first.state().expect("reads");
        let mut restored = new(session);
        restored.restore(&middle).expect("fits");
        restored.train_loop(3, |_| Ok(())).expect("goes on");
        assert_eq!(restored.state().expect("reads"), state);
        assert_eq!(logs(&restored), logs_of_whole[1..]);
    }
}

#[test]
fn many_steps_at_once_are_the_single_ones_and_count_their_samples() {
    for session in sessions() {
        let mut stepped = new(session);
        for _ in 0..STEPS + 3 {
            stepped.training_step().expect("trains");
        }
        let mut many = new(session);
        assert_eq!(many.train_steps(2).expect("trains"), 2 * BATCH);
        // The last batch of the epoch is ragged.
        let samples = many.train_steps(STEPS + 1).expect("trains");
        assert_eq!(samples, SAMPLES - 2 * BATCH + 3 * BATCH);
        assert_eq!(
            many.state().expect("reads"),
            stepped.state().expect("reads")
        );
        assert!(many.traffic().submitted < stepped.traffic().submitted);
    }
}

#[test]
fn states_that_do_not_fit_are_refused_and_change_nothing() {
    for session in sessions() {
        let mut trainer = new(session);
        trainer.train_steps(3).expect("trains");
        let good = trainer.state().expect("reads");
        let mut refused = |change: fn(&mut TrainState), word: &str| {
            let mut state = good.clone();
            change(&mut state);
            let error = trainer.restore(&state).expect_err(word).to_string();
            assert!(error.contains(word), "{error}");
            assert_eq!(trainer.state().expect("reads"), good);
        };
        refused(|it| it.parameters.truncate(7), "7 tensors are not the 8");
        refused(|it| it.slots[0].1[0].truncate(134), "0.weight: 134 values");
        refused(|it| it.slots[1].1[3].push(0.0), "3.bias: 8 values");
        refused(|it| it.position = SAMPLES, "sample 301 of 301");
        refused(|it| it.position = 16, "sums up 48 samples");
        refused(|it| it.sums = Sums::default(), "sums up 0 samples");
        refused(|it| it.epoch = 1 << 40, "epoch 1099511627776");
        refused(|it| it.step = u64::MAX, "step");
    }
}

/// A NaN in one tensor; metrics need not show it where an activation hides it.
#[test]
fn parameters_that_are_not_finite_are_named_with_their_epoch() {
    for session in sessions() {
        let mut trainer = new(session);
        trainer.train_loop(1, |_| Ok(())).expect("trains");
        assert!(trainer.finite_parameters().is_ok());
        let mut state = trainer.state().expect("reads");
        state.parameters[3][2] = f32::NAN;
        trainer.restore(&state).expect("fits");
        let error = trainer.finite_parameters().expect_err("diverged");
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        assert!(error.to_string().contains("3.bias"), "{error}");
        assert!(error.to_string().contains("epoch 1"), "{error}");
        assert!(error.hint().contains("`lr`"), "{error}");
    }
}
