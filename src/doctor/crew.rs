//! Runs the variants of all kernels, two at a time: most of the time goes into compiling them, which
//! drivers do on one core each.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, mpsc};
use std::thread;

use super::DoctorEvent;
use super::devices::Devices;
use super::kernels::{Found, KernelReport, check};
use super::plan::{Plan, Planned};

/// Runs all of `plans`, one half on `devices` and the other on devices of its own, where those can
/// be opened. Tells `each` of every variant as it is done, and of every kernel in order.
pub(super) fn check_all(
    devices: &mut Devices,
    plans: &[Plan],
    each: &mut impl FnMut(&DoctorEvent<'_>),
) -> Vec<KernelReport> {
    let jobs: Vec<&Planned> = plans.iter().flat_map(|plan| &plan.variants).collect();
    let queue = Queue {
        next: AtomicUsize::new(0),
        alone: RwLock::new(()),
        jobs: &jobs,
    };
    let mut second = (jobs.len() > 1).then(|| devices.again().ok()).flatten();
    let mut found: Vec<Option<Found>> = jobs.iter().map(|_| None).collect();
    let mut reports = Vec::new();
    let mut at = 0;
    thread::scope(|scope| {
        let (done, results) = mpsc::channel();
        for devices in [Some(devices), second.as_mut()].into_iter().flatten() {
            let (done, queue) = (done.clone(), &queue);
            scope.spawn(move || queue.work(devices, &done));
        }
        drop(done);
        for plan in plans {
            each(&DoctorEvent::Started(plan.kernel.name));
            let of_kernel = at..at + plan.variants.len();
            at = of_kernel.end;
            while found[of_kernel.clone()].iter().any(Option::is_none) {
                // Ends where a thread panicked, which the scope then does as well.
                let Ok((job, result)) = results.recv() else {
                    return;
                };
                found[job] = Some(result);
                each(&DoctorEvent::Step);
            }
            let mut all = Found::default();
            for one in found[of_kernel].iter_mut().filter_map(Option::take) {
                all.add(one);
            }
            let report = KernelReport {
                kernel: plan.kernel,
                found: all,
            };
            each(&DoctorEvent::Kernel(&report));
            reports.push(report);
        }
    });
    reports
}

/// Variants to run, and who may run beside others.
struct Queue<'a> {
    next: AtomicUsize,
    /// Read by those that run beside others, written by one that runs alone.
    alone: RwLock<()>,
    jobs: &'a [&'a Planned],
}

impl Queue<'_> {
    /// Runs what is next until nothing is left, handing on each job's number and result.
    fn work(&self, devices: &mut Devices, done: &mpsc::Sender<(usize, Found)>) {
        loop {
            let job = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(planned) = self.jobs.get(job) else {
                return;
            };
            let found = self.run(devices, planned);
            if done.send((job, found)).is_err() {
                return;
            }
        }
    }

    /// Runs a variant; where it cannot run, once more and alone: a GPU that is lost takes every
    /// device with it, whichever of them was to blame.
    fn run(&self, devices: &mut Devices, planned: &Planned) -> Found {
        let found = {
            let _beside = self.alone.read().unwrap_or_else(PoisonError::into_inner);
            check(devices, planned)
        };
        if !found.has_errors() {
            return found;
        }
        let _alone = self.alone.write().unwrap_or_else(PoisonError::into_inner);
        devices.replace_failed();
        let again = check(devices, planned);
        if again.has_errors() {
            return found;
        }
        Found {
            repeated: 1,
            ..again
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::GpuOptions;
    use crate::kernel::Kernel;
    use crate::ops::loss::regression_loss;
    use crate::ops::reduce::sum_partials;

    /// Adapter 0, whatever it is: without a name the processor stands in for a GPU that is missing.
    fn devices() -> Devices {
        let devices = Devices::open(&GpuOptions {
            device: Some("0".to_owned()),
            ..GpuOptions::default()
        });
        devices.expect("this test needs a GPU adapter; `make test` sees to one")
    }

    #[test]
    fn a_variant_whose_device_was_lost_runs_again_on_a_new_one() {
        let mut devices = devices();
        let session = devices.unchecked().expect("open");
        let gpu = session.device().gpu("this test").expect("is one");
        gpu.device().destroy();
        let plan = [Plan::of(&sum_partials::KERNEL)];
        let repeated = |devices: &mut Devices| {
            let reports = check_all(devices, &plan, &mut |_| {});
            let found = &reports[0].found;
            assert_eq!(found.failures, []);
            assert!(found.launches > 0 && found.share > 0.0);
            found.repeated
        };
        assert_eq!(repeated(&mut devices), 1);
        assert_eq!(repeated(&mut devices), 0);
    }

    #[test]
    fn what_a_lost_device_was_to_do_is_reported() {
        let mut devices = devices();
        let plan = Plan::of(&sum_partials::KERNEL);
        let session = devices.unchecked().expect("open");
        let gpu = session.device().gpu("this test").expect("is one");
        gpu.device().destroy();
        let found = check(&mut devices, &plan.variants[0]);
        let [failure] = &found.failures[..] else {
            panic!("one kind of shader failed: {:?}", found.failures);
        };
        assert!(!failure.checked && failure.launch.is_none(), "{failure:?}");
        assert!(!failure.what.is_empty());
    }

    static BROKEN: Kernel = Kernel {
        name: "sum_partials",
        source: "nonsense",
        bindings: sum_partials::KERNEL.bindings,
        params: sum_partials::KERNEL.params,
        variants: &[&[]],
        twin: sum_partials::KERNEL.twin,
        native: None,
        cases: sum_partials::KERNEL.cases,
    };

    #[test]
    fn a_variant_that_does_not_compile_is_reported_and_the_others_run() {
        let mut plans = [&sum_partials::KERNEL, &regression_loss::KERNEL].map(Plan::of);
        plans[0].variants.retain(|it| it.checked);
        plans[0].variants[0].cases[0].launch.call.kernel = &BROKEN;
        let mut steps = 0;
        let reports = check_all(&mut devices(), &plans, &mut |event| {
            steps += usize::from(matches!(event, DoctorEvent::Step));
        });
        assert_eq!((reports.len(), steps), (2, 2));
        let [unchecked, checked] = &reports[0].found.failures[..] else {
            panic!("both kinds of shader fail: {:?}", reports[0].found);
        };
        assert_eq!([unchecked.checked, checked.checked], [false, true]);
        let what = &unchecked.what;
        assert!(
            what.contains("shader sum_partials does not compile"),
            "{what}"
        );
        assert_eq!(reports[1].found.failures, []);
    }
}
