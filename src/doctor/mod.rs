//! Floor 7: whether this device computes what gpu-train means.
//!
//! Every variant of every kernel against its CPU twin, training steps against the CPU executor, and
//! the same training twice for the same bits. Never prints: it emits [`DoctorEvent`]s and returns a
//! [`Report`].

mod crew;
mod devices;
mod kernels;
mod plan;
mod system;
mod training;
mod twins;

pub use kernels::{Failure, Found, KernelReport};
pub use system::{Feature, Requirement, System};
pub use training::TrainingReport;
pub use twins::{distance, distance_from_twins};

use crate::error::{Error, Result};
use crate::gpu::GpuOptions;
use crate::kernel::Kernel;
use crate::ops::ALL;
use crew::check_all;
use devices::Devices;
use plan::Plan;
use training::Training;

/// What [`examine`] examines.
#[derive(Debug, Clone, Default)]
pub struct DoctorOptions {
    /// The adapter; whether shaders are checked is the doctor's own choice.
    pub gpu: GpuOptions,
    /// Names of the kernels to run, without any training; empty for all of them, and training.
    pub kernels: Vec<String>,
}

/// What [`examine`] does and finds.
#[derive(Debug)]
pub enum DoctorEvent<'a> {
    /// The adapter is open; there are that many `steps` to do, of which each ends in a `Step`.
    Opened {
        /// What it is and what it has.
        system: &'a System,
        /// Variants and trainings.
        steps: usize,
    },
    /// A kernel's variants are run, or a training.
    Started(&'a str),
    /// A variant, or a training, is done.
    Step,
    /// All variants of a kernel are done.
    Kernel(&'a KernelReport),
    /// A training is done.
    Training(&'a TrainingReport),
}

/// What [`examine`] found.
#[derive(Debug)]
pub struct Report {
    /// The adapter.
    pub system: System,
    /// One entry per kernel.
    pub kernels: Vec<KernelReport>,
    /// One entry per training.
    pub training: Vec<TrainingReport>,
}

/// Examines the adapter that `options` ask for, telling `each` what it does. What fails stops
/// nothing: it is in the report.
///
/// Errors where there is no such adapter, or no such kernel.
pub fn examine(options: &DoctorOptions, mut each: impl FnMut(&DoctorEvent<'_>)) -> Result<Report> {
    let wanted = wanted(&options.kernels)?;
    let mut devices = Devices::open(&options.gpu)?;
    let system = System::of(devices.unchecked()?);
    let plans: Vec<Plan> = wanted.iter().map(|kernel| Plan::of(kernel)).collect();
    let trainings: &[Training] = match options.kernels[..] {
        [] => &Training::ALL,
        _ => &[],
    };
    let variants: usize = plans.iter().map(|plan| plan.variants.len()).sum();
    each(&DoctorEvent::Opened {
        system: &system,
        steps: variants + trainings.len(),
    });
    let mut report = Report {
        kernels: check_all(&mut devices, &plans, &mut each),
        training: Vec::new(),
        system,
    };
    for training in trainings {
        each(&DoctorEvent::Started(&training.name()));
        let found = training.check(devices.unchecked());
        devices.replace_failed();
        each(&DoctorEvent::Step);
        each(&DoctorEvent::Training(&found));
        report.training.push(found);
    }
    Ok(report)
}

impl Report {
    /// An error that names what failed, if anything did.
    pub fn verdict(&self) -> Result<()> {
        let kernels = self
            .kernels
            .iter()
            .filter(|it| !it.found.failures.is_empty());
        let kernels: Vec<&str> = kernels.map(|it| it.kernel.name).collect();
        let training = self.training.iter().filter(|it| it.outcome.is_err());
        let training: Vec<&str> = training.map(|it| it.name.as_str()).collect();
        let mut what = Vec::new();
        match kernels.len() {
            0 => {}
            1 => what.push(format!("kernel {}", kernels[0])),
            _ => what.push(format!("kernels {}", kernels.join(", "))),
        }
        what.extend(training.into_iter().map(str::to_owned));
        if what.is_empty() {
            return Ok(());
        }
        Err(Error::gpu(
            format!(
                "failed on {}: {}",
                self.system.adapter.name,
                what.join("; ")
            ),
            "report it with all of the above; another driver version, or another adapter with \
             `device`, may serve",
        ))
    }
}

/// The kernels of those `names`, or all of them.
fn wanted(names: &[String]) -> Result<Vec<&'static Kernel>> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let mut kernels: Vec<&'static Kernel> = Vec::new();
    for name in names {
        let kernel = named(name)?;
        if !kernels.contains(&kernel) {
            kernels.push(kernel);
        }
    }
    Ok(kernels)
}

/// The kernel of that name; errors where there is none, listing those that there are.
pub fn named(name: &str) -> Result<&'static Kernel> {
    let found = ALL.iter().find(|kernel| kernel.name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|kernel| kernel.name).collect();
        Error::usage(
            format!("there is no kernel '{name}'"),
            format!("the kernels are {}", names.join(", ")),
        )
    })
}
