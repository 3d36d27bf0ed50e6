//! Batches that an adapter computes by shards, alone or among ranks, here threads of this process: however many there
//! are, the same bits.

use std::sync::Arc;

use gpu_train::error::Error;
use gpu_train::nn::{Activation, Adam, NetworkConfiguration, NetworkType, Sgd};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Session, Subset, Trainer, TrainerOptions};

use crate::ranks::{Trained, all_of, on_ranks_of};
use crate::support::{adapter, distance, open, session, split, trainer_of};

/// Small: an adapter of tests is software.
const IMAGE: ImageShape = ImageShape::new(3, 10, 11);

fn by_shards(batch_size: usize) -> TrainerOptions {
    TrainerOptions {
        shards: 8,
        batch_size,
        lr: 3e-3,
        ..TrainerOptions::default()
    }
}

fn small(session: &Session, net: NetworkType, options: TrainerOptions) -> Trainer<'_> {
    // As many steps of any batch, the last one ragged.
    let images = options.batch_size * 14 / 5;
    on_images(session, images, net, options)
}

fn on_images(
    session: &Session,
    images: usize,
    net: NetworkType,
    options: TrainerOptions,
) -> Trainer<'_> {
    let sizes = match net {
        NetworkType::Mlp => NetworkConfiguration::mlp(&[9, 7]),
        NetworkType::Cnn => NetworkConfiguration {
            n_channels: vec![5, 6],
            kernel_sizes: vec![3, 2],
            strides: vec![1, 1],
            dense_hiddens: vec![9],
            ..NetworkConfiguration::default_for(net)
        },
        NetworkType::Resnet => NetworkConfiguration {
            n_channels: vec![5, 6],
            ..NetworkConfiguration::default_for(net)
        },
    };
    trainer_of(session, split(images, 19, IMAGE), net, &sizes, options)
}

/// What one adapter comes to that computes by shards.
fn alone(net: NetworkType, options: &TrainerOptions) -> Trained {
    let name = format!("{net:?}, {options:?}");
    let trained = all_of(small(session(), net, options.clone()));
    let losses: Vec<f64> = trained.1.iter().map(|it| it.train.loss()).collect();
    assert!(losses[2] < losses[0], "{name} learns: {losses:?}");
    trained
}

fn assert_same_bits(counts: &[usize], net: NetworkType, options: &TrainerOptions) {
    let alone = alone(net, options);
    for &count in counts {
        let make = |session: &Session| all_of(small(session, net, options.clone()));
        for (rank, trained) in on_ranks_of(&adapter(), count, make).iter().enumerate() {
            assert!(
                *trained == alone,
                "{net:?}, {options:?}: rank {rank} of {count}"
            );
        }
    }
}

const NETS: [NetworkType; 3] = [NetworkType::Mlp, NetworkType::Cnn, NetworkType::Resnet];

/// Sums over shards round otherwise than those over a batch, and no more than that.
#[test]
fn shards_come_to_what_whole_batches_do_but_for_rounding() {
    for net in NETS {
        for batch_size in [16, 5] {
            let of = |shards| {
                let options = TrainerOptions {
                    shards,
                    ..by_shards(batch_size)
                };
                let mut trainer = small(session(), net, options);
                let before = trainer.parameters().expect("reads");
                trainer.train_steps(5).expect("trains");
                let metrics = trainer.evaluate(Subset::Test).expect("evaluates");
                let predicted = trainer.predict_test().expect("predicts");
                assert_eq!(predicted.metrics, metrics, "{net:?}: of all shards");
                let after = trainer.parameters().expect("reads");
                (before, after, metrics, predicted.values)
            };
            let [whole, shards] = [1, 8].map(of);
            assert!(whole.1 != shards.1, "{net:?}: other sums");
            let apart = distance(&whole.1, &shards.1, &whole.0);
            assert!(apart <= 1e-3, "{net:?}, {batch_size}: {apart}");
            for (whole, shards) in whole.3.iter().zip(&shards.3) {
                assert!((whole - shards).abs() <= 1e-3, "{net:?}, {batch_size}");
            }
            let losses = [whole.2, shards.2].map(|it| it.loss());
            assert!((losses[0] / losses[1] - 1.0).abs() <= 1e-4, "{losses:?}");
        }
    }
}

/// The last batch is of twelve images.
#[test]
fn any_number_of_ranks_on_equal_adapters_trains_to_the_same_bits() {
    for net in NETS {
        assert_same_bits(&[2, 4, 8], net, &by_shards(16));
    }
}

#[test]
fn ranks_without_an_image_do_too() {
    for net in NETS {
        assert_same_bits(&[2, 8], net, &by_shards(3));
    }
}

#[test]
fn unfused_nets_clipping_and_optimizers_do_too() {
    let clipped = TrainerOptions {
        clip_grad_norm: Some(0.5),
        fuse: false,
        activation: Activation::Tanh,
        optimizer: Arc::new(Sgd {
            momentum: 0.9,
            nesterov: true,
            weight_decay: 1e-4,
        }),
        ..by_shards(16)
    };
    let decayed = TrainerOptions {
        clip_grad_norm: Some(1.0),
        evaluate_train: true,
        optimizer: Arc::new(Adam {
            weight_decay: 1e-2,
            ..Adam::default()
        }),
        ..by_shards(16)
    };
    assert_same_bits(&[4], NetworkType::Cnn, &clipped);
    assert_same_bits(&[2], NetworkType::Resnet, &decayed);
}

