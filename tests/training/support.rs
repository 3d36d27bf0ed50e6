//! What the tests of this binary share.

use std::sync::{Arc, OnceLock};

use gpu_train::data::{Dataset, Split};
pub use gpu_train::doctor::distance;
use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::kernel::choice::Choice;
use gpu_train::kernel::tuning::{TileValues, Tuning};
use gpu_train::nn::{
    Adam, Network, NetworkConfiguration, NetworkType, ProgramOptions, Regression, Update,
    training_program,
};
use gpu_train::ops::batch::gather::ResidentLayout;
use gpu_train::shape::ImageShape;
use gpu_train::train::{Session, Trainer, TrainerOptions};

/// The adapter that tests of GPUs run on, by its number: without a name a session takes the processor
/// where there is no GPU, and software Vulkan, which most machines that test have, only where it is
/// named. Where there is no adapter at all, these tests are to fail.
pub fn adapter() -> GpuOptions {
    GpuOptions {
        device: Some("0".to_owned()),
        ..GpuOptions::default()
    }
}

/// The processor, with as many threads as it has processors.
pub fn processor() -> GpuOptions {
    GpuOptions {
        device: Some("cpu".to_owned()),
        ..GpuOptions::default()
    }
}

/// A session of its own, for tests that count what it did or give it limits.
pub fn open(options: &GpuOptions) -> Session {
    Session::open(options).expect("these tests need a GPU adapter; `make test` sees to one")
}

/// A session on the GPU, with unchecked shaders, as a release runs them.
pub fn session() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| open(&adapter()))
}

/// A session on the processor.
pub fn cpu() -> &'static Session {
    static SESSION: OnceLock<Session> = OnceLock::new();
    SESSION.get_or_init(|| open(&processor()))
}

/// Both of them, one after the other; the last one named is the one that a test failed on.
pub fn sessions() -> impl Iterator<Item = &'static Session> {
    let name = |it: &&Session| println!("on {}", it.device().description().name);
    [session(), cpu()].into_iter().inspect(name)
}

/// The GPU of a session on one.
pub fn gpu(session: &Session) -> &Gpu {
    session.device().gpu("this test").expect("is a GPU")
}

/// Images whose brightness tells their target, with noise: something to learn, made in no time.
pub fn split(train: usize, test: usize, shape: ImageShape) -> Split {
    let set = |count: usize, mut state: u32| {
        let mut bits = || {
            state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            (state >> 13) % 256
        };
        let targets: Vec<f32> = (0..count).map(|index| (index * 7 % 10) as f32).collect();
        let images = targets.iter().flat_map(|target| {
            let level = *target as u32 * 20;
            (0..shape.elements())
                .map(|_| (level + bits() / 4) as u8)
                .collect::<Vec<_>>()
        });
        Dataset::new(images.collect(), targets, shape).expect("a data set")
    };
    Split::new(set(train, 1), set(test, 2))
}

/// A small cnn with an odd pooling and an overlapping adaptive window.
pub fn small_cnn() -> NetworkConfiguration {
    NetworkConfiguration {
        n_channels: vec![5, 7],
        kernel_sizes: vec![3, 2],
        strides: vec![1, 1],
        ..NetworkConfiguration::mlp(&[9])
    }
}

/// Two stages of one block.
pub fn small_resnet() -> NetworkConfiguration {
    NetworkConfiguration {
        n_channels: vec![5, 7],
        ..NetworkConfiguration::mlp(&[])
    }
}

/// A trainer of the small cnn (or a small mlp, or resnet) on `data`.
pub fn trainer(
    session: &Session,
    data: Split,
    net: NetworkType,
    options: TrainerOptions,
) -> Trainer<'_> {
    let configuration = match net {
        NetworkType::Cnn => small_cnn(),
        NetworkType::Mlp => NetworkConfiguration::mlp(&[33, 7]),
        NetworkType::Resnet => small_resnet(),
    };
    trainer_of(session, data, net, &configuration, options)
}

/// A trainer of that net on `data`.
pub fn trainer_of<'a>(
    session: &'a Session,
    data: Split,
    net: NetworkType,
    configuration: &NetworkConfiguration,
    options: TrainerOptions,
) -> Trainer<'a> {
    let data = session.upload_split(data).expect("fits");
    Trainer::new(session, Arc::clone(&data), net, configuration, options)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// For every problem of the training step of `network`, on `image` in batches of `batch`, the tile
/// that stands `number` places after the default in the list of candidates, which is a ring.
pub fn rotated(network: &Network, image: ImageShape, batch: usize, number: usize) -> Tuning {
    let choices = choices(network, image, batch, &Arc::default());
    let tile = |candidates: &[_]| TileValues::new(candidates[number % candidates.len()]);
    let tiles = choices
        .iter()
        .map(|it| (it.problem.clone(), tile(&it.candidates)));
    tiles.collect()
}

/// What the training step of `network`, with the tiles of `tuning`, chose from.
pub fn choices(
    network: &Network,
    image: ImageShape,
    batch: usize,
    tuning: &Arc<Tuning>,
) -> Vec<Choice> {
    let target = session().device().target().clone();
    let options = ProgramOptions {
        objective: Arc::new(Regression::default()),
        capacity: batch,
        rows: 1,
        target: target.with_tuning(tuning, batch),
        fuse: true,
    };
    let layout = ResidentLayout::new(batch, image.elements(), 1 << 27).expect("fits");
    let program = training_program(network, &layout, &options, Update::of(&Adam::default()));
    let dispatches = program.expect("fits").dispatches;
    dispatches
        .into_iter()
        .filter_map(|it| it.call.choice)
        .collect()
}
