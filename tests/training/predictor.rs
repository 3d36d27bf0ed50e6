//! The predictor gives what the trainer's evaluation gives, and is as careful about what it is given.

use gpu_train::data::Dataset;
use gpu_train::nn::{Activation, Network, NetworkConfiguration, NetworkType};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Predictor, PredictorOptions, Subset, TrainerOptions};

use crate::support::{cpu, sessions, small_cnn, small_resnet, split, trainer};

const IMAGE: ImageShape = ImageShape::new(3, 12, 11);

/// The net that `support::trainer` trains.
fn network(net: NetworkType) -> Network {
    let sizes = match net {
        NetworkType::Cnn => small_cnn(),
        NetworkType::Mlp => NetworkConfiguration::mlp(&[33, 7]),
        NetworkType::Resnet => small_resnet(),
    };
    Network::new(net, &sizes, Activation::Relu, IMAGE).expect("fits")
}

#[test]
fn predictions_and_metrics_are_the_bits_of_the_trainers_evaluation() {
    for session in sessions() {
        // 75 test images: whole batches and a ragged one; 20: less than a batch.
        for (net, test, fuse) in [
            (NetworkType::Cnn, 75, true),
            (NetworkType::Cnn, 75, false),
            (NetworkType::Mlp, 75, true),
            (NetworkType::Mlp, 20, true),
        ] {
            let data = split(64, test, IMAGE);
            let options = TrainerOptions {
                batch_size: 32,
                fuse,
                ..TrainerOptions::default()
            };
            let mut trainer = trainer(session, data.clone(), net, options);
            trainer.train_steps(3).expect("trains");
            let evaluated = trainer.evaluate(Subset::Test).expect("evaluates");
            let trained = trainer.predict_test().expect("predicts");
            assert_eq!(trained.metrics, evaluated);
            let options = PredictorOptions {
                batch_size: 32,
                fuse,
                ..PredictorOptions::default()
            };
            let tensors = trainer.parameters().expect("reads");
            let predictor = Predictor::new(session, network(net), &tensors, options);
            let set = session.upload(&data.test).expect("fits");
            let predicted = predictor.expect("fits").evaluate(&set).expect("predicts");
            assert_eq!(predicted, trained, "{net:?}");
            // The metrics are those of these predictions and targets.
            let pairs = predicted.values.iter().zip(data.test.targets());
            let absolute = pairs.map(|(value, target)| f64::from((value - target).abs()));
            let mae = absolute.sum::<f64>() / test as f64;
            assert!(
                (mae - evaluated["mae"]).abs() <= 1e-6 * mae,
                "{mae} {evaluated:?}"
            );
            assert_eq!(
                set.targets(session.device()).expect("reads"),
                data.test.targets()
            );
        }
    }
}

#[test]
fn what_is_predicted_for_an_image_does_not_depend_on_its_company() {
    for session in sessions() {
        let data = split(8, 70, IMAGE).test;
        let options = PredictorOptions {
            batch_size: 32,
            ..PredictorOptions::default()
        };
        let network = network(NetworkType::Cnn);
        let tensors = gpu_train::nn::initial_parameters(&network.parameters, 3);
        let predictor = Predictor::new(session, network, &tensors, options).expect("fits");
        let predict = |data: &Dataset| {
            let set = session.upload(data).expect("fits");
            predictor.predict(&set).expect("predicts")
        };
        let all = predict(&data);
        let elements = IMAGE.elements();
        for at in [0, 1, 33, 69] {
            let image = data.images()[at * elements..][..elements].to_vec();
            let alone = Dataset::new(image, vec![0.0], IMAGE).expect("a data set");
            assert_eq!(predict(&alone), [all[at]], "image {at}");
        }
    }
}

/// The processor's kernels are the same for every batch, of which less than eight images leave threads
/// without any; a GPU's tiles may depend on it.
#[test]
fn on_the_processor_batches_of_any_size_predict_the_same_bits() {
    let data = split(8, 70, IMAGE).test;
    let set = cpu().upload(&data).expect("fits");
    let large = NetworkConfiguration::mlp(&[1000]);
    let large = Network::new(NetworkType::Mlp, &large, Activation::Relu, IMAGE).expect("fits");
    for (network, fuse) in [
        (network(NetworkType::Cnn), true),
        (network(NetworkType::Cnn), false),
        (network(NetworkType::Mlp), true),
        (large, true),
    ] {
        let tensors = gpu_train::nn::initial_parameters(&network.parameters, 3);
        let predict = |batch_size| {
            let options = PredictorOptions {
                batch_size,
                fuse,
                ..PredictorOptions::default()
            };
            let predictor = Predictor::new(cpu(), network.clone(), &tensors, options);
            predictor.expect("fits").predict(&set).expect("predicts")
        };
        let all = predict(128);
        for batch_size in [1, 2, 7, 9, 32] {
            assert_eq!(
                predict(batch_size),
                all,
                "{:?}, by {batch_size}",
                network.parameters
            );
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for session in sessions() {
        let network = network(NetworkType::Cnn);
        let mut tensors = gpu_train::nn::initial_parameters(&network.parameters, 0);
        let new = |tensors: &[Vec<f32>], batch_size| {
            let options = PredictorOptions {
                batch_size,
                ..PredictorOptions::default()
            };
            Predictor::new(session, network.clone(), tensors, options)
        };
        let error = new(&tensors, 0).expect_err("no batch");
        assert!(error.hint().contains("`batch_size`"), "{error}");
        let predictor = new(&tensors, 8).expect("fits");
        let other = split(1, 2, ImageShape::new(3, 11, 12)).test;
        let set = session.upload(&other).expect("fits");
        let error = predictor.evaluate(&set).expect_err("other images");
        assert!(error.to_string().contains("3x11x12"), "{error}");
        tensors[2].pop();
        let error = new(&tensors, 8).expect_err("a weight is missing");
        assert!(error.to_string().starts_with("3.weight: "), "{error}");
    }
}
