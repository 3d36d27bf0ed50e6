//! `--profile`: where the time of a training step goes.

use super::style;
use crate::exec::{Ceilings, Profile};

/// Prints the table of `profile` to stdout, beside what the adapter can do at best.
pub(super) fn show(profile: &Profile, ceilings: &Ceilings) {
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
        style::say(format_args!(
            "{:<33} {:<14} {:>5} {:>9.3} {:>6} {flops:>8} {peak:>6} {:>7.2} {:>6}",
            row.kernel,
            row.layer,
            row.calls,
            row.seconds * 1e3,
            percent(row.share, 1.0),
            row.bytes / 1e9,
            percent(row.bytes, ceilings.load_bytes),
        ));
    }
    let seconds = profile.step_seconds();
    style::say(format_args!(
        "step of {} samples: {:.2} ms ({:.0} samples/s), median of {} steps",
        profile.batch(),
        seconds * 1e3,
        f64::from(profile.batch()) / seconds,
        profile.steps(),
    ));
    style::say(format_args!(
        "ceilings of this adapter: {:.1} GFLOP/s in registers, {:.1} GB/s of vec4 loads, \
         {:.1} us per empty dependent dispatch\n",
        ceilings.flops / 1e9,
        ceilings.load_bytes / 1e9,
        ceilings.dispatch_seconds * 1e6,
    ));
}
