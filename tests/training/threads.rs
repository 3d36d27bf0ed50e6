//! The processor's threads: however many there are, the same bits.

use std::num::NonZero;
use std::sync::Arc;

use gpu_train::exec::Device;
use gpu_train::gpu::GpuOptions;
use gpu_train::nn::{Activation, Adam, NetworkConfiguration, NetworkType};
use gpu_train::shape::ImageShape;
use gpu_train::train::{
    EpochMetrics, Metrics, Predictions, Session, Subset, TrainState, Trainer, TrainerOptions,
};

use crate::support::{open, processor, split, trainer, trainer_of};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);

/// Sessions on 1, 2, 3 and 8 threads: fewer than the parts of a batch, as many, and a number that does
/// not divide them.
fn sessions() -> [Session; 4] {
    [1, 2, 3, 8].map(|threads| {
        let session = open(&GpuOptions {
            threads: NonZero::new(threads),
            ..processor()
        });
        let Device::Cpu(cpu) = session.device() else {
            panic!("this is the processor");
        };
        assert_eq!(cpu.threads(), threads);
        session
    })
}

/// All that a training leaves, times aside.
type Trained = (TrainState, Vec<EpochMetrics>, Metrics, Predictions);

/// Three shuffled epochs of 101 images.
fn trained(session: &Session, net: NetworkType, options: &TrainerOptions) -> Trained {
    all_of(trainer(
        session,
        split(101, 37, IMAGE),
        net,
        options.clone(),
    ))
}

fn all_of(mut trainer: Trainer<'_>) -> Trained {
    trainer.train_loop(3, |_| Ok(())).expect("trains");
    let timeless = |epoch: &EpochMetrics| EpochMetrics {
        seconds: 0.0,
        samples_per_second: 0.0,
        ..epoch.clone()
    };
    let logs = trainer.logs().iter().map(timeless).collect();
    let evaluated = trainer.evaluate(Subset::Train).expect("evaluates");
    let predicted = trainer.predict_test().expect("predicts");
    (trainer.state().expect("reads"), logs, evaluated, predicted)
}

fn assert_same_bits(net: NetworkType, options: &TrainerOptions) {
    let [one, others @ ..] = sessions().map(|session| trained(&session, net, options));
    assert!(one.1[2].train.loss() < one.1[0].train.loss(), "it learns");
    for other in others {
        // Floats are compared as numbers: none of these is a NaN, which would differ from itself.
        assert!(one == other, "{net:?}, {options:?}");
    }
}

/// 32 does not divide 101: the last batch is ragged, and five images make eight parts.
#[test]
fn any_number_of_threads_trains_to_the_same_bits() {
    for net in [NetworkType::Cnn, NetworkType::Mlp] {
        for (activation, fuse) in [
            (Activation::Relu, true),
            (Activation::Relu, false),
            (Activation::Sigmoid, true),
            (Activation::Tanh, true),
            (Activation::Tanh, false),
        ] {
            let options = TrainerOptions {
                batch_size: 32,
                lr: 1e-2,
                activation,
                fuse,
                ..TrainerOptions::default()
            };
            assert_same_bits(net, &options);
        }
    }
    // Its shards meet within the passes too.
    for fuse in [true, false] {
        let options = TrainerOptions {
            batch_size: 32,
            fuse,
            ..TrainerOptions::default()
        };
        assert_same_bits(NetworkType::Resnet, &options);
    }
}

/// Parts of a batch of less than eight images are empty, and all but one of a batch of one.
#[test]
fn batches_of_less_than_eight_images_do_too() {
    for net in [NetworkType::Cnn, NetworkType::Mlp, NetworkType::Resnet] {
        for batch_size in [1, 3, 7] {
            let options = TrainerOptions {
                batch_size,
                ..TrainerOptions::default()
            };
            assert_same_bits(net, &options);
        }
    }
}

/// A first layer that is multiplied for the whole batch, its rows parted among the threads.
#[test]
fn a_large_dense_layer_does_too() {
    let options = TrainerOptions {
        batch_size: 80,
        lr: 1e-2,
        ..TrainerOptions::default()
    };
    let sizes = NetworkConfiguration::mlp(&[600, 7]);
    let [one, others @ ..] = sessions().map(|session| {
        let data = split(101, 37, IMAGE);
        let net = NetworkType::Mlp;
        all_of(trainer_of(&session, data, net, &sizes, options.clone()))
    });
    assert!(one.1[2].train.loss() < one.1[0].train.loss(), "it learns");
    assert!(others.iter().all(|it| *it == one));
}

/// The norm of all gradients is a sum over the whole net.
#[test]
fn options_that_look_at_all_gradients_do_too() {
    let options = TrainerOptions {
        batch_size: 32,
        optimizer: Arc::new(Adam {
            weight_decay: 1e-2,
            ..Adam::default()
        }),
        clip_grad_norm: Some(0.5),
        ..TrainerOptions::default()
    };
    assert_same_bits(NetworkType::Cnn, &options);
}
