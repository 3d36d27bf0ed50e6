//! `--dry-run --estimate`: time per epoch from a few measured steps, and what more ranks would make of it.

use std::num::NonZero;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::start::gpu_options;
use super::style;
use crate::error::Result;
use crate::exec::Device;
use crate::gpu::GpuOptions;
use crate::ranks::{Forecast, Ranks, Traffic, Wire, echo, longest};
use crate::run::{HostData, Job, JobData};
use crate::train::{Session, Trainer};

/// Steps before the clock starts: drivers compile shaders when they first run.
const WARM_UP: usize = 2;
/// What is measured: as many steps as fit, within these bounds.
const BUDGET: Duration = Duration::from_secs(2);
const FEWEST: usize = 3;
const MOST: usize = 4096;
/// Numbers of ranks that are looked at.
const COUNTS: [usize; 4] = [1, 2, 4, 8];

/// What the user says of the network between ranks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network(Wire);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split(',').map(|it| it.trim().parse::<f64>());
        let numbers: Result<Vec<f64>, _> = numbers.collect();
        match numbers.as_deref() {
            Ok(&[gigabits, microseconds]) if gigabits > 0.0 && microseconds >= 0.0 => {
                let (bandwidth, latency) = (gigabits * 1e9 / 8.0, microseconds / 1e6);
                Some(Wire { latency, bandwidth })
            }
            _ => None,
        }
        .filter(|wire| wire.bandwidth.is_finite() && wire.latency.is_finite())
        .map(Self)
        .ok_or_else(|| {
            format!("'{text}' is not a speed in Gbit/s and latency in microseconds, such as 10,50")
        })
    }
}

/// Steps that were timed.
#[derive(Debug, Clone, Copy)]
struct Measured {
    steps: usize,
    /// Those before them, too.
    all_steps: usize,
    samples: usize,
    seconds: f64,
}

impl Measured {
    /// Seconds of a step.
    fn step(self) -> f64 {
        self.seconds / self.steps as f64
    }
}

