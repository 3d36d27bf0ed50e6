use gpu_train::ops::optimizer::Sgd;
use gpu_train::ops::optimizer::sgd_step::{self, launch, state_after};

use crate::harness::{Launch, Output, assert_cases, gpu, run_gpu, run_twin};

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&sgd_step::KERNEL);
}

/// NaN and infinite gradients are counted, in their row.
#[test]
fn gradients_that_are_not_finite_are_counted() {
    let sgd = Sgd {
        momentum: 0.9,
        ..Sgd::default()
    };
    let mut gradients = vec![0.5; 300];
    for (at, bad) in [(0, f32::NAN), (7, f32::INFINITY), (299, f32::NEG_INFINITY)] {
        gradients[at] = bad;
    }
    let launch = launch(sgd, &[vec![1.0; 300], vec![0.0; 300]], gradients);
    let counts = |run: &dyn Fn(&Launch) -> Vec<Output>| {
        let outputs = run(&launch);
        let [parameters, _] = state_after(&outputs);
        assert!(parameters[0].is_nan() && parameters[1].is_finite());
        outputs.into_iter().next_back()
    };
    let wanted = Some(Output::Words(vec![5, 8, 5]));
    assert_eq!(counts(&|it| run_gpu(gpu(true), it)), wanted);
    assert_eq!(counts(&|it| run_gpu(gpu(false), it)), wanted);
    assert_eq!(counts(&|it| run_twin::<f32>(it)), wanted);
}
