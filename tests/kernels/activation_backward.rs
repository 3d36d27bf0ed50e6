use gpu_train::ops::activation::activation_backward;
use gpu_train::ops::activation::activation_backward::slope;
use gpu_train::ops::activation::activation_forward::activate;

use crate::harness::{assert_cases, assert_gradient};
use crate::products::ACTIVATIONS;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&activation_backward::KERNEL);
}

/// Relu's kink at 0 is skipped: no argument lies within 0.05 of it.
#[test]
fn the_slope_is_the_derivative() {
    let at: Vec<f64> = (-10..10).map(|i| f64::from(i) * 0.3 + 0.1).collect();
    for activation in ACTIVATIONS {
        let slopes: Vec<f64> = at
            .iter()
            .map(|&x| slope(activation, activate(activation, x)))
            .collect();
        let loss = |x: &[f64]| x.iter().map(|&x| activate(activation, x)).sum();
        assert_gradient(&at, &slopes, loss, activation.name());
    }
}
