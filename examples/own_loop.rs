//! Writes its own training loop, step by step: `cargo run --release --example own_loop`.

use gpu_train::data::house_digits;
use gpu_train::{GpuOptions, Net, Result, Session, Subset, Trainer};

const BATCH: usize = 64;

fn main() -> Result<()> {
    let session = Session::open(&GpuOptions::default())?;
    let split = house_digits::generate(1000, 200, 0)?;
    let steps_per_epoch = split.train.len().div_ceil(BATCH);
    let data = session.upload_split(split)?;
    let mut trainer = Trainer::builder(&session, data)
        .net(Net::cnn([8, 16]).dense([32]))
        .batch_size(BATCH)
        .lr(1e-3)
        .build()?;
    let before = trainer.evaluate(Subset::Test)?;
    for epoch in 1..=3 {
        let mut last = None;
        for _ in 0..steps_per_epoch {
            // Metrics of the batch before its update.
            last = Some(trainer.training_step()?);
        }
        let test = trainer.evaluate(Subset::Test)?;
        let batch = last.map_or(f64::NAN, |it| it.loss());
        println!(
            "epoch {epoch}: last batch {batch:.2}, test {:.2}",
            test.loss()
        );
    }
    let after = trainer.evaluate(Subset::Test)?;
    assert!(after.loss() < before.loss(), "it learns");
    Ok(())
}
