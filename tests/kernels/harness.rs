//! Asserts what `gpu_train::verify` finds: that a kernel on the GPU, checked and unchecked, computes
//! what its twin does.

use std::sync::OnceLock;

use gpu_train::gpu::{Gpu, GpuOptions};
use gpu_train::kernels::Kernel;
use gpu_train::verify::{self, Expected, Submitted, cases};

pub use gpu_train::verify::numbers::Random;
pub use gpu_train::verify::{Argument, Launch, Output, Tolerance, batch, run_twin};

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

/// Asserts that every case of `kernel` passes.
pub fn assert_cases(kernel: &Kernel) {
    for case in cases::of(kernel) {
        assert_twin(&case.launch, case.tolerance);
    }
}

/// Runs `launch` on the GPU, checked and unchecked, and asserts that every output is the twin's.
pub fn assert_twin(launch: &Launch, tolerance: Tolerance) {
    let submit = |checked: bool| {
        Submitted::new(gpu(checked), &[launch]).unwrap_or_else(|error| panic!("{error}"))
    };
    let submitted = [submit(true), submit(false)];
    let expected = Expected::of(launch, tolerance);
    for (submitted, checked) in submitted.into_iter().zip([true, false]) {
        let outputs = submitted.read().unwrap_or_else(|error| panic!("{error}"));
        let found = expected.compare(&outputs[0]);
        assert!(found.elements > 0);
        if let Some(first) = found.first {
            panic!(
                "{} {:?} (checked {checked}, {}): {} of {} elements are wrong: {first}",
                launch.call.kernel.name,
                launch.call.variant,
                launch.describe(),
                found.wrong,
                found.elements,
            );
        }
    }
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