/// Measures and prints the estimate of `job` on `data`, and the forecast for several ranks over `network`, or over
/// what there is.
pub(super) fn show(
    session: &Session,
    job: &Job,
    data: &HostData,
    binding_bytes: Option<u64>,
    network: Option<Network>,
) -> Result<()> {
    let ranks = session.device().ranks();
    let uploaded = JobData::upload(session, data.clone())?;
    let measured = measure(&mut job.trainer(session, &uploaded)?, BUDGET)?;
    drop(uploaded);
    if ranks.is_first() {
        per_epoch(measured, data.samples());
    }
    let (wire, which) = match network {
        Some(Network(wire)) => (wire, "as --network says".to_owned()),
        None if ranks.is_alone() => {
            let which = "measured between two threads: other machines are slower, see --network";
            (Wire::between_threads()?, which.to_owned())
        }
        None => {
            let which = format!(
                "measured between the slowest two of these {} ranks",
                ranks.count()
            );
            (Wire::measure(&ranks)?, which)
        }
    };
    let mut forecasts = Vec::new();
    for count in COUNTS {
        let (seconds, traffic) = if count == 1 && ranks.is_alone() {
            (measured.step(), Traffic::default())
        } else {
            let share = share(session, job, data, binding_bytes, count);
            match share.and_then(|(seconds, traffic)| Ok((longest(&ranks, seconds)?, traffic))) {
                Ok(share) => share,
                // One rank is no question.
                Err(error) if count > 1 && ranks.is_alone() => {
                    style::notice(&format!("for several ranks there is no estimate: {error}"));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        };
        forecasts.push(Forecast::new(count, seconds, traffic, wire));
    }
    if ranks.is_first() {
        style::say(format_args!(
            "between ranks        {:.1} us a message, {:.2} Gbit/s: {which}",
            wire.latency * 1e6,
            wire.bandwidth * 8.0 / 1e9,
        ));
        table(&forecasts, &ranks, measured);
    }
    Ok(())
}

fn per_epoch(it: Measured, samples: usize) {
    let speed = it.samples as f64 / it.seconds;
    style::say(format_args!(
        "estimate             {} per epoch of training ({:.3} ms per step, {} steps measured, {speed:.0} samples/s)",
        style::duration(samples as f64 / speed),
        it.step() * 1e3,
        it.steps,
    ));
}

/// A line for every number of ranks; where some are there, also what was `measured` with them.
fn table(forecasts: &[Forecast], ranks: &Ranks, measured: Measured) {
    let where_ = if ranks.is_alone() {
        "each on a machine like this one".to_owned()
    } else {
        format!("where these {} compute at the same time", ranks.count())
    };
    style::say(format_args!(
        "\n{:>5}  {:>12}  {:>12}  {:>12}  {:>8}   ({where_})",
        "ranks", "computes, ms", "swaps, ms", "step, ms", "speed-up"
    ));
    for (index, it) in forecasts.iter().enumerate() {
        let fewer =
            Forecast::fastest(&forecasts[..index]).filter(|fewer| fewer.step() <= it.step());
        let note = fewer.map_or(String::new(), |fewer| {
            format!("   slower than {}", fewer.ranks)
        });
        style::say(format_args!(
            "{:>5}  {:>12.3}  {:>12.3}  {:>12.3}  {:>8.2}{note}",
            it.ranks,
            it.share * 1e3,
            it.exchange * 1e3,
            it.step() * 1e3,
            forecasts[0].step() / it.step(),
        ));
    }
    if !ranks.is_alone() {
        style::say(format_args!(
            "measured with these {}: {:.3} ms",
            ranks.count(),
            measured.step() * 1e3
        ));
    }
}

/// Seconds that a rank of `count` computes in a step, and what it swaps: a rank whose partners only echo.
fn share(
    session: &Session,
    job: &Job,
    data: &HostData,
    binding_bytes: Option<u64>,
    count: usize,
) -> Result<(f64, Traffic)> {
    let threads = match session.device() {
        Device::Cpu(cpu) => NonZero::new(cpu.threads()),
        Device::Gpu(..) => None,
    };
    let options = GpuOptions {
        threads,
        ..gpu_options(job.config(), binding_bytes)
    };
    let (link, counted) = echo(count);
    let session = Session::open_shared(&options, Ranks::new(link, "here")?)?;
    let data = JobData::upload(&session, data.clone())?;
    let mut trainer = job.trainer(&session, &data)?;
    let before = counted.traffic();
    let measured = measure(&mut trainer, BUDGET / 2)?;
    let after = counted.traffic();
    // What is swapped once in many steps is less than a message a step.
    let traffic = Traffic {
        swaps: (after.swaps - before.swaps) / measured.all_steps,
        bytes: (after.bytes - before.bytes) / measured.all_steps,
    };
    Ok((measured.step(), traffic))
}

/// Runs of more and more steps until one takes about the `budget`: the ones before it also let
/// submissions grow to their length. Ranks run as many as rank 0.
fn measure(trainer: &mut Trainer<'_>, budget: Duration) -> Result<Measured> {
    trainer.train_steps(WARM_UP)?;
    let ranks = trainer.ranks();
    let (mut steps, mut all_steps) = (FEWEST, WARM_UP);
    loop {
        all_steps += steps;
        let start = Instant::now();
        let samples = trainer.train_steps(steps)?;
        let seconds = start.elapsed().as_secs_f64();
        let fit = budget.as_secs_f64() / seconds * steps as f64;
        let mut next = if seconds >= budget.as_secs_f64() / 2.0 || steps == MOST {
            0
        } else {
            (fit as u64)
                .clamp(2 * steps as u64, 16 * steps as u64)
                .min(MOST as u64)
        }
        .to_le_bytes();
        ranks.take_from_first(&mut next)?;
        match u64::from_le_bytes(next) as usize {
            0 => {
                return Ok(Measured {
                    steps,
                    all_steps,
                    samples,
                    seconds,
                });
            }
            more => steps = more,
        }
    }
}
