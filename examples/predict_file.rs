//! Saves a net's weights, and predicts with what the file holds: `cargo run --release --example
//! predict_file`. PyTorch reads the same file: `net.load_state_dict(load_file(path))`.

use gpu_train::data::house_digits;
use gpu_train::{
    GpuOptions, Net, Predictor, PredictorOptions, Result, Session, Trainer, load_weights,
    save_weights,
};

fn main() -> Result<()> {
    let path = std::env::temp_dir().join(format!("gpu-train-{}.safetensors", std::process::id()));
    let session = Session::open(&GpuOptions::default())?;
    let split = house_digits::generate(1000, 200, 0)?;
    let pictures = split.test.clone();
    let net = Net::mlp([32]);

    let data = session.upload_split(split)?;
    let mut trainer = Trainer::builder(&session, data).net(net.clone()).build()?;
    trainer.train_loop(3, |_event| Ok(()))?;
    save_weights(&path, &trainer.network().parameters, &trainer.parameters()?)?;

    let network = net.build(pictures.shape())?;
    let weights = load_weights(&path, &network.parameters)?;
    let predictor = Predictor::new(&session, network, &weights, PredictorOptions::default())?;
    let predictions = predictor.evaluate(&session.upload(&pictures)?)?;
    println!("first predictions: {:.2?}", &predictions.values[..5]);
    let trained = trainer.logs().last().map(|it| &it.test);
    assert_eq!(trained, Some(&predictions.metrics), "the same net");
    // Best effort: a temporary folder is emptied anyway.
    let _ = std::fs::remove_file(&path);
    Ok(())
}
