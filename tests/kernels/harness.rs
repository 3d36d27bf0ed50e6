//! Asserts what `gpu_train::verify` finds: that a kernel on the GPU, checked and unchecked, and the
//! processor's own compute what its twin does.

use std::sync::OnceLock;

use gpu_train::exec::Cpu;
use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::kernel::Kernel;
use gpu_train::verify::{self, Expected, SubmittedToGpu};

pub use gpu_train::kernel::case::{Argument, Launch, Output, Tolerance, batch};
pub use gpu_train::kernel::numbers::Random;
pub use gpu_train::verify::run_twin;

pub fn gpu(checked: bool) -> &'static Gpu {
    static GPUS: [OnceLock<Gpu>; 2] = [OnceLock::new(), OnceLock::new()];
    GPUS[usize::from(checked)].get_or_init(|| {
        let options = GpuOptions {
            checked,
            ..GpuOptions::default()
        };
        Gpu::open(&options).expect("these tests need a GPU adapter; `make test` sees to one")
    })
}

fn cpu() -> &'static Cpu {
    static CPU: OnceLock<Cpu> = OnceLock::new();
    CPU.get_or_init(|| Cpu::open(&GpuOptions::default()).expect("starts its threads"))
}

/// Asserts that every case of `kernel` passes.
pub fn assert_cases(kernel: &Kernel) {
    for case in (kernel.cases)() {
        assert_twin(&case.launch, case.tolerance);
    }
}

/// Runs `launch` on the GPU, checked and unchecked, and on the processor; asserts that every output is
/// the twin's.
pub fn assert_twin(launch: &Launch, tolerance: Tolerance) {
    let submit = |checked: bool| {
        SubmittedToGpu::new(gpu(checked), &[launch]).unwrap_or_else(|error| panic!("{error}"))
    };
    let submitted = [true, false].map(|checked| (checked, submit(checked)));
    let on_cpu = run_cpu(launch);
    let expected = Expected::of(launch, tolerance);
    for (checked, submitted) in submitted {
        let outputs = submitted.read().unwrap_or_else(|error| panic!("{error}"));
        assert_expected(
            &expected,
            launch,
            &outputs[0],
            &format!("checked {checked}"),
        );
    }
    assert_expected(&expected, launch, &on_cpu, "on the processor");
}

/// Runs `launch` on the processor alone, and asserts that every output is the twin's.
pub fn assert_twin_on_cpu(launch: &Launch, tolerance: Tolerance) {
    let expected = Expected::of(launch, tolerance);
    assert_expected(&expected, launch, &run_cpu(launch), "on the processor");
}

fn assert_expected(expected: &Expected, launch: &Launch, outputs: &[Output], how: &str) {
    let found = expected.compare(outputs);
    assert!(found.elements > 0);
    if let Some(first) = found.first {
        panic!(
            "{} {:?} ({how}, {}): {} of {} elements are wrong: {first}",
            launch.call.kernel.name,
            launch.call.variant,
            launch.describe(),
            found.wrong,
            found.elements,
        );
    }
}

/// The outputs of the processor's own kernel; asserts that nothing was written outside of them.
pub fn run_cpu(launch: &Launch) -> Vec<Output> {
    verify::run_cpu(cpu(), launch).unwrap_or_else(|error| panic!("{error}"))
}

/// The GPU's outputs; asserts that nothing was written outside of them.
pub fn run_gpu(gpu: &Gpu, launch: &Launch) -> Vec<Output> {
    verify::run_gpu(gpu, launch).unwrap_or_else(|error| panic!("{error}"))
}

/// `len` numbers in no order, each at least 0.01 from every other: maxima without ties.
pub fn distinct(len: usize) -> Vec<f64> {
    // 7919 is a prime, and larger than any `len` that a test uses: every remainder comes once.
    assert!(len < 7_919);
    (1..=len)
        .map(|i| (i * 3_571 % 7_919) as f64 * 0.01 - 40.0)
        .collect()
}

/// Asserts that `gradient[i]` is the derivative of `loss` by `at[i]`, by central differences.
pub fn assert_gradient(at: &[f64], gradient: &[f64], loss: impl Fn(&[f64]) -> f64, what: &str) {
    let step = 1e-5;
    for index in 0..at.len() {
        let mut moved = at.to_vec();
        moved[index] = at[index] + step;
        let above = loss(&moved);
        moved[index] = at[index] - step;
        let slope = (above - loss(&moved)) / (2.0 * step);
        let difference = (slope - gradient[index]).abs();
        assert!(
            difference <= 1e-6 * (1.0 + slope.abs()),
            "{what}, element {index}: gradient {} instead of {slope}",
            gradient[index]
        );
    }
}
