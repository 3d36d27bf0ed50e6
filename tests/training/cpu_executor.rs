//! Both executors against the twins on the same program: three steps.

use std::sync::Arc;

use gpu_train::doctor::distance_from_twins;
use gpu_train::kernel::tuning::Tuning;
use gpu_train::nn::{Network, NetworkType};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Session, TrainerOptions};

use crate::support::{rotated, session, sessions, small_cnn, split};

const IMAGE: ImageShape = ImageShape::new(3, 12, 13);
const BATCH: usize = 16;
/// The last batch is ragged.
const SAMPLES: usize = 41;

#[test]
fn three_steps_are_those_of_the_twins() {
    for session in sessions() {
        assert_twins(session, None);
    }
}

/// Tiles decide how many partial sums there are: the twins add up as many.
#[test]
fn three_tuned_steps_are_those_of_the_twins() {
    let activation = TrainerOptions::default().activation;
    let network = Network::new(NetworkType::Cnn, &small_cnn(), activation, IMAGE).expect("fits");
    for number in [1, 4] {
        let tuning = rotated(&network, IMAGE, BATCH, number);
        assert!(!tuning.is_empty());
        assert_twins(session(), Some(&Arc::new(tuning)));
    }
}

fn assert_twins(session: &Session, tuning: Option<&Arc<Tuning>>) {
    let options = TrainerOptions {
        batch_size: BATCH,
        tuning: tuning.cloned(),
        ..TrainerOptions::default()
    };
    let net = NetworkType::Cnn;
    let data = || split(SAMPLES, 5, IMAGE);
    let sizes = small_cnn();
    let single = distance_from_twins::<f32>(session, data(), net, &sizes, &options, 3);
    let double = distance_from_twins::<f64>(session, data(), net, &sizes, &options, 3);
    for apart in [single, double] {
        let apart = apart.expect("trains");
        assert!(apart <= 1e-5, "{apart:e}");
    }
}
