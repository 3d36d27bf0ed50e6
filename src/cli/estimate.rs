//! `--dry-run --estimate`: time per epoch from a few measured steps.

use std::time::{Duration, Instant};

use super::style;
use crate::error::Result;
use crate::train::Trainer;

/// Steps before the clock starts: drivers compile shaders when they first run.
const WARM_UP: usize = 2;
/// What is measured: as many steps as fit, within these bounds.
const BUDGET: Duration = Duration::from_secs(2);
const FEWEST: usize = 3;
const MOST: usize = 4096;

/// Steps that were timed.
#[derive(Debug, Clone, Copy)]
struct Measured {
    steps: usize,
    samples: usize,
    seconds: f64,
}

/// Measures and prints the estimate for `samples` training samples.
pub(super) fn show(trainer: &mut Trainer<'_>, samples: usize) -> Result<()> {
    let it = measure(trainer)?;
    let speed = it.samples as f64 / it.seconds;
    style::say(format_args!(
        "estimate             {} per epoch of training ({:.3} ms per step, {} steps measured, {speed:.0} samples/s)",
        style::duration(samples as f64 / speed),
        it.seconds * 1e3 / it.steps as f64,
        it.steps,
    ));
    Ok(())
}

/// Runs of more and more steps until one takes about the budget: the ones before it also let
/// submissions grow to their length.
fn measure(trainer: &mut Trainer<'_>) -> Result<Measured> {
    trainer.train_steps(WARM_UP)?;
    let mut steps = FEWEST;
    loop {
        let start = Instant::now();
        let samples = trainer.train_steps(steps)?;
        let seconds = start.elapsed().as_secs_f64();
        if seconds >= BUDGET.as_secs_f64() / 2.0 || steps == MOST {
            return Ok(Measured {
                steps,
                samples,
                seconds,
            });
        }
        let fit = BUDGET.as_secs_f64() / seconds * steps as f64;
        steps = (fit as usize).clamp(2 * steps, 16 * steps).min(MOST);
    }
}
