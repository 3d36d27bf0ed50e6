//! Ranks that share every batch, here as threads of this process: however many there are, the same bits.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gpu_train::error::Error;
use gpu_train::gpu::GpuOptions;
use gpu_train::nn::{Activation, Adam, NetworkConfiguration, NetworkType, Sgd};
use gpu_train::ranks::{Ranks, Traffic, echo, of_threads};
use gpu_train::shape::ImageShape;
use gpu_train::train::{
    EpochMetrics, LrSchedule, Metrics, ScheduleConfig, Session, Subset, TrainState, Trainer,
    TrainerOptions,
};

use crate::support::{open, processor, split, trainer, trainer_of};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);
const COUNTS: [usize; 3] = [2, 4, 8];
/// Long for a step of these nets, and short for whoever waits for a test that hangs.
pub const TIMEOUT: Duration = Duration::from_mins(1);

/// One thread: its ranks are what is parallel here.
pub fn one_thread() -> GpuOptions {
    GpuOptions {
        threads: NonZero::new(1),
        ..processor()
    }
}

/// What `work` gives on each of `count` ranks on the processor.
fn on_ranks<T: Send>(count: usize, work: impl Fn(&Session) -> T + Sync) -> Vec<T> {
    on_ranks_of(&one_thread(), count, work)
}

/// What `work` gives on each of `count` ranks on the device of `options`.
pub fn on_ranks_of<T: Send>(
    options: &GpuOptions,
    count: usize,
    work: impl Fn(&Session) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let links = of_threads(count, TIMEOUT).into_iter();
        let threads: Vec<_> = links
            .map(|link| {
                let work = &work;
                scope.spawn(move || {
                    let ranks = Ranks::new(link, "here").expect("is allowed");
                    let session = Session::open_shared(options, ranks);
                    work(&session.expect("the device is there"))
                })
            })
            .collect();
        let results = threads.into_iter().map(|it| it.join().expect("ends"));
        results.collect()
    })
}

/// All that a training leaves, times aside.
pub type Trained = (TrainState, Vec<EpochMetrics>, Metrics, Vec<f32>);

pub fn timeless(logs: &[EpochMetrics]) -> Vec<EpochMetrics> {
    let timeless = |epoch: &EpochMetrics| EpochMetrics {
        seconds: 0.0,
        samples_per_second: 0.0,
        ..epoch.clone()
    };
    logs.iter().map(timeless).collect()
}

pub fn all_of(mut trainer: Trainer<'_>) -> Trained {
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    let logs = timeless(trainer.logs());
    let evaluated = trainer.evaluate(Subset::Train).expect("evaluates");
    let predicted = trainer.predict_test().expect("predicts").values;
    (trainer.state().expect("reads"), logs, evaluated, predicted)
}

/// Trains what `make` makes on one process, and on 2, 4 and 8 ranks: all of them come to the same bits.
fn assert_same_bits(name: &str, make: impl Fn(&Session) -> Trainer<'_> + Sync) {
    let alone = all_of(make(&open(&one_thread())));
    let losses = alone.1.iter().map(|it| it.train.loss());
    let losses: Vec<f64> = losses.collect();
    assert!(losses[2] < losses[0], "{name} learns: {losses:?}");
    for count in COUNTS {
        for (rank, trained) in on_ranks(count, |session| all_of(make(session)))
            .iter()
            .enumerate()
        {
            // Floats are compared as numbers: none of these is a NaN, which would differ from itself.
            assert!(*trained == alone, "{name}: rank {rank} of {count}");
        }
    }
}

fn assert_same_bits_of(net: NetworkType, options: &TrainerOptions) {
    assert_same_bits(&format!("{net:?}, {options:?}"), |session| {
        trainer(session, split(101, 37, IMAGE), net, options.clone())
    });
}

fn small(session: &Session, net: NetworkType, images: usize, batch_size: usize) -> Trainer<'_> {
    trainer(session, split(images, 37, IMAGE), net, of_batch(batch_size))
}

fn of_batch(batch_size: usize) -> TrainerOptions {
    TrainerOptions {
        batch_size,
        ..TrainerOptions::default()
    }
}

