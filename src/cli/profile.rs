//! `--profile`: where the time of a training step goes.

use super::style;
use crate::error::Result;
use crate::exec::{Ceilings, Device, Profile};

/// Prints the table of `profile` to stdout, beside what `device` can do at best.
pub(super) fn show(profile: &Profile, device: &Device) -> Result<()> {
    let ceilings = Ceilings::measure(device)?;
    style::say(format_args!(
        "{:<33} {:<14} {:>5} {:>9} {:>6} {:>8} {:>6} {:>7} {:>6}",
        "kernel", "layer", "calls", "ms", "share", "GFLOP/s", "peak", "GB/s", "loads"
    ));
    let percent = |part: f64, whole: f64| format!("{:.0}%", 100.0 * part / whole);
    for row in profile.rows() {
        let (flops, peak) = if row.flops > 0.0 {
            let giga = format!("{:.1}", row.flops / 1e9);
            (giga, percent(row.flops, ceilings.flops))
        } else {
            (String::new(), String::new())
        };
        // What runs as one launch stands below each other.
        let mut kernels = row.kernel.split(" + ");
        let mut layers = row.layer.split(", ");
        style::say(format_args!(
            "{:<33} {:<14} {:>5} {:>9.3} {:>6} {flops:>8} {peak:>6} {:>7.2} {:>6}",
            kernels.next().unwrap_or_default(),
            layers.next().unwrap_or_default(),
            row.calls,
            row.seconds * 1e3,
            percent(row.share, 1.0),
            row.bytes / 1e9,
            percent(row.bytes, ceilings.load_bytes),
        ));
        loop {
            let (kernel, layer) = (kernels.next(), layers.next());
            if kernel.is_none() && layer.is_none() {
                break;
            }
            let kernel = kernel.map_or(String::new(), |it| format!("+ {it}"));
            let layer = layer.unwrap_or_default();
            style::say(format_args!("{kernel:<33} {layer}"));
        }
    }
    let seconds = profile.step_seconds();
    style::say(format_args!(
        "step of {} samples: {:.2} ms ({:.0} samples/s), median of {} steps",
        profile.batch(),
        seconds * 1e3,
        f64::from(profile.batch()) / seconds,
        profile.steps(),
    ));
    if let Device::Gpu(..) = device {
        let starting = ceilings.dispatch_seconds * profile.launches() as f64;
        style::say(format_args!(
            "{} launches: {:.3} ms of it if each takes as long as an empty one, {:.3} ms are the kernels' work",
            profile.launches(),
            starting * 1e3,
            (seconds - starting).max(0.0) * 1e3,
        ));
    }
    let [flops, loads, dispatch] = match device {
        Device::Gpu(..) => ["in registers", "vec4 loads", "per empty dependent dispatch"],
        Device::Cpu(_) => ["in products", "loads", "for all threads to meet"],
    };
    style::say(format_args!(
        "ceilings of this device: {:.1} GFLOP/s {flops}, {:.1} GB/s of {loads}, {:.1} us {dispatch}\n",
        ceilings.flops / 1e9,
        ceilings.load_bytes / 1e9,
        ceilings.dispatch_seconds * 1e6,
    ));
    Ok(())
}
