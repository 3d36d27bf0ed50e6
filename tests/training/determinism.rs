//! Same seed, same device: same bits. And what must not change them, or hardly.

use std::sync::Arc;

use gpu_train::nn::{Activation, NetworkConfiguration, NetworkType, Sgd};
use gpu_train::shape::ImageShape;
use gpu_train::train::{
    EpochMetrics, LrRange, Session, TrainState, Trainer, TrainerOptions, suggest_lr,
};

use crate::support::{distance, sessions, split, trainer, trainer_of};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);

fn options() -> TrainerOptions {
    TrainerOptions {
        batch_size: 32,
        activation: Activation::Tanh,
        seed: 5,
        ..TrainerOptions::default()
    }
}

fn new(session: &Session, net: NetworkType, options: TrainerOptions) -> Trainer<'_> {
    trainer(session, split(301, 77, IMAGE), net, options)
}

fn trained(
    session: &Session,
    net: NetworkType,
    options: TrainerOptions,
) -> (TrainState, Vec<EpochMetrics>) {
    let mut trainer = new(session, net, options);
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    let mut logs = trainer.logs().to_vec();
    for epoch in &mut logs {
        (epoch.seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    (trainer.state().expect("reads"), logs)
}

#[test]
fn the_same_run_twice_gives_the_same_bits() {
    for session in sessions() {
        for net in [NetworkType::Mlp, NetworkType::Cnn, NetworkType::Resnet] {
            let first = trained(session, net, options());
            assert_eq!(first, trained(session, net, options()));
            let other_seed = TrainerOptions {
                seed: 6,
                ..options()
            };
            assert_ne!(first.0, trained(session, net, other_seed).0);
        }
    }
}

#[test]
fn steps_taken_one_by_one_give_the_bits_of_the_loop() {
    for session in sessions() {
        let (state, _) = trained(session, NetworkType::Cnn, options());
        let mut stepped = new(session, NetworkType::Cnn, options());
        for _ in 0..3 * 301_usize.div_ceil(32) {
            stepped.training_step().expect("trains");
        }
        let stepped = TrainState {
            // Single steps end no epoch that would be judged.
            selection: state.selection,
            ..stepped.state().expect("reads")
        };
        assert_eq!(stepped, state);
    }
}

#[test]
fn a_restored_state_goes_on_bit_for_bit() {
    for session in sessions() {
        let (state, _) = trained(session, NetworkType::Cnn, options());
        let mut first = new(session, NetworkType::Cnn, options());
        for _ in 0..13 {
            first.training_step().expect("trains");
        }
        let middle = first.state().expect("reads");
        let mut second = new(
            session,
            NetworkType::Cnn,
            TrainerOptions {
                seed: 99,
                ..options()
            },
        );
        second.restore(&middle).expect("fits");
        second.train_loop(3, |_| Ok(())).expect("trains");
        assert_eq!(second.state().expect("reads"), state);
    }
}

#[test]
fn a_range_test_changes_nothing_and_sees_where_the_loss_blows_up() {
    for session in sessions() {
        let mut trainer = new(session, NetworkType::Cnn, options());
        trainer.training_step().expect("trains");
        let before = trainer.state().expect("reads");
        let range = LrRange {
            to: 1e3,
            ..LrRange::default()
        };
        let points = trainer.find_lr(&range).expect("trains");
        assert_eq!(trainer.state().expect("reads"), before);
        assert!(points.len() < range.steps, "{} points", points.len());
        let lr = suggest_lr(&points).expect("the loss falls");
        assert!((1e-5..1.0).contains(&lr.tenth_of_minimum), "{lr:?}");
    }
}

#[test]
fn fused_and_unfused_agree_within_the_tolerance_of_a_sum() {
    for session in sessions() {
        for net in [NetworkType::Mlp, NetworkType::Cnn, NetworkType::Resnet] {
            let fused = trained(session, net, options()).0.parameters;
            let unfused = TrainerOptions {
                fuse: false,
                ..options()
            };
            let unfused = trained(session, net, unfused).0.parameters;
            let initial = new(session, net, options()).parameters().expect("reads");
            let apart = distance(&fused, &unfused, &initial);
            assert!(apart <= 1e-5, "{net:?}: {apart:e}");
        }
    }
}

/// Every window that has a kernel of its own behind a pooling, as the first layer (whose input needs
/// no gradient) and as the second, and one that has none.
#[test]
fn convolutions_before_poolings_learn_the_same_fused_and_unfused() {
    for session in sessions() {
        for kernel_sizes in [
            [2, 5, 1],
            [3, 4, 1],
            [4, 3, 2],
            [5, 2, 2],
            [6, 3, 1],
            [1, 1, 2],
        ] {
            assert_fused_is_unfused(session, kernel_sizes);
        }
    }
}

fn assert_fused_is_unfused(session: &Session, kernel_sizes: [usize; 3]) {
    let net = NetworkConfiguration {
        n_channels: vec![18, 9, 5],
        kernel_sizes: kernel_sizes.to_vec(),
        strides: vec![1; 3],
        ..NetworkConfiguration::mlp(&[7])
    };
    let new = |fuse| {
        let options = TrainerOptions {
            activation: Activation::Relu,
            fuse,
            ..options()
        };
        let image = ImageShape::new(3, 21, 22);
        trainer_of(
            session,
            split(77, 5, image),
            NetworkType::Cnn,
            &net,
            options,
        )
    };
    let initial = new(true).parameters().expect("reads");
    let [fused, unfused] = [true, false].map(|fuse| {
        let mut trainer = new(fuse);
        trainer.train_loop(3, |_| Ok(())).expect("trains");
        trainer.parameters().expect("reads")
    });
    let apart = distance(&fused, &unfused, &initial);
    assert!(apart <= 1e-5, "{kernel_sizes:?}: {apart:e}");
}

#[test]
fn shuffling_changes_the_run_and_every_epoch_differs() {
    for session in sessions() {
        let in_order = TrainerOptions {
            shuffle: false,
            ..options()
        };
        let (shuffled, logs) = trained(session, NetworkType::Mlp, options());
        let (ordered, _) = trained(session, NetworkType::Mlp, in_order);
        assert_ne!(shuffled.parameters, ordered.parameters);
        assert!(logs[2].train.loss() < logs[0].train.loss(), "it learns");
    }
}

/// What happens between gradients and update, does: nothing leaves every bit, and twice the gradient is
/// a step of plain gradient descent at twice the learning rate.
#[test]
fn something_may_happen_between_gradients_and_update() {
    for session in sessions() {
        let weights = |net, lr, between: Option<f32>| {
            let options = TrainerOptions {
                batch_size: 32,
                lr,
                optimizer: Arc::new(Sgd::default()),
                clip_grad_norm: None,
                ..TrainerOptions::default()
            };
            let mut trainer = trainer(session, split(75, 10, IMAGE), net, options);
            for _ in 0..4 {
                match between {
                    None => drop(trainer.training_step().expect("trains")),
                    Some(factor) => {
                        let step = trainer.training_step_with(|it| {
                            let mut gradients = it.gradients()?;
                            let all = gradients.iter_mut().flatten();
                            all.for_each(|it| *it *= factor);
                            it.set_gradients(&gradients)
                        });
                        step.expect("trains");
                    }
                }
            }
            trainer.parameters().expect("reads")
        };
        let nothing_between = |net| {
            let mut trainer = new(session, net, options());
            let state = trained(session, net, options()).0;
            for _ in 0..3 * 301_usize.div_ceil(32) {
                trainer.training_step_with(|_| Ok(())).expect("trains");
            }
            assert_eq!(trainer.state().expect("reads").parameters, state.parameters);
        };
        // Adam adds up the first layer's gradients itself, where nothing comes before it.
        nothing_between(NetworkType::Cnn);
        for net in [NetworkType::Mlp, NetworkType::Cnn, NetworkType::Resnet] {
            let plain = weights(net, 1e-3, None);
            assert_eq!(plain, weights(net, 1e-3, Some(1.0)));
            assert_eq!(plain, weights(net, 5e-4, Some(2.0)));
            assert_ne!(plain, weights(net, 1e-3, Some(2.0)));
        }
    }
}
