//! Trains a net of layers one after the other: `cargo run --release --example own_layers`.
//!
//! What layers there are, `gpu_train::nn::layer` tells; a kind of its own is a type that implements
//! `gpu_train::Layer`.

use gpu_train::data::house_digits;
use gpu_train::nn::layer::{
    ActivationLayer, BasicBlock, BatchNorm2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, MaxPool2d,
};
use gpu_train::{Activation, GpuOptions, ImageShape, Network, Result, Session, Sgd, Trainer};

fn network(image: ImageShape) -> Result<Network> {
    let mut net = Network::empty(image);
    let convolution = Conv2d {
        channels: 8,
        kernel: 5,
        stride: 2,
        padding: 2,
        bias: false,
    };
    net.push("stem", convolution)?;
    net.push("stem", BatchNorm2d)?;
    net.push("stem", ActivationLayer(Activation::Relu))?;
    net.push("stem", MaxPool2d(2))?;
    net.push("block", BasicBlock::new(16, 2, Activation::Relu))?;
    net.push("head", GlobalAvgPool2d)?;
    net.push("head", Flatten)?;
    net.push("head", Linear(1))?;
    Ok(net)
}

fn main() -> Result<()> {
    let session = Session::open(&GpuOptions::default())?;
    let split = house_digits::generate(1000, 200, 0)?;
    let network = network(split.train.shape())?;
    for entry in &network.layers {
        println!("{:>2}  {:<70} {}", entry.path, entry.torch(), entry.output);
    }
    let data = session.upload_split(split)?;
    let sgd = Sgd {
        momentum: 0.9,
        nesterov: true,
        weight_decay: 1e-4,
    };
    let mut trainer = Trainer::builder(&session, data)
        .network(network)
        .optimizer(sgd)
        .lr(1e-3)
        .build()?;
    trainer.train_loop(3, |_event| Ok(()))?;
    let losses = trainer.logs().iter().map(|it| it.train.loss());
    let losses: Vec<f64> = losses.collect();
    println!("training loss by epoch: {losses:.2?}");
    assert!(losses[2] < losses[0], "it learns");
    Ok(())
}
