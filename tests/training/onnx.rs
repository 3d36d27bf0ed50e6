//! Exported ONNX files: the bytes that onnxruntime was given (`tests/fixtures/check_onnx.py`), and its
//! outputs, which must be those of GPU and processor.

use std::fs;
use std::path::Path;

use gpu_train::data::{Classes, Dataset};
use gpu_train::export::{Meaning, Model, Tensor, check_onnx, to_onnx, with_metadata};
use gpu_train::nn::{Network, TargetScale};
use gpu_train::run::{Metadata, RunConfig, Task};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Predictor, PredictorOptions, Session};
use safetensors::SafeTensors;
use sha2::{Digest as _, Sha256};

use crate::fixture::{self, Fixture};
use crate::support::sessions;

fn network(fixture: &Fixture) -> Network {
    let (net, activation) = (fixture.description.net, fixture.description.activation);
    Network::new(net, &fixture.configuration(), activation, fixture.image()).expect("fits")
}

/// Classes are named by their numbers.
fn meaning(fixture: &Fixture) -> Meaning {
    fixture
        .description
        .classes
        .map_or(Meaning::Number, |count| {
            let names = (0..count).map(|class| class.to_string());
            Meaning::Logits(Classes::new(names.collect()))
        })
}

/// What `gpu-train export` says of a net of which only the file of weights is there.
fn metadata(fixture: &Fixture) -> Metadata {
    let classes = meaning(fixture).classes().cloned();
    let config = RunConfig {
        task: classes.as_ref().map(|_| Task::Classify),
        classes,
        ..RunConfig::default()
    };
    config.metadata(fixture.image())
}

fn weights(fixture: &Fixture, network: &Network, when: &str) -> Vec<Vec<f32>> {
    let names = network.parameters.iter().map(|it| it.name.clone());
    fixture.tensors(when, &names.collect::<Vec<_>>())
}

/// The first `count` test images, from the first on again where there are fewer.
fn images(fixture: &Fixture, count: usize) -> Dataset {
    let test = fixture.split().test;
    let bytes = test.images().iter().copied().cycle();
    let bytes = bytes.take(count * test.shape().elements()).collect();
    Dataset::new(bytes, vec![0.0; count], test.shape()).expect("a data set")
}

#[test]
fn onnxruntime_gives_our_outputs() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx_outputs.safetensors");
    let recorded = fs::read(path).expect("is committed");
    let recorded = SafeTensors::deserialize(&recorded).expect("a safetensors file");
    // Options of training change no graph.
    let nets = fixture::all().into_iter();
    for fixture in nets.filter(|it| !it.name.starts_with("option_")) {
        // Some nets end saturated: what they predict hardly depends on the image.
        for when in ["initial", "final"] {
            let name = format!("{}.{when}", fixture.name);
            let tensor = |what: &str| recorded.tensor(&format!("{name}.{what}")).expect(what);
            let network = network(&fixture);
            let tensors = weights(&fixture, &network, when);
            let bytes = to_onnx(
                &network,
                fixture.image(),
                &tensors,
                &meaning(&fixture),
                TargetScale::NONE,
            )
            .expect("fits");
            let bytes = with_metadata(bytes, &metadata(&fixture));
            assert_eq!(
                Sha256::digest(&bytes).as_slice(),
                tensor("sha256").data(),
                "{name}: other bytes than onnxruntime was given; run tests/fixtures/check_onnx.py"
            );
            let expected = bytemuck::pod_collect_to_vec(tensor("prediction").data());
            for session in sessions() {
                let options = PredictorOptions {
                    objective: fixture.objective(),
                    ..PredictorOptions::default()
                };
                let network = network.clone();
                let predictor = Predictor::new(session, network, &tensors, options).expect("fits");
                let meaning = meaning(&fixture);
                let apart = check_onnx(session, &bytes, &predictor, fixture.image(), &meaning);
                apart.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_predicts(&name, session, &fixture, &predictor, &expected);
            }
        }
    }
}