/// 32 does not divide 101: the last batch is ragged, and five images make eight shards. A resnet's batch norms need
/// what all ranks have in the middle of both passes.
#[test]
fn any_number_of_ranks_trains_to_the_same_bits() {
    for net in [NetworkType::Cnn, NetworkType::Mlp, NetworkType::Resnet] {
        for fuse in [true, false] {
            assert_same_bits_of(
                net,
                &TrainerOptions {
                    lr: 3e-3,
                    fuse,
                    activation: if fuse {
                        Activation::Relu
                    } else {
                        Activation::Tanh
                    },
                    ..of_batch(32)
                },
            );
        }
    }
}

/// Some ranks have no image at all.
#[test]
fn batches_of_less_than_eight_images_do_too() {
    for net in [NetworkType::Cnn, NetworkType::Mlp, NetworkType::Resnet] {
        for batch_size in [1, 3, 7] {
            assert_same_bits_of(net, &of_batch(batch_size));
        }
    }
}

/// Dense weights so large that their gradients are summed for the whole batch at once, in shards of more rows than
/// products sum at a time.
#[test]
fn large_dense_layers_do_too() {
    for batch_size in [80, 4_800] {
        let sizes = NetworkConfiguration::mlp(&[600, 7]);
        assert_same_bits(&format!("batch {batch_size}"), |session| {
            let options = TrainerOptions {
                lr: 1e-3,
                ..of_batch(batch_size)
            };
            let data = split(batch_size.max(101), 37, IMAGE);
            trainer_of(session, data, NetworkType::Mlp, &sizes, options)
        });
    }
}

#[test]
fn clipping_schedules_and_optimizers_do_too() {
    let schedule = |lr_schedule| ScheduleConfig {
        lr_schedule,
        lr_step_size: 1,
        lr_patience: 0,
        warmup: 1,
        ..ScheduleConfig::default()
    };
    let base = TrainerOptions {
        epochs: 3,
        lr: 3e-3,
        ..of_batch(32)
    };
    let options = [
        TrainerOptions {
            clip_grad_norm: Some(0.5),
            optimizer: Arc::new(Adam {
                weight_decay: 1e-2,
                ..Adam::default()
            }),
            schedule: schedule(LrSchedule::Cosine),
            ..base.clone()
        },
        TrainerOptions {
            clip_grad_norm: Some(1.0),
            optimizer: Arc::new(Sgd {
                momentum: 0.9,
                nesterov: true,
                weight_decay: 1e-4,
            }),
            schedule: schedule(LrSchedule::Step),
            ..base.clone()
        },
        TrainerOptions {
            schedule: schedule(LrSchedule::Plateau),
            evaluate_train: true,
            ..base
        },
    ];
    for options in options {
        assert_same_bits_of(NetworkType::Cnn, &options);
    }
}

/// What one rank of some swaps in a step, and computes without the others.
#[test]
fn an_echo_counts_what_a_step_swaps() {
    for count in COUNTS {
        let (link, counted) = echo(count);
        let ranks = Ranks::new(link, "here").expect("is allowed");
        let session = Session::open_shared(&one_thread(), ranks).expect("the processor is there");
        let mut trainer = small(&session, NetworkType::Cnn, 101, 32);
        let floats = trainer.network().parameters.elements();
        let before = counted.traffic();
        trainer.train_steps(3).expect("trains");
        let after = counted.traffic();
        let least = Traffic::of_gradients(floats, count);
        // The end of an epoch, and of what was asked for, are messages of their own.
        let swaps = after.swaps - before.swaps;
        let expected = 3 * least.swaps..=5 * least.swaps;
        assert!(expected.contains(&swaps), "{count} ranks: {swaps}");
        // Metrics and a flag go with them.
        let bytes = (after.bytes - before.bytes) / 3;
        assert!(
            (least.bytes..2 * least.bytes).contains(&bytes),
            "{bytes} for {least:?}"
        );
    }
}

