//! Every variant of a kernel against its CPU twin.

use super::devices::Devices;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::{Kernel, Variant};
use crate::verify::cases::{self, Case};
use crate::verify::{Comparison, Expected, Submitted};

/// What was found about a kernel.
#[derive(Debug)]
pub struct KernelReport {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Variants that ran.
    pub run: usize,
    /// Variants that this adapter cannot run, and training never gives it.
    pub unsuited: usize,
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

/// A kernel with its variants and their cases.
#[derive(Debug)]
pub(super) struct Plan {
    pub kernel: &'static Kernel,
    variants: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    variant: Variant,
    wgsl_len: usize,
    /// Whether its threads share what they load through their subgroup.
    shares: bool,
    /// Whether it runs with checked shaders, too.
    checked: bool,
    cases: Vec<Case>,
}

impl Plan {
    /// What to run of `kernel`.
    ///
    /// All variants run as training runs them, unchecked. Of each family of tiles, which have one
    /// text, the shortest variant runs checked, too: variants of a family differ by how often lines
    /// are written out, and bounds checks by what is written around an index.
    pub fn of(kernel: &'static Kernel) -> Self {
        let mut variants: Vec<Planned> = Vec::new();
        for case in cases::of(kernel) {
            let variant = case.launch.call.variant;
            if let Some(planned) = variants.iter_mut().find(|it| it.variant == variant) {
                planned.cases.push(case);
                continue;
            }
            let wgsl = kernel.wgsl(variant).unwrap_or_default();
            variants.push(Planned {
                variant,
                wgsl_len: wgsl.len(),
                shares: wgsl.contains("subgroup"),
                checked: false,
                cases: vec![case],
            });
        }
        for index in 0..variants.len() {
            let of_family = |it: &&Planned| it.family().eq(variants[index].family());
            let family = variants.iter().filter(of_family);
            let shortest = family.min_by_key(|it| it.wgsl_len).map(|it| it.variant);
            variants[index].checked = shortest == Some(variants[index].variant);
        }
        Self { kernel, variants }
    }

    /// Variants.
    pub fn len(&self) -> usize {
        self.variants.len()
    }
}

impl Planned {
    /// What the variants of one text have in common: the names of their values, and whether lanes
    /// share loads.
    fn family(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let names = self.variant.iter();
        names.map(|&(name, value)| (name, name == "LANES" && value > 1))
    }
}

/// Runs all of `plan`, calling `each` after every variant.
pub(super) fn check(devices: &mut Devices, plan: &Plan, mut each: impl FnMut()) -> KernelReport {
    let mut report = KernelReport {
        kernel: plan.kernel,
        run: 0,
        unsuited: 0,
        launches: 0,
        share: 0.0,
        failures: Vec::new(),
    };
    for planned in &plan.variants {
        let gpu = devices.unchecked().map(crate::train::Session::gpu);
        if planned.shares && gpu.is_ok_and(|gpu| !shares_by_eight(gpu)) {
            report.unsuited += 1;
        } else {
            report.run += 1;
            run(devices, planned, &mut report);
            devices.replace_failed();
        }
        each();
    }
    report
}

/// Whether eight threads of a workgroup of eight are always in one subgroup.
fn shares_by_eight(gpu: &Gpu) -> bool {
    let smallest = gpu.device().adapter_info().subgroup_min_size;
    gpu.device().features().contains(wgpu::Features::SUBGROUP) && smallest >= 8
}

/// Runs one variant unchecked and, where that is planned, checked. The twins run while the GPU does.
fn run(devices: &Devices, planned: &Planned, report: &mut KernelReport) {
    let launches: Vec<_> = planned.cases.iter().map(|case| &case.launch).collect();
    let submit = |checked| {
        let submitted = devices
            .get(checked)
            .and_then(|session| Submitted::new(session.gpu(), &launches));
        (checked, submitted)
    };
    let kinds = [false, true].into_iter();
    let kinds = kinds.filter(|checked| !checked || planned.checked);
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
        for comparison in &found {
            report.share = report.share.max(comparison.share);
        }
        let mut wrong = found.iter().zip(&launches);
        let wrong =
            wrong.find_map(|(it, launch)| it.first.as_ref().map(|first| (it, first, launch)));
        if let Some((comparison, first, launch)) = wrong {
            let Comparison {
                wrong, elements, ..
            } = comparison;
            let what = format!("{first}; {wrong} of {elements} elements are wrong");
            report.failures.push(failed(Some(launch.describe()), what));
        }
    }
}
