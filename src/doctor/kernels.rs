//! One variant of a kernel against its CPU twin, and what is said of a kernel.

use super::devices::Devices;
use super::plan::Planned;
use crate::error::Result;
use crate::kernel::{Kernel, Variant};
use crate::verify::{Comparison, Expected, Submitted};

/// What was found about a kernel.
#[derive(Debug)]
pub struct KernelReport {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// What was found about its variants, all in one.
    pub found: Found,
}

/// What was found about one variant, or several.
#[derive(Debug, Default)]
pub struct Found {
    /// Variants that ran.
    pub run: usize,
    /// Variants that could not run beside others, but alone on a new device.
    pub repeated: usize,
    /// Launches that were compared with the twin.
    pub launches: usize,
    /// The largest deviation as a share of what is allowed: up to 1 where nothing failed.
    pub share: f64,
    /// What failed, at most one entry per variant and kind of shader.
    pub failures: Vec<Failure>,
}

/// A variant that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The variant.
    pub variant: Variant,
    /// Whether its shader was compiled with bounds checks.
    pub checked: bool,
    /// Params and batch of the first launch that failed; `None` where none could run.
    pub launch: Option<String>,
    /// What was wrong: an element with its value and the twin's, or an error.
    pub what: String,
}

impl Found {
    /// Takes in what was found about another variant.
    pub(super) fn add(&mut self, other: Self) {
        self.run += other.run;
        self.repeated += other.repeated;
        self.launches += other.launches;
        self.share = self.share.max(other.share);
        self.failures.extend(other.failures);
    }

    /// Whether something could not run at all, as where the device was lost.
    pub(super) fn has_errors(&self) -> bool {
        self.failures.iter().any(|it| it.launch.is_none())
    }
}

/// Runs a variant on `devices`, and leaves those open.
pub(super) fn check(devices: &mut Devices, planned: &Planned) -> Found {
    let found = run(devices, planned);
    devices.replace_failed();
    found
}

/// Runs a variant unchecked and, where that is planned, checked. The twins run while the GPU does.
fn run(devices: &Devices, planned: &Planned) -> Found {
    let mut report = Found {
        run: 1,
        ..Found::default()
    };
    let launches: Vec<_> = planned.cases.iter().map(|case| &case.launch).collect();
    let submit = |checked| {
        let submitted = devices
            .get(checked)
            .and_then(|session| Submitted::new(session.device(), &launches));
        (checked, submitted)
    };
    let kinds = [false, true].into_iter();
    let kinds = kinds.filter(|checked| !checked || (planned.checked && !devices.has_cpu()));
    let submitted: Vec<(bool, Result<Submitted<'_>>)> = kinds.map(submit).collect();
    let expected = planned.cases.iter();
    let expected: Vec<Expected> = expected
        .map(|case| Expected::of(&case.launch, case.tolerance))
        .collect();
    for (checked, submitted) in submitted {
        let failed = |launch, what| Failure {
            variant: planned.variant,
            checked,
            launch,
            what,
        };
        let outputs = match submitted.and_then(Submitted::read) {
            Ok(outputs) => outputs,
            Err(error) => {
                report.failures.push(failed(None, error.to_string()));
                continue;
            }
        };
        let found = expected.iter().zip(&outputs);
        let found: Vec<Comparison> = found.map(|(it, got)| it.compare(got)).collect();
        report.launches += found.len();
        for (comparison, launch) in found.iter().zip(&launches) {
            report.share = report.share.max(comparison.share);
            let is_first = !report.failures.iter().any(|it| it.checked == checked);
            if let (true, Some(first)) = (is_first, &comparison.first) {
                let (wrong, of) = (comparison.wrong, comparison.elements);
                let what = format!("{first}; {wrong} of {of} elements are wrong");
                report.failures.push(failed(Some(launch.describe()), what));
            }
        }
    }
    report
}