/// A state goes from any number of ranks to any other, in the middle of an epoch.
#[test]
fn a_state_goes_on_with_another_number_of_ranks() {
    let alone = open(&one_thread());
    for net in [NetworkType::Cnn, NetworkType::Resnet] {
        let whole = all_of(small(&alone, net, 101, 16));
        let mut state = small(&alone, net, 101, 16).state().expect("reads");
        for (count, steps) in [(2, 3), (8, 5), (1, 1), (4, 2)] {
            let after = on_ranks(count, |session| {
                let mut trainer = small(session, net, 101, 16);
                trainer.restore(&state).expect("fits");
                trainer.train_steps(steps).expect("trains");
                trainer.state().expect("reads")
            });
            assert!(after.iter().all(|it| *it == after[0]));
            state = after[0].clone();
        }
        let ended = on_ranks(2, |session| {
            let mut trainer = small(session, net, 101, 16);
            trainer.restore(&state).expect("fits");
            trainer.train_loop(3, |_| Ok(())).expect("trains");
            trainer.state().expect("reads")
        });
        assert_eq!(ended[1].parameters, whole.0.parameters, "{net:?}");
    }
}

/// One rank wants to stop, at a step of its own choosing, where others are at another place of their submissions.
#[test]
fn where_one_rank_stops_all_stop_after_the_same_step() {
    let alone = open(&one_thread());
    let whole = all_of(small(&alone, NetworkType::Cnn, 301, 8));
    for (count, who, when) in [(2, 1, 3), (4, 2, 20), (8, 0, 40), (2, 0, 60)] {
        let stopped = on_ranks(count, |session| {
            let mut trainer = small(session, NetworkType::Cnn, 301, 8);
            let is_who = session.device().ranks().rank() == who;
            let mut asked = 0;
            let mut paused = 0;
            while trainer.is_before(3) {
                let ended = trainer.train_epoch(3, &mut |_| Ok(()), |_| {
                    asked += usize::from(is_who);
                    asked >= when && paused == 0
                });
                if ended.expect("trains").is_none() {
                    paused += 1;
                    let state = trainer.state().expect("reads");
                    // The pause may have begun an evaluation anew.
                    assert!(state.step as usize >= when.min(38), "{}", state.step);
                }
            }
            (paused, all_of(trainer))
        });
        assert_eq!(stopped[0].0, 1, "{count} ranks");
        for (paused, trained) in stopped {
            assert_eq!(paused, 1);
            assert!(
                trained.0 == whole.0 && trained.1 == whole.1,
                "{count} ranks"
            );
        }
    }
}

/// Every rank sees the loss of all, and so each knows of the same step that it diverged.
#[test]
fn all_ranks_diverge_at_the_same_step() {
    let diverged = |session: &Session| {
        let options = TrainerOptions {
            lr: 1e20,
            ..of_batch(16)
        };
        let mut trainer = trainer(session, split(101, 37, IMAGE), NetworkType::Mlp, options);
        let error = trainer.train_loop(3, |_| Ok(())).expect_err("diverges");
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        error.to_string()
    };
    let alone = diverged(&open(&one_thread()));
    assert_eq!(on_ranks(4, diverged), [(); 4].map(|()| alone.clone()));
}

/// Gradients are those of the whole batch where something is done with them between the halves of a step.
#[test]
fn gradients_between_the_halves_are_those_of_all() {
    let gradients = |session: &Session| {
        let mut trainer = trainer(
            session,
            split(101, 37, IMAGE),
            NetworkType::Resnet,
            of_batch(32),
        );
        let mut seen = Vec::new();
        let stepped = trainer.training_step_with(|it| {
            seen = it.gradients()?;
            Ok(())
        });
        stepped.expect("trains");
        seen
    };
    let alone = gradients(&open(&one_thread()));
    assert!(on_ranks(4, gradients).iter().all(|it| *it == alone));
}

/// A rank that leaves after the seven steps of an epoch is an error of the others, and no wait for ever.
#[test]
fn a_rank_that_leaves_is_named() {
    let errors = on_ranks(2, |session| {
        let mut trainer = trainer(
            session,
            split(101, 37, IMAGE),
            NetworkType::Mlp,
            of_batch(16),
        );
        if session.device().ranks().rank() == 1 {
            trainer.train_steps(7).expect("trains");
            return None;
        }
        Some(trainer.train_loop(3, |_| Ok(())).expect_err("is alone"))
    });
    let error = errors[0].as_ref().expect("stopped");
    assert_eq!(error.to_string(), "rank 1 on here is gone");
}
