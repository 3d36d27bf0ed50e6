//! `--dry-run --estimate`: time per epoch from a few measured steps.

use std::time::{Duration, Instant};

use super::style;
use crate::error::Result;
use crate::train::Trainer;

/// Steps before the clock starts: drivers compile shaders when they first run.
const WARM_UP: usize = 2;
/// What is measured: at least three steps, and as many as fit.
const BUDGET: Duration = Duration::from_secs(2);
const FEWEST: u32 = 3;
const MOST: u32 = 100;

/// Measures and prints the estimate for `samples` training samples in batches of `batch_size`.
pub(super) fn show(trainer: &mut Trainer<'_>, samples: usize, batch_size: usize) -> Result<()> {
    for _ in 0..WARM_UP {
        trainer.training_step()?;
    }
    let start = Instant::now();
    let mut steps = 0;
    while steps < FEWEST || (start.elapsed() < BUDGET && steps < MOST) {
        trainer.training_step()?;
        steps += 1;
    }
    let per_step = start.elapsed().as_secs_f64() / f64::from(steps);
    let epoch = per_step * samples.div_ceil(batch_size) as f64;
    println!(
        "estimate             {} per epoch of training ({:.1} ms per step, {steps} steps measured, {:.0} samples/s)",
        style::duration(epoch),
        per_step * 1e3,
        batch_size.min(samples) as f64 / per_step,
    );
    Ok(())
}
