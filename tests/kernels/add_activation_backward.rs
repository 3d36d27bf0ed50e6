use gpu_train::ops::activation::activation_forward::activate;
use gpu_train::ops::activation::add_activation_backward;
use gpu_train::shape::ImageShape;

use crate::harness::{assert_cases, assert_gradient, batch};
use crate::products::ACTIVATIONS;

#[test]
fn every_case_matches_the_twin() {
    assert_cases(&add_activation_backward::KERNEL);
}

/// Of a sum over two readers, one of which takes 1 and the other 2 of every number. Relu's kink at 0 is skipped: no argument lies
/// within 0.05 of it.
#[test]
fn the_gradient_is_the_derivative() {
    let at: Vec<f64> = (-10..10).map(|i| f64::from(i) * 0.3 + 0.1).collect();
    for activation in ACTIVATIONS {
        let output: Vec<f64> = at.iter().map(|&x| activate(activation, x)).collect();
        let (ones, twos) = (vec![1.0; at.len()], vec![2.0; at.len()]);
        let mut gradient = vec![0.0; at.len()];
        let call = add_activation_backward::call(ImageShape::vector(at.len()), activation);
        let (params, step) = (call.params(), batch(1));
        add_activation_backward::twin(params, &step, &output, &ones, &twos, &mut gradient);
        let loss = |x: &[f64]| x.iter().map(|&x| 3.0 * activate(activation, x)).sum();
        assert_gradient(&at, &gradient, loss, activation.name());
    }
}
