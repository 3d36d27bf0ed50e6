use gpu_train::ops::optimizer::adam_step;
use gpu_train::ops::optimizer::adam_step::{launch, state_after};
use gpu_train::ops::optimizer::{Adam, Optimizer as _};

use crate::harness::{Launch, Output, Random, assert_cases, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&adam_step::KERNEL);
}

/// The state after a step, and the faults.
fn after(outputs: &[Output]) -> ([Vec<f32>; 3], Vec<u32>) {
    let Output::Words(faults) = &outputs[3] else {
        panic!("faults are words");
    };
    (state_after(outputs), faults.clone())
}

/// ```python
/// p = torch.nn.Parameter(torch.tensor([0.5, -1.25, 2.0, 0.0]))
/// adam = torch.optim.Adam([p], lr=1e-3, foreach=False)
/// for g in [[0.1, -2.0, 0.0, 1e-6], [-0.3, 0.5, 1e-3, -4.0], [0.7, 0.25, -1e-3, 1e-8]]:
///     p.grad = torch.tensor(g)
///     adam.step()
/// print(p.data, adam.state[p]["exp_avg"], adam.state[p]["exp_avg_sq"])
/// ```
#[test]
fn three_steps_are_pytorchs() {
    let wanted = [
        [
            4.990_691_841e-1,
            -1.248_247_266,
            1.999_301_076,
            3.292_576_876e-4,
        ],
        [
            5.110_000_446e-2,
            -9.200_000_763e-2,
            -9.999_996_109e-6,
            -3.599_999_249e-1,
        ],
        [
            5.898_900_563e-4,
            4.304_254_428e-3,
            1.999_000_299e-9,
            1.598_400_064e-2,
        ],
    ];
    let start = [vec![0.5, -1.25, 2.0, 0.0], vec![0.0; 4], vec![0.0; 4]];
    let gradients = [
        [0.1, -2.0, 0.0, 1e-6],
        [-0.3, 0.5, 1e-3, -4.0],
        [0.7, 0.25, -1e-3, 1e-8],
    ];
    let run = |step: &dyn Fn(&Launch) -> Vec<Output>| {
        let mut state = start.clone();
        for (t, gradients) in (1..).zip(gradients) {
            state = after(&step(&launch(t, &state, gradients.to_vec()))).0;
        }
        state
    };
    for state in [
        run(&|launch| run_gpu(gpu(true), launch)),
        run(&|launch| run_gpu(gpu(false), launch)),
        run(&|launch| run_twin::<f32>(launch)),
    ] {
        for (got, want) in state.iter().flatten().zip(wanted.iter().flatten()) {
            // A few units in the last place, and of the parameter's own step of 1e-3.
            let difference = (f64::from(*got) - want).abs();
            assert!(difference <= 1e-9 + 3e-7 * want.abs(), "{got} {want}");
        }
    }
}

/// Moments decay to numbers that processors compute with a hundred times slower: those become 0.
#[test]
fn moments_without_a_gradient_end_at_zero() {
    let smallest = f32::MIN_POSITIVE;
    let moments = [
        smallest,
        -smallest,
        1.2 * smallest,
        1e-30,
        0.0,
        -1e-30,
        1.0,
        f32::NAN,
    ];
    let state = [
        vec![1.0; 8],
        moments.to_vec(),
        moments.map(f32::abs).to_vec(),
    ];
    let launch = launch(1000, &state, vec![0.0; 8]);
    for checked in [true, false] {
        let ([parameters, first, second], _) = after(&run_gpu(gpu(checked), &launch));
        assert_eq!(parameters[..6], [1.0; 6]);
        assert_eq!(first[..2], [0.0; 2]);
        assert!(first[2] > 0.0 && first[3] > 8e-31 && first[5] < -8e-31);
        assert_eq!(second[..2], [0.0; 2]);
        assert!(second[2] > 0.0 && second[3] > 9e-31);
        assert!(first[7].is_nan() && second[7].is_nan(), "a NaN stays");
    }
}

#[test]
fn gradients_that_are_not_finite_are_counted() {
    let len = 1_028;
    let mut gradients = Random::new(2).floats(len);
    for (index, value) in [
        (0, f32::NAN),
        (5, f32::INFINITY),
        (6, f32::NEG_INFINITY),
        (7, -f32::NAN),
        (1_027, f32::NAN),
        (100, f32::MAX),
        (101, f32::MIN_POSITIVE / 4.0),
    ] {
        gradients[index] = value;
    }
    let state = [vec![0.5; len], vec![0.0; len], vec![0.0; len]];
    let launch = launch(1, &state, gradients);
    for outputs in [
        run_gpu(gpu(true), &launch),
        run_gpu(gpu(false), &launch),
        run_twin::<f32>(&launch),
    ] {
        let ([parameters, ..], faults) = after(&outputs);
        assert_eq!(faults, [5, 10, 5]);
        assert!(parameters[0].is_nan() && parameters[1].is_finite());
    }
}

/// `1e-3 / (1 - 0.9 ** t)` and `(1 - 0.999 ** t) ** 0.5` in Python.
#[test]
fn factors_are_rounded_from_f64() {
    let adam = Adam::default();
    for (t, step_size, second_correction) in [
        (1, 0.010_000_000_000_000_002, 0.031_622_776_601_683_805),
        (10, 0.001_535_339_932_787_629_6, 0.099_775_346_605_520_57),
        (28_650, 0.001, 0.999_999_999_999_822),
    ] {
        let wanted = [step_size as f32, second_correction as f32, 0.0, 0.0];
        assert_eq!(adam.factors(1e-3, t), wanted);
    }
}
