//! What `gpu-train doctor` finds: nothing on a device that the other tests pass on, and every kernel
//! that is broken on purpose.
//!
//! Not covered here: how it prints, which `tests/cli/doctor.rs` looks at; devices that are lost and
//! shaders that do not compile, which the unit tests of `src/doctor/crew.rs` make.

use gpu_train::doctor::{DoctorEvent, DoctorOptions, Report, examine};
use gpu_train::exec::Device;
use gpu_train::gpu::GpuOptions;
use gpu_train::kernel::Kernel;
use gpu_train::ops::ALL;
use gpu_train::verify::{Expected, Submitted};

use crate::support::{adapter, cpu, processor, session};

fn broken(device: GpuOptions, kernel: &Kernel) -> GpuOptions {
    GpuOptions {
        break_kernel: Some(kernel.name.to_owned()),
        ..device
    }
}

fn report(options: &DoctorOptions) -> Report {
    examine(options, |_| {}).expect("there is an adapter")
}

/// All of it: whatever the adapter.
#[test]
fn a_sound_adapter_passes() {
    assert_passes(adapter());
}

#[test]
fn the_processor_passes() {
    assert_passes(processor());
}

fn assert_passes(gpu: GpuOptions) {
    let options = DoctorOptions {
        gpu,
        ..DoctorOptions::default()
    };
    let (mut steps, mut done) = (0, 0);
    let report = examine(&options, |event| match event {
        DoctorEvent::Opened { steps: all, .. } => steps = *all,
        DoctorEvent::Step => done += 1,
        _ => {}
    });
    let report = report.expect("there is an adapter");
    report.verdict().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(done, steps, "progress ends where it should");
    assert_eq!(report.training.len(), 4);
    for (one, kernel) in report.kernels.iter().zip(ALL) {
        assert_eq!(one.kernel.name, kernel.name);
        let found = &one.found;
        assert_eq!(found.run, kernel.variants.len());
        assert!(found.launches >= found.run && found.share <= 1.0);
    }
    assert_eq!(report.kernels.len(), ALL.len());
}

/// Of each kernel the last variant: the smallest tile, where it has several.
#[test]
fn every_kernel_can_be_broken_and_is_found_out() {
    for kernel in ALL {
        let cases = (kernel.cases)().into_iter();
        let mut of_last =
            cases.filter(|it| kernel.variants.last() == Some(&it.launch.call.variant));
        let case = of_last.next().expect("every variant has cases");
        let expected = Expected::of(&case.launch, case.tolerance);
        let wrong = |device: &Device| {
            let submitted = Submitted::new(device, &[&case.launch]).expect("compiles");
            expected.compare(&submitted.read().expect("runs")[0]).wrong
        };
        for (options, whole) in [(adapter(), session()), (processor(), cpu())] {
            let device = Device::open(&broken(options, kernel)).expect("there is an adapter");
            let what = format!("{} on {}", kernel.name, device.description().name);
            assert!(wrong(&device) > 0, "{what}");
            assert_eq!(wrong(whole.device()), 0, "{what}");
        }
    }
}

/// Kernels of a single variant: the others' are many, and compiled one by one.
#[test]
fn the_broken_kernel_is_named_and_no_other() {
    let single = ALL.iter().filter(|kernel| kernel.variants.len() == 1);
    let names: Vec<String> = single.map(|kernel| kernel.name.to_owned()).collect();
    assert!(names.len() > 5);
    for (name, device) in [
        ("max_pool2d_backward", adapter()),
        ("regression_loss", adapter()),
        ("max_pool2d_backward", processor()),
        ("clip_gradients", processor()),
    ] {
        let kernel = ALL.iter().find(|kernel| kernel.name == name);
        let report = report(&DoctorOptions {
            gpu: broken(device, kernel.expect("there is one")),
            kernels: names.clone(),
        });
        let error = report
            .verdict()
            .expect_err("a kernel is broken")
            .to_string();
        assert!(error.ends_with(&format!(": kernel {name}")), "{error}");
        for one in &report.kernels {
            let is_broken = one.kernel.name == name;
            let found = &one.found;
            assert_eq!(
                !found.failures.is_empty(),
                is_broken,
                "{:?}",
                found.failures
            );
            if let Some(failure) = found.failures.first() {
                let launch = failure.launch.as_deref().expect("ran");
                assert!(launch.contains("batch"), "{launch}");
                assert!(failure.what.contains("instead of"), "{}", failure.what);
            }
        }
        assert!(
            report.training.is_empty(),
            "only these kernels were asked for"
        );
    }
}
