//! Nets of layers that somebody lists: the same on every device and in ONNX, or refused with a word.

use gpu_train::data::Dataset;
use gpu_train::export::{Meaning, check_onnx, to_onnx};
use gpu_train::nn::layer::{
    ActivationLayer, BatchNorm2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d,
};
use gpu_train::nn::{Layer, Network, TargetScale, initial_parameters};
use gpu_train::shape::ImageShape;
use gpu_train::train::{Predictor, PredictorOptions, Trainer};
use gpu_train::{Activation, Result};

use crate::support::{cpu, sessions, split};

const IMAGE: ImageShape = ImageShape::new(3, 7, 6);

const fn conv(channels: usize, padding: usize, bias: bool) -> Conv2d {
    Conv2d {
        channels,
        kernel: 3,
        stride: 1,
        padding,
        bias,
    }
}

/// Appends a layer by that name.
type Push = Box<dyn Fn(&mut Network, &str) -> Result<()>>;

fn net(layers: Vec<(&str, Push)>) -> Result<Network> {
    let mut net = Network::empty(IMAGE);
    for (name, push) in layers {
        push(&mut net, name)?;
    }
    Ok(net)
}

fn layer(layer: impl Layer + Clone + 'static) -> Push {
    Box::new(move |net, name| net.push(name, layer.clone()))
}

/// Odd channels, whose padding lies among what is flattened, an activation behind the Flatten, a
/// convolution without a bias that no batch norm follows.
#[test]
fn they_train_and_predict_what_onnx_says() {
    let relu = ActivationLayer(Activation::Relu);
    for own in [
        net(vec![
            ("stem", layer(conv(5, 1, false))),
            ("head", layer(Flatten)),
            ("head", layer(relu)),
            ("head", layer(Linear(3))),
            ("head", layer(relu)),
            ("head", layer(Linear(1))),
        ]),
        net(vec![
            ("stem", layer(conv(6, 2, true))),
            ("stem", layer(BatchNorm2d)),
            ("stem", layer(MaxPool2d(2))),
            ("head", layer(GlobalAvgPool2d)),
            ("head", layer(Flatten)),
            ("head", layer(Linear(1))),
        ]),
    ] {
        let own = own.expect("fits");
        for session in sessions() {
            let data = session.upload_split(split(40, 9, IMAGE)).expect("fits");
            let trainer = Trainer::builder(session, data)
                .network(own.clone())
                .batch_size(16);
            let mut trainer = trainer.build().expect("fits");
            trainer.train_loop(2, |_| Ok(())).expect("trains");
            let tensors = trainer.parameters().expect("reads");
            assert_ne!(tensors, initial_parameters(&own.parameters, 0));
            let bytes =
                to_onnx(&own, IMAGE, &tensors, &Meaning::Number, TargetScale::NONE).expect("fits");
            let options = PredictorOptions::default();
            let predictor = Predictor::new(session, own.clone(), &tensors, options).expect("fits");
            check_onnx(session, &bytes, &predictor, IMAGE, &Meaning::Number).expect("the same");
        }
    }
}

#[test]
fn what_cannot_be_a_net_is_refused() {
    let fails = |own: Result<Network>, word: &str| {
        let error = own.expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
    };
    let flat = || ("flat", layer(Flatten));
    fails(net(vec![flat(), ("late", layer(conv(4, 0, true)))]), "late");
    fails(
        net(vec![flat(), ("late", layer(BatchNorm2d))]),
        "was given vectors",
    );
    fails(net(vec![flat(), ("none", layer(Linear(0)))]), "none");
    fails(
        net(vec![("none", layer(conv(0, 0, true)))]),
        "channels are 0",
    );
    fails(
        net(vec![
            ("large", layer(conv(4, 0, true))),
            ("large", layer(MaxPool2d(9))),
        ]),
        "large",
    );
    fails(net(vec![("early", layer(Linear(1)))]), "was given images");

    let session = cpu();
    let data = session.upload_split(split(20, 5, IMAGE)).expect("fits");
    let build = |own: Result<Network>| {
        let trainer = Trainer::builder(session, data.clone()).network(own.expect("fits"));
        trainer.build().map(drop).expect_err("is none").to_string()
    };
    let wide = build(net(vec![flat(), ("head", layer(Linear(10)))]));
    assert!(wide.contains("head") && wide.contains("10"), "{wide}");
    assert!(build(net(Vec::new())).contains("no layers"));
    let mut turned = Network::empty(ImageShape::new(3, 6, 7));
    turned.push("head", Flatten).expect("fits");
    turned.push("head", Linear(1)).expect("fits");
    let other = build(Ok(turned));
    assert!(
        other.contains("3x6x7") && other.contains("3x7x6"),
        "{other}"
    );

    let set = Dataset::new(vec![0; IMAGE.elements()], vec![0.0], IMAGE).expect("is one");
    let mut wide = Network::empty(IMAGE);
    wide.push("head", Flatten).expect("fits");
    wide.push("head", Linear(2)).expect("fits");
    let tensors = initial_parameters(&wide.parameters, 0);
    let predictor = Predictor::new(session, wide, &tensors, PredictorOptions::default());
    let set = session.upload(&set).expect("fits");
    predictor
        .expect("is read")
        .predict(&set)
        .expect_err("has two outputs");
}
