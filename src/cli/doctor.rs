//! `gpu-train doctor`.

use std::time::Duration;

use super::args::DoctorArgs;
use super::bar::Look;
use super::style;
use crate::doctor::{
    DoctorEvent, DoctorOptions, KernelReport, Requirement, System, TrainingReport, examine, named,
};
use crate::error::Result;
use crate::gpu::GpuOptions;

/// How the bar looks.
const BAR: Look = Look {
    wide: "{bar:30} {pos}/{len}  {eta} left  {wide_msg}",
    narrow: "{bar:6} {pos}/{len}  {wide_msg}",
};

/// Failures of one kernel that are printed in full.
const SHOWN: usize = 5;

/// Examines the adapter, prints the report, and errors where something failed.
pub(super) fn run(args: &DoctorArgs) -> Result<()> {
    if let Some(name) = &args.break_kernel {
        named(name)?;
    }
    let options = DoctorOptions {
        gpu: GpuOptions {
            device: args.device.clone(),
            break_kernel: args.break_kernel.clone(),
            ..GpuOptions::default()
        },
        kernels: args.kernels.clone(),
    };
    let bar = BAR.bar(!args.quiet);
    let report = examine(&options, |event| match event {
        DoctorEvent::Opened { system, steps } => {
            bar.set_length(*steps as u64);
            bar.enable_steady_tick(Duration::from_millis(500));
            bar.suspend(|| head(system));
        }
        DoctorEvent::Started(name) => bar.set_message((*name).to_owned()),
        DoctorEvent::Step => bar.inc(1),
        DoctorEvent::Kernel(found) => bar.suspend(|| kernel(found)),
        DoctorEvent::Training(found) => bar.suspend(|| training(found)),
    });
    bar.finish_and_clear();
    let report = report?;
    for kernel in &report.kernels {
        failures(kernel);
    }
    let verdict = report.verdict();
    match &verdict {
        Ok(()) => style::say(format_args!("\nall passed")),
        Err(_) => style::say(format_args!(
            "\nTo report this, open an issue with all of the above, from the first line on, and say \
             which version of the driver or of gpu-train worked, if one did."
        )),
    }
    verdict
}

/// What a bug report starts with, and the head of the table.
fn head(system: &System) {
    let adapter = &system.adapter;
    style::say(format_args!(
        "gpu-train {} on {}",
        system.version, system.os
    ));
    style::say(format_args!(
        "device {} ({}, {})",
        adapter.name, adapter.kind, adapter.backend
    ));
    style::say(format_args!(
        "driver {} {}",
        adapter.driver, adapter.driver_version
    ));
    if !system.limits.is_empty() {
        style::say(format_args!(
            "\n{:<30} {:>12} {:>12}",
            "limit", "needed", "here"
        ));
    }
    for limit in &system.limits {
        let enough = if limit.here < limit.needed {
            "  too little"
        } else {
            ""
        };
        style::say(format_args!(
            "{:<30} {:>12} {:>12}{enough}",
            limit.name,
            amount(limit, limit.needed),
            amount(limit, limit.here)
        ));
    }
    style::say(format_args!("\n{:<30} {:>12}  used for", "feature", "here"));
    for feature in &system.features {
        let (name, here, used_for) = (feature.name, &feature.here, feature.used_for);
        style::say(format_args!("{name:<30} {here:>12}  {used_for}"));
    }
    style::say(format_args!(
        "\neach against its twin; deviation: the largest, of what is allowed"
    ));
    style::say(format_args!(
        "{:<34} {:>8} {:>8} {:>10}",
        "kernel", "variants", "launches", "deviation"
    ));
}

fn amount(limit: &Requirement, value: u64) -> String {
    if limit.bytes {
        style::bytes(value)
    } else {
        value.to_string()
    }
}

/// A line of the table. The deviation is the largest, by what is allowed.
fn kernel(report: &KernelReport) {
    let found = &report.found;
    let deviation = if found.share == 0.0 {
        "none".to_owned()
    } else {
        format!("{:.1}%", found.share * 100.0)
    };
    let (end, deviation) = if found.failures.is_empty() {
        ("ok", deviation.as_str())
    } else {
        ("FAILED", "-")
    };
    let repeated = match found.repeated {
        0 => String::new(),
        count => format!("; {count} of them only at the second attempt"),
    };
    style::say(format_args!(
        "{:<34} {:>8} {:>8} {deviation:>10}  {end}{repeated}",
        report.kernel.name, found.run, found.launches
    ));
}

fn training(found: &TrainingReport) {
    match &found.outcome {
        Ok(what) => style::say(format_args!("{:<34} ok: {what}", found.name)),
        Err(what) => style::say(format_args!("{:<34} FAILED: {what}", found.name)),
    }
}

/// What failed of one kernel, in full.
fn failures(report: &KernelReport) {
    let (name, failed) = (report.kernel.name, &report.found.failures);
    for failure in failed.iter().take(SHOWN) {
        let values = failure.variant.iter();
        let mut title = vec![name.to_owned()];
        title.extend(values.map(|(name, value)| format!("{name}={value}")));
        if failure.checked {
            title.push("(checked)".to_owned());
        }
        style::say(format_args!("\n{}", title.join(" ")));
        if let Some(launch) = &failure.launch {
            style::say(format_args!("  with {launch}"));
        }
        style::say(format_args!("  {}", failure.what));
    }
    if failed.len() > SHOWN {
        style::say(format_args!(
            "\nand {} more of {name}",
            failed.len() - SHOWN
        ));
    }
}
