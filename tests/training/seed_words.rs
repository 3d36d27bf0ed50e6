//! The trainer's own words: what each does, and what it refuses.

use std::sync::Arc;

use gpu_train::error::Error;
use gpu_train::gpu::GpuOptions;
use gpu_train::nn::{NetworkConfiguration, NetworkType};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Subset, TrainEvent, Trainer, TrainerOptions};

use crate::support::{adapter, open, processor, sessions, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);

#[test]
fn evaluating_whole_is_the_mean_of_its_parts() {
    for session in sessions() {
        let options = TrainerOptions {
            batch_size: 7,
            ..TrainerOptions::default()
        };
        let mut trainer = trainer(session, split(50, 33, IMAGE), NetworkType::Cnn, options);
        let whole = trainer.evaluate(Subset::Test).expect("evaluates");
        let mut mean = |range: std::ops::Range<usize>| {
            let samples = range.len() as f64;
            let metrics = trainer.compute_loss_and_mae(Subset::Test, range);
            metrics.expect("evaluates")["mae"] * samples / 33.0
        };
        let parts = mean(0..10) + mean(10..33);
        assert!(
            (whole["mae"] - parts).abs() <= 1e-6 * whole["mae"],
            "{whole:?} {parts}"
        );
        assert!(trainer.compute_loss_and_mae(Subset::Test, 30..34).is_err());
    }
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_the_epoch() {
    for session in sessions() {
        let options = TrainerOptions {
            lr: 1e30,
            ..TrainerOptions::default()
        };
        let mut trainer = trainer(session, split(300, 10, IMAGE), NetworkType::Mlp, options);
        let error = trainer.train_loop(5, |_| Ok(())).expect_err("diverges");
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        assert!(error.to_string().contains("in epoch 1"), "{error}");
        assert!(error.hint().contains("--lr"));
    }
}

/// One step an epoch: no row of it shows what its own update did.
#[test]
fn a_loss_that_the_last_step_ruins_is_seen_by_the_evaluation() {
    for session in sessions() {
        let options = TrainerOptions {
            lr: 1e38,
            ..TrainerOptions::default()
        };
        let mut trainer = trainer(session, split(16, 16, IMAGE), NetworkType::Mlp, options);
        let error = trainer.train_loop(1, |event| {
            assert!(!matches!(event, TrainEvent::EpochEnded(_)), "{event:?}");
            Ok(())
        });
        let error = error.expect_err("diverges");
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        assert!(error.to_string().contains("test loss"), "{error}");
        assert!(error.to_string().contains("epoch 1"), "{error}");
        assert!(trainer.finite_parameters().is_err());
    }
}

#[test]
fn initial_weights_of_another_net_are_named() {
    for session in sessions() {
        let data = session.upload_split(split(10, 10, IMAGE)).expect("fits");
        let sizes = NetworkConfiguration::mlp(&[4]);
        let with = |init| {
            let options = TrainerOptions {
                init: Some(init),
                ..TrainerOptions::default()
            };
            let data = Arc::clone(&data);
            Trainer::new(session, data, NetworkType::Mlp, &sizes, options)
        };
        let good = vec![vec![0.0; 468 * 4], vec![0.0; 4], vec![0.0; 4], vec![0.0]];
        let mut short = good.clone();
        short[2].pop();
        let error = with(short).expect_err("is too short").to_string();
        assert!(error.contains("3.weight: 3 values"), "{error}");
        assert!(with(good[..3].to_vec()).is_err());
        assert!(with(good).is_ok());
    }
}

#[test]
fn events_count_every_sample_and_an_error_of_the_listener_ends_the_loop() {
    for session in sessions() {
        let options = TrainerOptions::default();
        let mut trainer = trainer(session, split(300, 10, IMAGE), NetworkType::Mlp, options);
        let mut seen = Vec::new();
        let stop = trainer.train_loop(2, |event| {
            match event {
                TrainEvent::Progress { samples, .. } => seen.push(*samples),
                TrainEvent::EpochEnded(_) => return Err(Error::usage("enough", "stop")),
                TrainEvent::EpochStarted { .. }
                | TrainEvent::RanksDiffer(_)
                | TrainEvent::Replaying { .. } => {}
            }
            Ok(())
        });
        assert_eq!(stop.expect_err("stops").to_string(), "enough");
        assert_eq!(seen, [128, 256, 300]);
        assert_eq!(trainer.logs().len(), 1);
    }
}

/// Adapters differ in what they bind: the limit is the test's own.
#[test]
fn a_net_that_does_not_fit_the_adapter_says_what_is_needed() {
    for options in [adapter(), processor()] {
        let session = open(&GpuOptions {
            binding_bytes: Some(1 << 20),
            ..options
        });
        let data = session.upload_split(split(10, 10, IMAGE)).expect("fits");
        let huge = NetworkConfiguration::mlp(&[1_000]);
        let options = TrainerOptions::default();
        let trainer = Trainer::new(&session, data, NetworkType::Mlp, &huge, options);
        // A trainer says more of itself than anyone reads.
        let error = trainer.map(drop).expect_err("does not fit").to_string();
        assert!(
            error.contains("bytes") && error.contains("1048576"),
            "{error}"
        );
    }
}
