//! What is drawn for every image and epoch: augmentation and dropout. The same pictures and the same bits, however
//! training is parted or stopped.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;

use gpu_train::data::{Augmentation, Dataset};
use gpu_train::gpu::GpuOptions;
use gpu_train::nn::{NetworkConfiguration, NetworkType, Pool};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Session, Subset, Trainer, TrainerOptions};
use safetensors::SafeTensors;

use crate::ranks::{all_of, on_ranks_of, one_thread};
use crate::support::{adapter, cpu, open, processor, session, sessions, split, trainer_of};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);
const ALL: &str = "flip,translate=2,cutout=3,rotate=10,scale=0.9:1.1,brightness=0.2,contrast=0.2";

fn augmentation(text: &str) -> Augmentation {
    text.parse().expect(text)
}

fn options() -> TrainerOptions {
    TrainerOptions {
        batch_size: 32,
        lr: 3e-3,
        augment: augmentation(ALL),
        ..TrainerOptions::default()
    }
}

/// Everything that draws or knows of a batch: augmentation, dropout, batch norm; and average pooling.
fn new(session: &Session, net: NetworkType, options: TrainerOptions) -> Trainer<'_> {
    let sizes = NetworkConfiguration {
        dropout: 0.3,
        batch_norm: true,
        pool: Pool::Avg,
        ..match net {
            NetworkType::Mlp => NetworkConfiguration::mlp(&[17, 9]),
            _ => crate::support::small_cnn(),
        }
    };
    trainer_of(session, split(101, 37, IMAGE), net, &sizes, options)
}

const NETS: [NetworkType; 2] = [NetworkType::Mlp, NetworkType::Cnn];

#[test]
fn pictures_are_those_of_pytorch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/augmented.safetensors");
    let bytes = std::fs::read(path).expect("is committed");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let images = file.tensor("images").expect("is there");
    let [count, channels, height, width] = images.shape().try_into().expect("four axes");
    let shape = ImageShape::new(channels, height, width);
    let set = Dataset::new(images.data().to_vec(), vec![0.0; count], shape).expect("a data set");
    for session in sessions() {
        let resident = session.upload(&set).expect("fits");
        let texts = file.names().into_iter().filter(|it| *it != "images");
        assert_eq!(texts.clone().count(), 5);
        for text in texts {
            let options = TrainerOptions {
                augment: augmentation(text),
                shuffle: false,
                ..TrainerOptions::default()
            };
            let ours = session.first_batch(&resident, &options).expect(text);
            let theirs = file.tensor(text).expect(text);
            let theirs: Vec<f32> = bytemuck::pod_collect_to_vec(theirs.data());
            assert_eq!(ours.len(), theirs.len());
            let apart = ours.iter().zip(&theirs);
            let apart = apart.map(|(a, b)| (f32::from(*a) - b * 255.0).abs());
            let worst = apart.clone().fold(0.0, f32::max);
            let mean = apart.sum::<f32>() / ours.len() as f32;
            // Bytes are rounded, and cosines and sines are whole multiples of 2^-14.
            assert!(worst <= 1.25 && mean <= 0.26, "{text}: {worst}, {mean}");
        }
    }
}

/// What an image looks like follows from its number, the epoch and the seed alone.
#[test]
fn batches_of_other_sizes_see_the_same_pictures() {
    let data = split(40, 1, IMAGE).train;
    for session in sessions() {
        let set = session.upload(&data).expect("fits");
        let pictures = |batch_size, seed, shuffle| {
            let options = TrainerOptions {
                batch_size,
                seed,
                shuffle,
                ..options()
            };
            let planes = session.first_batch(&set, &options).expect("fits");
            let pictures = planes.chunks(IMAGE.elements()).map(<[u8]>::to_vec);
            pictures.collect::<Vec<_>>()
        };
        let all = pictures(40, 3, true);
        assert_eq!(all[..7], pictures(7, 3, true));
        // The order is another thing.
        let in_order: BTreeSet<Vec<u8>> = pictures(40, 3, false).into_iter().collect();
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), in_order);
        assert!(
            pictures(40, 4, false)
                .iter()
                .all(|it| !in_order.contains(it))
        );
    }
}

