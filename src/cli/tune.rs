//! `gpu-train tune`.

use super::args::TuneArgs;
use super::{style, tuned};
use crate::error::{Error, Result};
use crate::exec::Device;
use crate::gpu::GpuOptions;
use crate::nn::Network;
use crate::train::TrainerOptions;
use crate::tune::{Finding, TuneEvent, TuningFile, tune};

/// Measures, prints the table, and keeps what is faster than the default.
pub(super) fn run(args: &TuneArgs) -> Result<()> {
    let network = network(args)?;
    let device = Device::open(&GpuOptions {
        device: args.device.clone(),
        ..GpuOptions::default()
    })?;
    let gpu = device.gpu("tune")?;
    let file = TuningFile::of(gpu.description()).ok_or_else(|| {
        Error::usage(
            "there is no cache folder to keep a tuning in",
            "set HOME (on Windows LOCALAPPDATA) to an absolute path",
        )
    })?;
    // A file that cannot be used is written anew.
    let mut tuning = tuned::read(&file, args.quiet);
    if !args.quiet {
        style::tell(format_args!(
            "on {}, batches of {}",
            gpu.description().name,
            args.batch_size
        ));
    }
    let mut rows = 0;
    let findings = tune(gpu, &network, args.batch_size, |event| {
        if let TuneEvent::Found(finding) = event {
            if rows == 0 {
                header();
            }
            rows += 1;
            row(finding);
        } else if !args.quiet {
            say(event);
        }
        Ok(())
    })?;
    let better = findings.iter().filter(|it| it.better.is_some()).count();
    let of = findings.len();
    for finding in findings {
        tuning.set(finding.problem, finding.better);
    }
    file.write(tuning)?;
    if !args.quiet {
        style::tell(format_args!(
            "{better} of {of} kernels have a faster tile; kept in {}",
            file.path().display()
        ));
    }
    Ok(())
}

fn network(args: &TuneArgs) -> Result<Network> {
    TrainerOptions {
        batch_size: args.batch_size,
        ..TrainerOptions::default()
    }
    .validate()?;
    let config = args.net.config()?;
    Network::new(
        config.net,
        &config.configuration(),
        config.activation,
        args.image.0,
    )
}

fn header() {
    style::say(format_args!(
        "{:<26} {:<14} {:<39} {:<39} {:>9} {:>9} {:>6}",
        "kernel", "layer", "default tile", "best tile", "ms", "ms", "ratio"
    ));
}

/// What is not the table goes to stderr.
fn say(event: &TuneEvent<'_>) {
    match event {
        TuneEvent::Measuring {
            number,
            of,
            problem,
            layer,
            candidates,
        } => style::tell(format_args!(
            "{number}/{of} {}, {layer}: {candidates} tiles",
            problem.kernel
        )),
        TuneEvent::Refused { problem, tile, why } => {
            style::notice(&format!("{} without {tile}: {why}", problem.kernel));
        }
        TuneEvent::Found(_) => {}
    }
}

fn row(finding: &Finding) {
    let best = finding.better.as_ref().unwrap_or(&finding.default);
    style::say(format_args!(
        "{:<26} {:<14} {:<39} {:<39} {:>9.3} {:>9.3} {:>6.2}",
        finding.problem.kernel,
        finding.layer,
        finding.default.to_string(),
        best.to_string(),
        finding.default_seconds * 1e3,
        finding.seconds * 1e3,
        finding.ratio,
    ));
}