/// What is predicted for 1, 3 and 128 test images is `expected`, within 1e-5 of each.
fn assert_predicts(
    name: &str,
    session: &Session,
    fixture: &Fixture,
    predictor: &Predictor<'_>,
    expected: &[f32],
) {
    for count in [1, 3, 128] {
        let set = session.upload(&images(fixture, count)).expect("fits");
        let got = predictor.predict(&set).expect("predicts");
        let outputs = predictor.network().outputs();
        assert_eq!(got.len(), count * outputs);
        let samples = got.chunks(outputs).zip(expected.chunks(outputs).cycle());
        for (index, (got, expected)) in samples.enumerate() {
            // A single number, or logits, of which one may be next to nothing.
            let largest = expected.iter().copied().map(f32::abs).fold(0.0, f32::max);
            for (got, expected) in got.iter().zip(expected) {
                let apart = (got - expected).abs() / largest;
                assert!(
                    apart <= 1e-5,
                    "{name}, image {index} of {count}: {got}, onnxruntime {expected}"
                );
            }
        }
    }
}

/// The windows that the fixtures are named for are said in the ways that they are meant to test.
#[test]
fn adaptive_windows_are_poolings_where_uniform_and_slices_elsewhere() {
    for (name, slices, poolings) in [
        ("cnn_default", 0, 2), // 4 to 4: nothing but the poolings between convolutions
        ("cnn_adaptive_5_to_4", 0, 1), // two rows at steps of one
        ("cnn_adaptive_7_to_4", 8, 0),
    ] {
        let fixture = Fixture::load(name);
        let network = network(&fixture);
        let tensors = weights(&fixture, &network, "final");
        let bytes = to_onnx(
            &network,
            fixture.image(),
            &tensors,
            &meaning(&fixture),
            TargetScale::NONE,
        )
        .expect("fits");
        let model = Model::decode(&bytes).expect("decodes");
        let count = |op: &str| model.operators().iter().filter(|it| **it == op).count();
        assert_eq!(count("Slice"), slices, "{name}");
        assert_eq!(count("ReduceMax"), slices, "{name}");
        assert_eq!(count("MaxPool"), poolings, "{name}");
    }
}

#[test]
fn a_graph_that_computes_something_else_is_refused() {
    for session in sessions() {
        let fixture = Fixture::load("cnn_adaptive_7_to_4");
        let net = network(&fixture);
        let tensors = weights(&fixture, &net, "initial");
        let mut others = tensors.clone();
        // One weight of one kernel, by a thousandth.
        others[0][0] += 1e-3;
        let bytes = to_onnx(
            &net,
            fixture.image(),
            &others,
            &Meaning::Number,
            TargetScale::NONE,
        )
        .expect("fits");
        let predictor = Predictor::new(session, net, &tensors, PredictorOptions::default());
        let predictor = predictor.expect("fits");
        let number = Meaning::Number;
        let error = check_onnx(session, &bytes, &predictor, fixture.image(), &number);
        let error = error.expect_err("computes something else").to_string();
        assert!(error.contains("where the device gives"), "{error}");
        let error = check_onnx(
            session,
            &bytes[..bytes.len() / 2],
            &predictor,
            fixture.image(),
            &number,
        );
        assert!(error.is_err(), "half a file");
    }
}

#[test]
fn the_interpreter_refuses_what_does_not_fit() {
    let fixture = Fixture::load("mlp_tanh");
    let network = network(&fixture);
    let tensors = weights(&fixture, &network, "final");
    let bytes = to_onnx(
        &network,
        fixture.image(),
        &tensors,
        &meaning(&fixture),
        TargetScale::NONE,
    )
    .expect("fits");
    let model = Model::decode(&bytes).expect("decodes");
    let shape = ImageShape::new(3, 5, 6);
    let input = Tensor {
        shape: vec![1, 3, 5, 6],
        values: vec![0.0; shape.elements()],
    };
    let error = model.run(input).expect_err("a row is missing");
    assert!(error.starts_with("1.Gemm: [1, 90] by [20, 108]"), "{error}");
    assert!(
        to_onnx(
            &network,
            fixture.image(),
            &tensors[1..],
            &Meaning::Number,
            TargetScale::NONE
        )
        .is_err()
    );
}