#[test]
fn any_number_of_threads_trains_to_the_same_bits() {
    for net in NETS {
        let [one, others @ ..] = [1, 2, 3, 8].map(|threads| {
            let session = open(&GpuOptions {
                threads: NonZero::new(threads),
                ..processor()
            });
            all_of(new(&session, net, options()))
        });
        assert!(one.1[2].train.loss() < one.1[0].train.loss(), "it learns");
        assert!(others.iter().all(|it| *it == one), "{net:?}");
    }
}

#[test]
fn any_number_of_ranks_trains_to_the_same_bits() {
    for net in NETS {
        let alone = all_of(new(&open(&one_thread()), net, options()));
        for count in [2, 4] {
            let all = on_ranks_of(&one_thread(), count, |it| all_of(new(it, net, options())));
            assert!(
                all.iter().all(|it| *it == alone),
                "{net:?} on {count} ranks"
            );
        }
    }
    let options = TrainerOptions {
        shards: 8,
        batch_size: 16,
        ..options()
    };
    let net = NetworkType::Cnn;
    let alone = all_of(new(session(), net, options.clone()));
    let all = on_ranks_of(&adapter(), 2, |it| all_of(new(it, net, options.clone())));
    assert!(all.iter().all(|it| *it == alone), "2 ranks on adapters");
}

/// Also where the trainer was made with another seed, so that all that is drawn has another key.
#[test]
fn a_restored_state_goes_on_bit_for_bit() {
    for session in sessions() {
        for net in NETS {
            let trained = all_of(new(session, net, options())).0;
            let mut first = new(session, net, options());
            first.train_steps(6).expect("trains");
            let middle = first.state().expect("reads");
            let other = TrainerOptions {
                seed: 99,
                ..options()
            };
            let mut second = new(session, net, other);
            second.restore(&middle).expect("fits");
            second.train_loop(3, |_| Ok(())).expect("trains");
            assert_eq!(second.state().expect("reads"), trained, "{net:?}");
        }
    }
}

/// Evaluations see images as they are, and all units; training does not.
#[test]
fn evaluations_draw_nothing() {
    for session in sessions() {
        for net in NETS {
            let plain = TrainerOptions {
                augment: Augmentation::default(),
                ..options()
            };
            let mut plain = new(session, net, plain);
            let mut drawn = new(session, net, options());
            for subset in [Subset::Train, Subset::Test] {
                let [plain, drawn] =
                    [&mut plain, &mut drawn].map(|it| it.evaluate(subset).expect("evaluates"));
                assert_eq!(plain, drawn);
            }
            let [plain, drawn] =
                [plain, drawn].map(|mut it| it.training_step().expect("trains").loss());
            assert_ne!(plain, drawn);
        }
    }
}

/// The first layers keep every bit, running statistics too; the others learn. Gradients are those of what is trained.
#[test]
fn frozen_layers_stay_as_they_are() {
    for session in [session(), cpu()] {
        for (net, count, first) in [
            (NetworkType::Cnn, 3, "4.weight"),
            (NetworkType::Mlp, 2, "5.weight"),
        ] {
            let data = session.upload_split(split(101, 37, IMAGE)).expect("fits");
            let network = new(session, net, options()).network().clone();
            let network = network.frozen(count).expect("some are left");
            let mut trainer = Trainer::of(session, data, network.clone(), options()).expect("fits");
            let before = trainer.parameters().expect("reads");
            trainer.train_loop(2, |_| Ok(())).expect("trains");
            let after = trainer.parameters().expect("reads");
            let names = network.parameters.iter().map(|it| it.name.as_str());
            let changed: Vec<&str> = names
                .zip(before.iter().zip(&after))
                .filter(|(_, (before, after))| before != after)
                .map(|(name, _)| name)
                .collect();
            assert!(changed.len() >= 4, "{changed:?}");
            let number = |name: &str| name.split('.').next().map(|it| it.parse::<usize>().ok());
            assert!(
                changed.iter().all(|it| number(it) >= number(first)),
                "{net:?}: {changed:?}"
            );
            assert!(network.clone().frozen(100).is_err());
        }
    }
}
