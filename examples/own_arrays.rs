//! Trains on arrays of your own: `cargo run --release --example own_arrays`.
//!
//! Pictures of one bright square on black; the target is the column that it is in.

use gpu_train::{Dataset, GpuOptions, ImageShape, Net, Result, Session, Split, Trainer};

const SIDE: usize = 16;
const SQUARE: usize = 3;

/// `count` pictures of SIDE x SIDE with their targets.
fn pictures(count: usize) -> Result<Dataset> {
    let mut images = vec![0_u8; count * SIDE * SIDE];
    let mut targets = Vec::new();
    for (index, image) in images.chunks_exact_mut(SIDE * SIDE).enumerate() {
        // Whatever the count, every place comes about as often.
        let places = SIDE - SQUARE + 1;
        let (x, y) = (index % places, index / places * 7 % places);
        for row in 0..SQUARE {
            image[(y + row) * SIDE + x..][..SQUARE].fill(255);
        }
        targets.push(x as f32);
    }
    Dataset::new(images, targets, ImageShape::new(1, SIDE, SIDE))
}

fn main() -> Result<()> {
    let session = Session::open(&GpuOptions::default())?;
    let split = Split::new(pictures(1000)?, pictures(200)?);
    let data = session.upload_split(split)?;
    let mut trainer = Trainer::builder(&session, data)
        .net(Net::cnn([8, 16]).dense([32]))
        .lr(3e-3)
        .build()?;
    trainer.train_loop(40, |_event| Ok(()))?;
    let mae = trainer.logs().last().map_or(f64::NAN, |it| it.test["mae"]);
    println!("off by {mae:.2} columns on average");
    assert!(mae < 0.5, "it has learned where the square is");
    Ok(())
}
