//! Training speed of our nets: `cargo bench --bench training [-- FILTER] [OPTIONS]`.
//!
//! Trains as `gpu-train` does: weights are updated, metrics come back. The clock stands while an
//! epoch is evaluated. The first epoch warms up (drivers compile shaders when they first run); of
//! the others the median counts.

mod nets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Parser;
use gpu_train::data::{Dataset, house_digits};
use gpu_train::error::{Error, Result};
use gpu_train::gpu::GpuOptions;
use gpu_train::train::{ResidentSplit, Session, Trainer, TrainerOptions};
use serde_json::json;

use nets::{Net, median};

/// Images that are evaluated after each epoch, off the clock.
const TEST_IMAGES: usize = 128;

/// Training speed of our nets, in samples per second.
#[derive(Parser)]
struct Options {
    /// Only rows whose name, such as `cnn/128`, contains this
    filter: Option<String>,
    /// Only this net
    #[arg(long)]
    net: Option<String>,
    /// Only this batch size, whether or not it is usual for the net
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Measured epochs, after one that is not
    #[arg(long, value_name = "N", default_value_t = 5)]
    epochs: usize,
    /// Images to train on
    #[arg(long, value_name = "N", default_value_t = nets::IMAGES)]
    images: usize,
    /// Adapter by number or part of its name, or `cpu`; see `gpu-train devices`
    #[arg(long, value_name = "INDEX-or-NAME")]
    device: Option<String>,
    /// Print a JSON object per row
    #[arg(long)]
    json: bool,
    /// Also write the training images (bytes, NCHW) and targets (f32, little-endian) to
    /// `images.u8` and `targets.f32` in this folder, for peers to train on
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// What `cargo bench` passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let session = Session::open(&GpuOptions {
        device: options.device.clone(),
        ..GpuOptions::default()
    })?;
    let split = house_digits::generate(options.images, TEST_IMAGES, 0)?;
    if let Some(folder) = &options.export {
        export(&split.train, folder)?;
    }
    let data = session.upload_split(split)?;
    if !options.json {
        let adapter = session.device().description();
        println!("{} ({})", adapter.name, adapter.driver_version);
        println!(
            "{} images; median of {} epochs, after one to warm up",
            options.images, options.epochs
        );
        println!(
            "{:>14} {:>10} {:>10} {:>10} {:>9}  loss, first and last epoch",
            "net/batch", "samples/s", "slowest", "fastest", "ms/step"
        );
    }
    for (net, batch_size) in rows(&options) {
        measure(&session, &data, &net, batch_size, &options)?;
    }
    Ok(())
}

/// The nets at batches of 128, and the cnn at 1024, as far as `options` ask for them.
fn rows(options: &Options) -> Vec<(Net, usize)> {
    let batches = |name: &str| match options.batch_size {
        Some(batch_size) => vec![batch_size],
        None if name == "cnn" => vec![128, 1024],
        None => vec![128],
    };
    let filter = options.filter.as_deref().unwrap_or_default();
    let mut rows = Vec::new();
    for name in nets::all().map(|net| net.name) {
        for batch_size in batches(name) {
            let net = nets::all().into_iter().find(|net| net.name == name);
            let wanted = options.net.as_deref().is_none_or(|wanted| wanted == name)
                && format!("{name}/{batch_size}").contains(filter);
            rows.extend(net.filter(|_| wanted).map(|net| (net, batch_size)));
        }
    }
    rows
}

fn measure(
    session: &Session,
    data: &Arc<ResidentSplit>,
    net: &Net,
    batch_size: usize,
    options: &Options,
) -> Result<()> {
    let how = TrainerOptions {
        batch_size,
        ..TrainerOptions::default()
    };
    let mut trainer = Trainer::new(session, Arc::clone(data), net.kind, &net.sizes, how)?;
    let initial = trainer.parameters()?;
    trainer.train_loop(1 + options.epochs, |_event| Ok(()))?;
    // A run that does nothing is fast.
    assert_ne!(initial, trainer.parameters()?, "no weight was updated");
    let logs = trainer.logs();
    let losses = [&logs[0], &logs[options.epochs]].map(|epoch| epoch.train.loss());
    let speeds: Vec<f64> = logs[1..].iter().map(|it| it.samples_per_second).collect();
    if options.json {
        let row = json!({
            "net": net.name,
            "batch": batch_size,
            "images": options.images,
            "device": session.device().description().name,
            "driver": session.device().description().driver_version,
            "samples_per_second": speeds,
            "first_loss": losses[0],
            "last_loss": losses[1],
        });
        println!("{row}");
        return Ok(());
    }
    let middle = median(speeds.clone());
    println!(
        "{:>14} {middle:>10.0} {:>10.0} {:>10.0} {:>9.2}  {:.3} -> {:.3}",
        format!("{}/{batch_size}", net.name),
        speeds.iter().copied().fold(f64::INFINITY, f64::min),
        speeds.iter().copied().fold(0.0, f64::max),
        1e3 * batch_size as f64 / middle,
        losses[0],
        losses[1],
    );
    Ok(())
}

fn export(data: &Dataset, folder: &Path) -> Result<()> {
    let targets: Vec<u8> = data
        .targets()
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .collect();
    for (name, bytes) in [("images.u8", data.images()), ("targets.f32", &targets)] {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|error| {
            Error::usage(
                format!("{} cannot be written: {error}", path.display()),
                "--export takes a folder that exists",
            )
        })?;
    }
    Ok(())
}