/// A state goes from any number of ranks to any other, and between a step's halves gradients are those of all.
#[test]
fn a_state_goes_on_with_another_number_of_ranks() {
    let net = NetworkType::Resnet;
    let whole = alone(net, &by_shards(16));
    let mut state = small(session(), net, by_shards(16)).state().expect("reads");
    for (count, steps) in [(2, 1), (1, 2), (4, 2)] {
        let after = on_ranks_of(&adapter(), count, |session| {
            let mut trainer = small(session, net, by_shards(16));
            trainer.restore(&state).expect("fits");
            let mut seen = Vec::new();
            let stepped = trainer.training_step_with(|it| {
                seen = it.gradients()?;
                Ok(())
            });
            stepped.expect("trains");
            trainer.train_steps(steps - 1).expect("trains");
            (seen, trainer.state().expect("reads"))
        });
        let mut alone = small(session(), net, by_shards(16));
        alone.restore(&state).expect("fits");
        alone.training_step().expect("trains");
        let gradients = alone.gradients().expect("reads");
        assert!(
            after
                .iter()
                .all(|it| it.0 == gradients && it.1 == after[0].1)
        );
        state = after[0].1.clone();
    }
    let mut trainer = small(session(), net, by_shards(16));
    trainer.restore(&state).expect("fits");
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    assert_eq!(
        trainer.state().expect("reads").parameters,
        whole.0.parameters
    );
}

/// One rank wants to stop, where all have queued steps.
#[test]
fn where_one_rank_stops_all_stop_after_the_same_step() {
    fn make(session: &Session) -> Trainer<'_> {
        on_images(session, 45, NetworkType::Mlp, by_shards(4))
    }
    let whole = all_of(make(session()));
    for (count, who, when) in [(2, 1, 3), (4, 0, 14)] {
        let stopped = on_ranks_of(&adapter(), count, |session| {
            let mut trainer = make(session);
            let is_who = trainer.ranks().rank() == who;
            let (mut asked, mut at) = (0, Vec::new());
            while trainer.is_before(3) {
                let ended = trainer.train_epoch(3, &mut |_| Ok(()), |_| {
                    asked += usize::from(is_who);
                    asked >= when && at.is_empty()
                });
                if ended.expect("trains").is_none() {
                    at.push(trainer.state().expect("reads").step);
                }
            }
            (at, all_of(trainer))
        });
        for (at, trained) in &stopped {
            assert_eq!((at.len(), at), (1, &stopped[0].0), "{count} ranks");
            assert!(at[0] >= when.min(12) as u64, "{at:?}");
            assert!(
                trained.0 == whole.0 && trained.1 == whole.1,
                "{count} ranks"
            );
        }
    }
}

/// What broke is found, and every rank knows of the same step that it did.
#[test]
fn all_ranks_diverge_at_the_same_step() {
    let diverged = |session: &Session| {
        let options = TrainerOptions {
            lr: 1e20,
            ..by_shards(16)
        };
        let mut trainer = small(session, NetworkType::Mlp, options);
        let error = trainer.train_loop(3, |_| Ok(())).expect_err("diverges");
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        error.to_string()
    };
    let alone = diverged(session());
    assert_eq!(
        on_ranks_of(&adapter(), 2, diverged),
        [(); 2].map(|()| alone.clone())
    );
}

/// An adapter alone computes by shards without a wait within an epoch.
#[test]
fn a_step_that_nobody_shares_counts_its_waits() {
    let session = open(&adapter());
    let mut trainer = small(&session, NetworkType::Cnn, by_shards(16));
    trainer.train_steps(1).expect("trains");
    let (before, waits) = (trainer.traffic(), crate::support::gpu(&session).waits());
    trainer.train_steps(12).expect("trains");
    let waited = crate::support::gpu(&session).waits() - waits;
    assert_eq!(trainer.traffic().retired - before.retired, waited);
}

#[test]
fn a_rank_that_leaves_is_named() {
    let errors = on_ranks_of(&adapter(), 2, |session| {
        let mut trainer = small(session, NetworkType::Mlp, by_shards(16));
        if trainer.ranks().rank() == 1 {
            trainer.train_loop(1, |_| Ok(())).expect("trains");
            return None;
        }
        Some(trainer.train_loop(3, |_| Ok(())).expect_err("is alone"))
    });
    let error = errors[0].as_ref().expect("stopped");
    assert_eq!(error.to_string(), "rank 1 on here is gone");
}

#[test]
fn other_numbers_of_shards_are_refused_and_ranks_need_them() {
    for shards in [0, 2, 4, 7, 16] {
        let options = TrainerOptions {
            shards,
            ..TrainerOptions::default()
        };
        let error = options.validate().expect_err("is neither");
        assert!(error.to_string().contains(&format!("`shards` {shards}")));
        assert!(error.hint().contains("`shards` 8"), "{}", error.hint());
    }
    let refused = on_ranks_of(&adapter(), 2, |session| {
        let data = session.upload_split(split(20, 8, IMAGE)).expect("uploads");
        let net = NetworkConfiguration::mlp(&[3]);
        let options = TrainerOptions::default();
        let trainer = Trainer::new(session, data, NetworkType::Mlp, &net, options);
        trainer.map(drop).expect_err("has one shard").to_string()
    });
    assert!(refused[1].contains("by its shards"), "{}", refused[1]);
}
